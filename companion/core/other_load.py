"""What other programs do with the processor while something is timed here."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import psutil

HARMLESS: Final = 0.3
"""Cores that other programs may keep busy while something is timed."""
_AT_REST: Final = ("idle", "iowait", "steal", "guest", "guest_nice")
"""Times in which no program of this system computes, or that are counted twice."""


class OtherLoad:
    """Counts from the moment it is made. Whoever started this process, such as our window, is no other program."""

    def __init__(self) -> None:
        import psutil  # a tenth of the window's start, which needs none of it

        family = [psutil.Process()]
        with contextlib.suppress(psutil.Error):
            family += family[0].parents()
        self._family = [(process, _seconds(process)) for process in family]
        self._busy, self._began = _busy_seconds(), time.monotonic()

    def cores(self) -> float:
        """How many cores other programs kept busy since, on average."""
        passed = time.monotonic() - self._began
        ours = sum(max(0.0, _seconds(process) - before) for process, before in self._family)
        others = _busy_seconds() - self._busy - ours
        return max(0.0, others / passed) if passed > 0 else 0.0


def cores_of_others(seconds: float) -> float:
    """How many cores other programs keep busy for so long from now on."""
    load = OtherLoad()
    time.sleep(seconds)
    return load.cores()


def _seconds(process: psutil.Process) -> float:
    """0 for one that is gone, or that we may not look at."""
    import psutil

    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _busy_seconds() -> float:
    import psutil

    times = psutil.cpu_times()
    return float(sum(value for name, value in times._asdict().items() if name not in _AT_REST))
