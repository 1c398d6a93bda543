"""Listening to a worker process that may crash, hang, or take its time: what it says resets the clock, and silence ends it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator


class Watched:
    """The lines of one child, until it ends; `hung` tells whether it was ended for saying nothing for so many seconds."""

    def __init__(self, child: subprocess.Popen[bytes], patience: float) -> None:
        self._child, self._patience = child, patience
        self.hung = False

    def lines(self) -> Iterator[bytes]:
        assert self._child.stdout is not None  # noqa: S101 - asked for by whoever started it
        watchdog = self._start_watchdog()
        try:
            for line in self._child.stdout:
                watchdog.cancel()
                yield line
                watchdog = self._start_watchdog()
        finally:
            watchdog.cancel()

    def _start_watchdog(self) -> threading.Timer:
        timer = threading.Timer(self._patience, self._end)
        timer.daemon = True
        timer.start()
        return timer

    def _end(self) -> None:
        self.hung = True
        self._child.kill()
