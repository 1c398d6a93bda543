"""What other programs do with the processor while something is timed here."""

from __future__ import annotations

import time
from typing import Final

import psutil

_AT_REST: Final = ("idle", "iowait", "steal", "guest", "guest_nice")
"""Times in which no program of this system computes, or that are counted twice."""


class OtherLoad:
    """Counts from the moment it is made."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._busy, self._own, self._began = _busy_seconds(), self._own_seconds(), time.monotonic()

    def cores(self) -> float:
        """How many cores other programs kept busy since, on average."""
        passed = time.monotonic() - self._began
        others = (_busy_seconds() - self._busy) - (self._own_seconds() - self._own)
        return max(0.0, others / passed) if passed > 0 else 0.0

    def _own_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(value for name, value in times._asdict().items() if name not in _AT_REST))
