"""Examples on disk: one file that is written as a stream and read through a memory map, so that size costs no memory.

    tokens    uint32 per token; the highest bit says whether it is learned
    tables    named arrays of 64-bit integers, such as where every example begins
    details   JSON, with the names, types and lengths of the tables
    ending    two little-endian uint64: bytes of the tables and details; then 8 bytes that say the file is whole

What says that it is whole stands at the end, and the file gets its name when it is finished: half of one is never read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from companion.core.errors import DatasetError
from companion.workshop.data.batch import Example

_LEARNED: Final = np.uint32(1 << 31)
_MAGIC: Final = b"CMPTOKN1"
_ENDING: Final = 24
_FULL: Final = "Make room on the disk, or choose another folder."


class TokenWriter:
    """Use as a context manager; `finish` gives the file its name, leaving without it leaves nothing behind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts = array("q", [0])
        self._owners = array("q")
        self._supervised = array("q")
        self._hash = hashlib.sha256()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
        except OSError as error:
            raise _unwritable(path, error) from error
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")

    def __enter__(self) -> TokenWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink()

    @property
    def examples(self) -> int:
        return len(self._owners)

    @property
    def tokens(self) -> int:
        return self._starts[-1]

    def add(self, example: Example, owner: int) -> None:
        """`owner` is the number of the dialogue the example came from."""
        packed = np.asarray(example.tokens, dtype=np.uint32)
        learn = np.asarray(example.learn, dtype=np.bool_)
        packed[learn] |= _LEARNED
        content = packed.tobytes()
        self._hash.update(len(packed).to_bytes(8, "little"))
        self._hash.update(content)
        try:
            self._file.write(content)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        self._starts.append(self._starts[-1] + len(packed))
        self._owners.append(owner)
        self._supervised.append(int(learn[1:].sum()))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of tokens and masks in their order."""
        return self._hash.hexdigest()

    def finish(self, details: dict[str, Any]) -> None:
        """Write the rest and give the file its name. `details` are anything msgspec writes as JSON."""
        tables = {"starts": self._starts, "owners": self._owners, "supervised": self._supervised}
        arrays = {name: np.asarray(values) for name, values in tables.items()}
        shapes = {name: (values.dtype.str, len(values)) for name, values in arrays.items()}
        size = sum(values.nbytes for values in arrays.values())
        text = msgspec.json.encode({"details": details, "tables": shapes, "fingerprint": self.fingerprint})
        try:
            for values in arrays.values():
                self._file.write(values.tobytes())
            self._file.write(text + size.to_bytes(8, "little") + len(text).to_bytes(8, "little") + _MAGIC)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._temporary.replace(self._path)
        except OSError as error:
            raise _unwritable(self._path, error) from error


class TokenFile:
    """The examples of a finished file. Raises DatasetError when it is damaged, OSError when it is not there."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        damaged = DatasetError(f"“{path.name}” is damaged.", "Delete it; it is made again from the dialogues.")
        with path.open("rb") as file:
            file.seek(max(0, size - _ENDING))
            ending = file.read(_ENDING)
            tables, details = (int.from_bytes(ending[at : at + 8], "little") for at in (0, 8))
            begin = size - _ENDING - details - tables
            if len(ending) < _ENDING or ending[16:] != _MAGIC or begin < 0 or begin % 4:
                raise damaged
            file.seek(begin + tables)
            try:
                head = msgspec.json.decode(file.read(details))
                file.seek(begin)
                sizes = head["tables"].items()
                arrays = {name: np.frombuffer(file.read(8 * length), dtype=kind) for name, (kind, length) in sizes}
                self.details: dict[str, Any] = head["details"]
                self.fingerprint: str = head["fingerprint"]
                self._starts, self.owners, self.supervised = (arrays[name] for name in ("starts", "owners", "supervised"))
            except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
                raise damaged from error
        empty = np.zeros(0, dtype=np.uint32)
        self._packed: NDArray[np.uint32] = np.memmap(path, dtype="<u4", mode="r", shape=(begin // 4,)) if begin else empty

    def __len__(self) -> int:
        return len(self.owners)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(examples,) tokens of each."""
        return np.diff(self._starts)

    def arrays(self, index: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(tokens,) tokens and whether each is learned."""
        packed = self._packed[self._starts[index] : self._starts[index + 1]]
        return (packed & ~_LEARNED).astype(np.int64), (packed & _LEARNED) != 0

    def example(self, index: int) -> Example:
        tokens, learn = self.arrays(index)
        return Example(tokens.tolist(), learn.tolist())

    def __iter__(self) -> Iterator[Example]:
        return (self.example(index) for index in range(len(self)))


def _unwritable(path: Path, error: OSError) -> DatasetError:
    return DatasetError(f"“{path}” cannot be written ({error.strerror}).", _FULL)
