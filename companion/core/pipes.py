"""The worker's end of the pipes: JSON lines in, JSON lines out, safe from whatever native code prints."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from companion.core.messages import encode

MAX_LINE_BYTES = 64 * 1024 * 1024
"""Longer lines are refused: a whole conversation with a message of 1 MB is far below."""


def leave_with_parent(then: Callable[[], None] = lambda: None) -> None:
    """For a worker that is asked nothing on its standard input: when whoever started it closes that, or is killed, it does
    `then` and ends."""

    def wait() -> None:
        while os.read(0, 4096):  # a thread inside `sys.stdin` would make the process crash at its usual end
            pass
        try:
            then()
        finally:
            os._exit(0)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def leave_when_closed(pipe: WorkerPipe) -> None:
    """For a worker that was told everything on its command line, and answers over a pipe."""

    def wait() -> None:
        for _ in pipe.lines():
            pass
        os._exit(0)

    threading.Thread(target=wait, name="parent", daemon=True).start()


class WorkerPipe:
    """Takes over stdin and stdout of this process. Make one, first thing in a worker's main function.

    Messages go out over a private copy of stdout; file descriptor 1 then points at stderr, so that a native `printf`
    cannot corrupt the stream, and descriptor 0 at nothing, so that no library waits for input.
    """

    def __init__(self, reader_gone: Callable[[], None] | None = None) -> None:
        """`reader_gone` is called when nobody reads any more; without it the process ends then."""
        self._reader_gone = reader_gone
        sys.stdout.flush()
        self._out = os.dup(1)
        self._in = os.fdopen(os.dup(0), "rb", buffering=1024 * 1024)
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self._lock = threading.Lock()

    def send(self, message: Any) -> None:
        """Write one message; any thread may. A reader that is gone ends this process, unless `reader_gone` was given."""
        data = memoryview(encode(message))
        try:
            with self._lock:
                while data:
                    data = data[os.write(self._out, data) :]
        except (BrokenPipeError, OSError):
            if self._reader_gone is None:
                os._exit(0)  # nobody is left to work for
            self._reader_gone()

    def lines(self) -> Iterator[bytes]:
        """Lines until the other side closes the pipe; over-long lines come cut, so that they fail to parse."""
        while line := self._in.readline(MAX_LINE_BYTES):
            yield line
