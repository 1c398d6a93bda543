"""What this machine can do, as `companion doctor --benchmark` and the window keep and show it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from companion.core.amounts import times_text
from companion.core.files import read_json
from companion.core.hardware import fingerprint, probe
from companion.core.paths import cache_folder

SLOWER: Final = 1.15
"""The same product may take so many times as long at the end as at the beginning, before the machine counts as unsteady."""
VERSION: Final = 1


class TypeSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """Billions of weights per second: of one token after the other (`write`), and times tokens of a prompt (`read`)."""

    kind: str
    bits: float
    write: float
    read: float
    write_repacked: float = 0.0
    """0 where this processor has no code that repacks the type."""
    read_repacked: float = 0.0

    @property
    def best_write(self) -> float:
        """llama.cpp repacks wherever it can."""
        return self.write_repacked or self.write


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    version: int = VERSION
    build: str
    threads: int
    memory_bandwidth: float
    """Bytes per second, reading and writing together."""
    disk_write: float
    """Bytes per second to where the cache is, synced; 0 when nothing could be written."""
    types: tuple[TypeSpeed, ...]
    steadiness: float
    """The time of one product at the end ÷ at the beginning."""
    seconds: float

    @property
    def notice(self) -> str:
        """A sentence when the machine was not at rest; else empty."""
        if 1 / SLOWER < self.steadiness < SLOWER:
            return ""
        if self.steadiness >= 1:
            what = f"{times_text(self.steadiness)} as long at the end as at the beginning: the processor became warm, or "
        else:
            what = f"{times_text(1 / max(self.steadiness, 1e-9))} as long at the beginning as at the end: "
        return f"The same work took {what}another program was busy. This is not kept. Measure again when it is quiet."


def benchmark_file() -> Path:
    """Where the result for this machine is kept."""
    return cache_folder() / "engine" / f"benchmark-{fingerprint(probe())}.json"


def kept_benchmark() -> Benchmark | None:
    """Of whichever build of llama.cpp measured last; None when there is none for this machine."""
    known = read_json(benchmark_file(), Benchmark)
    return known if known is not None and known.version == VERSION else None
