"""Dataset folders on disk: written as a stream, and seen by others only when they are whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec
import tomli_w
from msgspec.structs import replace

from companion.core.dataset import DatasetSource, Dialogue
from companion.core.errors import DatasetError
from companion.core.files import write_atomic

DATA_FILE: Final = "data.jsonl"
SOURCE_FILE: Final = "source.toml"
_MOST_SOURCE_BYTES: Final = 1024 * 1024


def read_source(path: Path) -> DatasetSource:
    """Where the dialogues of a file or a dataset folder came from; what nobody wrote down is "unknown".

    Raises DatasetError when source.toml is there and cannot be understood.
    """
    folder = path if path.is_dir() else path.parent if path.name == DATA_FILE else None
    file = folder / SOURCE_FILE if folder is not None else None
    if file is None or not file.is_file():
        name = path.stem if path.name != DATA_FILE else path.parent.name
        return DatasetSource(name=name, origin=str(path))
    try:
        if file.stat().st_size > _MOST_SOURCE_BYTES:
            raise DatasetError(f"“{file}” is larger than 1 MB.", "Shorten it: it says where the dialogues came from.")
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), DatasetSource)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise DatasetError(f"“{file}” is no description of a dataset ({error}).", "Correct it or delete it.") from error
    except OSError as error:
        raise DatasetError(f"“{file}” cannot be read ({error.strerror}).", "Check that you may read it.") from error


class DatasetWriter:
    """A new dataset folder. Use as a context manager; without `finish` nothing is left of it.

    Raises DatasetError when there is a dataset already, when the folder cannot be written, or when the disk is full.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dialogues = self.turns = self.words = 0
        if (folder / DATA_FILE).exists():
            raise DatasetError(f"There already is a dataset in “{folder}”.", "Name another folder, or delete that one.")
        with self._told():
            self._made = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=folder, prefix=f".{DATA_FILE}.", suffix=".part")
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink()
        if self._made:
            with contextlib.suppress(OSError):
                self.folder.rmdir()  # only when nothing is in it

    def add(self, dialogue: Dialogue) -> None:
        with self._told():
            self._file.write(msgspec.json.encode(dialogue) + b"\n")
        self.dialogues += 1
        self.turns += len(dialogue.messages)
        self.words += sum(len(turn.content.split()) for turn in dialogue.messages)

    def finish(self, source: DatasetSource) -> DatasetSource:
        """Write where it came from, with the counts, and then give the dialogues their name; returns what was written."""
        whole = replace(
            source,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            dialogues=self.dialogues,
            turns=self.turns,
            words=self.words,
        )
        with self._told():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            write_atomic(self.folder / SOURCE_FILE, tomli_w.dumps(msgspec.to_builtins(whole)).encode())
            self._temporary.replace(self.folder / DATA_FILE)
        return whole

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"“{self.folder}” cannot be written ({error.strerror})."
            raise DatasetError(what, "Make room on the disk, or name another folder.") from error
