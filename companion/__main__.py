"""`python -m companion` and the `companion` command: picks a role and hands over.

The window and the worker roles are found without building the command line, because their start is felt.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

from companion.core.errors import CompanionError
from companion.core.utf8 import use_utf8


def main() -> int:
    use_utf8()
    try:
        return _run(sys.argv[1:])
    except CompanionError as error:  # such as a home that cannot be used; the window and the commands tell theirs themselves
        print(error.what, error.remedy, file=sys.stderr)
        return 1


def _run(arguments: list[str]) -> int:
    for role in (_role_of_llama, _other_role):
        status = role(arguments)
        if status is not None:
            return status
    file = arguments[0] if len(arguments) == 1 and _is_opened(arguments[0]) else ""
    if not arguments or file:
        if not _wants_terminal():
            from companion.screen import open_window

            return open_window(file)
        arguments = ["chat", *(["--model", file] if file.lower().endswith(".gguf") else [])]
    from companion.cli import run
    from companion.core.addons.torch_finder import watch_for_torch

    watch_for_torch()
    return run(arguments)


def _role_of_llama(arguments: list[str]) -> int | None:
    """Workers that load llama.cpp and may die in it; None when none of them is asked for."""
    match arguments:
        case ["engine"]:
            from companion.engine.worker import main as engine

            return engine()
        case ["check", request]:
            from companion.engine.check import main as check

            return check(request)
        case ["foresee", request]:
            from companion.engine.foresight import main as foresee

            return foresee(request)
        case ["tuning", request]:
            from companion.engine.tuning import main as tuning

            return tuning(request)
        case ["tune-model", request]:
            from companion.engine.tuned_model import main as tune_model

            return tune_model(request)
        case ["machine"]:
            from companion.engine.machine import main as machine

            return machine()
        case ["busy"]:
            from companion.llama.busy import main as busy

            return busy()
        case ["pack", order]:
            from companion.llama.quantize import main as pack

            return pack(order)
    return None


def _other_role(arguments: list[str]) -> int | None:
    """Workers of the workshop and the window; None when none of them is asked for."""
    match arguments:
        case ["job", _] | ["job", _, _]:
            from companion.core.addons.torch_finder import watch_for_torch

            watch_for_torch()
            from companion.workshop.job import main as job

            return job(*arguments[1:])
        case ["dataset"]:
            from companion.workshop.data.worker import main as dataset

            return dataset()
        case ["speech"] | ["speech", _]:
            from companion.speech.worker import main as speech

            return speech(*arguments[1:])
        case ["missing-libraries", *names]:
            from companion.core.qt_libraries import print_missing

            return print_missing(names)
        case ["visit", picture]:
            from companion.visit import main as visit

            return visit(picture)
        case ["paint", what, where]:
            from companion.ui.paint import main as paint

            return paint(what, where)
        case ["download"]:
            from companion.download.worker import main as download

            return download()
        case ["check-addon", device]:
            from companion.workshop.addon_check import main as check_addon

            return check_addon(device)
    return None


def _is_opened(argument: str) -> bool:
    """Whether it names a model or a character card, as a desktop does that starts the program with a file."""
    return argument.lower().endswith((".gguf", ".png", ".json", ".charx")) and Path(argument).is_file()


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
