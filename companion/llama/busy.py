"""Another program that keeps one core busy: a real process, for measuring beside it. It ends with whoever started it."""

from __future__ import annotations

import subprocess
import time
from types import TracebackType

from companion.core.pipes import leave_with_parent
from companion.core.processes import worker_command

WARM_UP_SECONDS = 0.3
"""Until the system has given the process a core of its own."""


class BusyCore:
    """Use as a context manager. The process reads a pipe that only this one writes to, and ends even when this one is killed."""

    def __enter__(self) -> BusyCore:
        self._process = subprocess.Popen(worker_command("busy"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        self._process.stdout.readline()  # it has begun
        time.sleep(WARM_UP_SECONDS)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> int:
    """`companion busy`: works for nothing until its standard input is closed."""
    leave_with_parent()
    print("busy", flush=True)
    while True:
        sum(range(10_000))
