"""What the engine measured on this machine, as its cache remembers it: how each model ran, and how fast memory is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from companion.core.benchmark import kept_benchmark
from companion.core.files import read_json, write_atomic
from companion.core.paths import cache_folder
from companion.core.tuning import TuningFound


class _Speed(msgspec.Struct, frozen=True):
    threads: int
    reply: float
    depth: int = 0


class _Measurement(msgspec.Struct, frozen=True):
    threads: int
    speeds: tuple[_Speed, ...] = ()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """How one model ran here when it was checked (a plan of `companion.llama.plan`, without what only llama.cpp needs)."""

    model: str
    """The file's name."""
    file_bytes: int = 0
    """Of the (first) file; 0 in plans of older versions."""
    rung: str
    health: str
    """One sentence."""
    measurement: _Measurement
    is_provisional: bool = False
    """Whether other programs were busy meanwhile."""
    tuned: TuningFound | None = None
    """What `companion tune` found; the engine goes by it."""

    @property
    def reply_speed(self) -> float:
        """Tokens per second of writing at rest; 0 when none was measured."""
        own = [s.reply for s in self.measurement.speeds if s.threads == self.measurement.threads and not s.depth]
        return max(own, default=0.0)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How many bytes of weights a second takes while writing, on the processor."""

    bytes_per_second: float
    judged_by: str
    """What that was measured with, such as "the memory of this machine"."""


def runs_here() -> tuple[Run, ...]:
    """Every model that was checked on this machine, the latest first."""
    return tuple(run for run, _file in _kept())


def run_of(path: Path, runs: Iterable[Run]) -> Run | None:
    """How the model of this file ran; None when it was not tried yet."""
    try:
        size = path.stat().st_size
    except OSError:
        return None
    return next((run for run in runs if run.model == path.name and run.file_bytes in (0, size)), None)


def forget_tuning(path: Path) -> None:
    """Let the engine run the model of this file as it did before `companion tune`. Raises OSError."""
    for run, file in reversed(_kept()):  # the latest stays the latest
        if run.tuned is not None and run_of(path, (run,)) is not None:
            plan = msgspec.json.decode(file.read_bytes(), type=dict[str, object])
            write_atomic(file, msgspec.json.format(msgspec.json.encode(plan | {"tuned": None}), indent=2))


def _kept() -> list[tuple[Run, Path]]:
    """What was kept of models, the latest first, and where."""
    files = (cache_folder() / "engine").glob("*.json")
    dated = sorted(files, key=_changed, reverse=True)
    read = ((read_json(file, Run), file) for file in dated if not file.name.startswith("benchmark-"))
    return [(run, file) for run, file in read if run is not None]


def writing_pace(runs: tuple[Run, ...]) -> Pace | None:
    """By the benchmark of this machine, else by the largest model that was measured on the processor; None without either.

    For every token all weights are read once, so writing is bounded by how fast memory delivers them. The benchmark
    counts a byte that is copied twice, read and written.
    """
    known = kept_benchmark()
    if known is not None and known.memory_bandwidth > 0:
        return Pace(bytes_per_second=known.memory_bandwidth, judged_by="the memory of this machine")
    believed = [run for run in runs if run.file_bytes and run.reply_speed and not run.is_provisional]
    measured = [run for run in believed if run.rung.startswith("cpu")]
    if not measured:
        return None
    largest = max(measured, key=lambda run: run.file_bytes)
    return Pace(bytes_per_second=largest.reply_speed * largest.file_bytes, judged_by=f"how fast “{largest.model}” writes here")


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
