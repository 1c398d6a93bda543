"""A worker process that may crash, hang, or take its time, from both ends: what it says resets the clock, silence ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

from companion.core.pipes import WorkerPipe, leave_when_closed


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


def begin_watched() -> WorkerPipe:
    """What such a process does first; it leaves when the pipe is closed from the other end."""
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # an abort would start a debugger first, for a second or more
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the program that started us
    pipe = WorkerPipe()
    leave_when_closed(pipe)
    return pipe


def leave() -> NoReturn:
    """What it does last, when everything is said: tearing down a GPU driver can hang."""
    sys.stderr.flush()
    os._exit(0)
