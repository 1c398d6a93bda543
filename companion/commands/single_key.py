"""One key of a terminal without Enter; from a pipe, the first letter of a line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

END = ""
"""Nothing more will come: the pipe is at its end, or Ctrl-D was pressed."""
_CONTROL_D = "\x04"


@contextmanager
def single_keys() -> Iterator[None]:
    """Meanwhile keys come one by one and are not shown; then the terminal is as it was before."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal, termios.TCSADRAIN)  # what was pressed already is not thrown away
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def read_key() -> str:
    """The key in lower case, END at the end; within `single_keys`. Raises KeyboardInterrupt on Ctrl-C."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return line.strip()[:1].lower() or "\n" if line else END
    if sys.platform == "win32":
        import msvcrt

        key = msvcrt.getwch()
        if key == "\x03":
            raise KeyboardInterrupt
        return END if key in (_CONTROL_D, "\x1a") else key.lower()
    key = sys.stdin.read(1)
    return END if key in ("", _CONTROL_D) else key.lower()
