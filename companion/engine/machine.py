"""Measuring this machine in a process of its own, for the window: `companion doctor --benchmark` does the same in a terminal."""

from __future__ import annotations

from companion.core.errors import CompanionError
from companion.core.measuring_messages import MachineMeasured, MeasuringFailed, MeasuringProgress
from companion.engine.watched import begin_watched, leave
from companion.llama.benchmark import measure_machine
from companion.llama.library import Library


def main() -> int:
    """`companion machine`, started by the window; leaves when the pipe is closed."""
    pipe = begin_watched()
    library = Library()
    try:
        found = measure_machine(lambda share: pipe.send(MeasuringProgress(words="Measuring this computer", fraction=share)))
        pipe.send(MachineMeasured(benchmark=found))
    except CompanionError as error:
        pipe.send(MeasuringFailed(what=error.what, remedy=error.remedy))
    except (OSError, MemoryError) as error:
        why = getattr(error, "strerror", None) or "not enough memory"
        pipe.send(MeasuringFailed(what=f"This computer could not be measured ({why}).", remedy="Make room, then try again."))
    del library
    leave()
