"""`python -m companion` and the `companion` command: picks a role and hands over.

The window and the worker roles are found without building the command line, because their start is felt.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys


def main() -> int:
    arguments = sys.argv[1:]
    if arguments == ["engine"]:
        from companion.engine.worker import main as engine

        return engine()
    if len(arguments) == 2 and arguments[0] == "check":
        from companion.engine.check import main as check

        return check(arguments[1])
    if len(arguments) == 2 and arguments[0] == "foresee":
        from companion.engine.foresight import main as foresee

        return foresee(arguments[1])
    if len(arguments) == 2 and arguments[0] == "tuning":
        from companion.engine.tuning import main as tuning

        return tuning(arguments[1])
    if arguments == ["busy"]:
        from companion.llama.busy import main as busy

        return busy()
    if arguments[:1] == ["speech"] and len(arguments) <= 2:
        from companion.speech.worker import main as speech

        return speech(*arguments[1:])
    if len(arguments) == 3 and arguments[0] == "paint":
        from companion.ui.paint import main as paint

        return paint(arguments[1], arguments[2])
    if len(arguments) == 2 and arguments[0] == "pack":
        from companion.llama.quantize import main as pack

        return pack(arguments[1])
    if arguments == ["download"]:
        from companion.download.worker import main as download

        return download()
    if arguments[:1] == ["job"] and 2 <= len(arguments) <= 3:
        from companion.workshop.job import main as job

        return job(*arguments[1:])
    if not arguments:
        if not _wants_terminal():
            from companion.window import main as window

            return window()
        arguments = ["chat"]
    from companion.cli import run

    return run(arguments)


def _wants_terminal() -> bool:
    """Whether a start without arguments talks in the terminal: input is piped in, or there is no screen to open on."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        mode = os.fstat(sys.stdin.fileno()).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISREG(mode):
            return True
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return sys.platform.startswith("linux") and not any(os.environ.get(name) for name in screens)


if __name__ == "__main__":
    sys.exit(main())
