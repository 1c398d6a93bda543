"""What a quantization has built and proven so far, in the folder of its job: a resumed job builds and measures none of it again.

<job>/measured/builds.json       what was measured of which build, and which one is the best
<job>/measured/build-<n>.gguf    the best one, until it is delivered
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from companion.core.files import read_json, write_atomic
from companion.core.job import Proven
from companion.core.job_folder import JobFolder
from companion.llama.quantize import sweep


class Made(NamedTuple):
    """A build that was proven; `stock` names llama.cpp's recipe when it is one."""

    file: Path
    proven: Proven
    stock: str = ""


class _Tried(msgspec.Struct, frozen=True):
    kinds: dict[str, str]
    proven: Proven


class _Best(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    proven: Proven
    stock: str = ""


class _Record(msgspec.Struct, kw_only=True):
    tried: list[_Tried] = []
    best: _Best | None = None
    count: int = 0
    """Of files that were begun: each gets a name of its own."""
    source_bytes: int = 0
    """Of what was quantized, once nothing better is looked for."""


class KeptBuilds:
    """One process at a time. What a killed one left behind is swept when this is made."""

    def __init__(self, folder: JobFolder, name: str) -> None:
        """`name` is that of the result, without its ending."""
        self.result = folder.output / f"{name}.gguf"
        self._folder, self._file = folder.measured, folder.measured / "builds.json"
        for each in (self._folder, folder.output):
            each.mkdir(exist_ok=True)
            sweep(each)
        self._record = read_json(self._file, _Record) or _Record()
        if self._record.best is not None and self.best is None:
            self._record = _Record()  # somebody deleted the file
        for left in (*self._folder.glob("build-*.gguf"), self._folder / "front.gguf"):
            if self.best is None or left != self.best.file:
                left.unlink(missing_ok=True)

    @property
    def best(self) -> Made | None:
        """The best build so far, and where it lies."""
        if (best := self._record.best) is None:
            return None
        places = (self._folder / best.file, self.result)
        found = next((file for file in places if file.is_file() and file.stat().st_size == best.proven.bytes), None)
        return Made(found, best.proven, best.stock) if found is not None else None

    @property
    def final(self) -> Made | None:
        """The best build, when no better one is looked for."""
        return self.best if self._record.source_bytes else None

    @property
    def source_bytes(self) -> int:
        """Of what was quantized; 0 until there is a final build."""
        return self._record.source_bytes

    def known(self, kinds: Mapping[str, str]) -> Proven | None:
        """What was measured of a build with these types by matrix."""
        return next((each.proven for each in self._record.tried if each.kinds == kinds), None)

    def next_file(self) -> Path:
        """Where a build goes that is tried."""
        self._record.count += 1
        return self._folder / f"build-{self._record.count}.gguf"

    def note(self, kinds: Mapping[str, str], proven: Proven) -> None:
        self._record.tried.append(_Tried(dict(kinds), proven))
        self._write()

    def keep(self, made: Made) -> None:
        """It is the best so far, and takes the place of the one before."""
        before = self.best
        self._record.best = _Best(file=made.file.name, proven=made.proven, stock=made.stock)
        self._write()
        if before is not None and before.file != made.file:
            before.file.unlink(missing_ok=True)

    def finish(self, source_bytes: int) -> None:
        """No better one is looked for: what is left is to deliver it."""
        self._record.source_bytes = source_bytes
        self._write()

    def discard(self) -> None:
        """Nobody wants any of them."""
        if (best := self.best) is not None:
            best.file.unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)

    def _write(self) -> None:
        write_atomic(self._file, msgspec.json.encode(self._record))
