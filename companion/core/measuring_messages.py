"""What the processes that measure for the window say: JSON lines, the last of which is the result or why there is none."""

from __future__ import annotations

import msgspec

from companion.core.benchmark import Benchmark
from companion.core.messages import decode
from companion.core.tuning import TuningFound


class MeasuringProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    words: str
    fraction: float


class MachineMeasured(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    benchmark: Benchmark


class ModelTuned(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    found: TuningFound


class MeasuringFailed(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    what: str
    remedy: str


MeasuringEvent = MeasuringProgress | MachineMeasured | ModelTuned | MeasuringFailed
_events = msgspec.json.Decoder(MeasuringEvent)


def decode_measuring_event(line: bytes) -> MeasuringEvent:
    """Raises msgspec.DecodeError on anything else."""
    event: MeasuringEvent = decode(_events, line)
    return event
