"""Opens the window, or says in a sentence why there can be none: Qt itself would end the process without one for the person."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from companion.core.errors import CompanionError

NO_CONNECTION: Final = ("could not connect to display", "Failed to create wl_display")
"""What Qt's plugins for X11 and Wayland say when nobody listens there."""
TERMINAL: Final = "“companion chat” talks in the terminal."
BOXES: Final = (("zenity", "--error", "--text"), ("kdialog", "--error"), ("xmessage",))
"""Programs that can show a sentence where Qt cannot."""


def open_window(file: str = "") -> int:
    """Returns the exit status: 1, after a sentence, when there can be no window."""
    try:
        from companion.window import main
    except ImportError as error:
        if (why := _why_not_imported(error)) is None:
            raise
        return _say(why)
    return main(file)


@contextlib.contextmanager
def told_when_there_is_none() -> Iterator[None]:
    """Inside, Qt looks for a screen. When it finds none it would abort: a sentence and exit status 1 take the place of that."""
    from PySide6.QtCore import QtMsgType, qInstallMessageHandler

    said: list[str] = []

    def hear(kind: QtMsgType, _context: object, message: str) -> None:
        said.append(message)
        if kind is QtMsgType.QtFatalMsg:
            status = _say(_why_no_screen(said, os.environ))
            sys.stderr.flush()
            os._exit(status)  # Qt would abort as soon as this returns

    before = qInstallMessageHandler(hear)
    try:
        yield
    finally:
        qInstallMessageHandler(before)
        for message in said:
            print(message, file=sys.stderr)


def _why_not_imported(error: ImportError) -> CompanionError | None:
    """None when it is no fault of the system."""
    if isinstance(error, ModuleNotFoundError) or "PySide6" not in (error.path or ""):
        return None
    if sys.platform.startswith("linux") and (why := _libraries_missing()) is not None:
        return why
    return CompanionError(f"The window cannot be opened: Qt does not work here ({error}).", TERMINAL)


def _why_no_screen(said: list[str], settings: Mapping[str, str]) -> CompanionError:
    """From what Qt said before it gave up."""
    if any(sign in line for line in said for sign in NO_CONNECTION):
        names = (settings.get(name, "") for name in ("WAYLAND_DISPLAY", "DISPLAY"))
        where = " and ".join(f"“{name}”" for name in names if name)
        what = f"There is no screen to open the window on: nobody answers at {where}." if where else "There is no screen here."
        return CompanionError(what, f"Start Companion in a session with a desktop. {TERMINAL}")
    if sys.platform.startswith("linux") and (why := _libraries_missing()) is not None:
        return why
    if platform := settings.get("QT_QPA_PLATFORM", ""):
        return CompanionError(f"Qt cannot show a window by “{platform}” (QT_QPA_PLATFORM).", "Take that setting away.")
    return CompanionError(f"The window cannot be opened ({' '.join(said[:1]).strip()}).", TERMINAL)


def _libraries_missing() -> CompanionError | None:
    from companion.core.qt_libraries import QT_LIBRARIES, install_line, installer, missing_libraries, packages_of

    missing = missing_libraries([library for library, *_ in QT_LIBRARIES])
    if not missing:
        return None
    few = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
    line = install_line(packages_of(missing), installer())
    what = f"The window needs libraries that this system lacks or cannot load: {few}."
    return CompanionError(what, f"Type: {line} – then start again. {TERMINAL}")


def _say(why: CompanionError) -> int:
    """In the terminal; started from a menu there is none, so some other program may show it. Returns the exit status."""
    import shutil  # a start that succeeds needs neither
    import subprocess

    print(why.what, why.remedy, file=sys.stderr, flush=True)
    if not sys.stderr.isatty():
        for program, *words in BOXES:
            if shutil.which(program):
                command = [program, *words, f"{why.what}\n\n{why.remedy}"]
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                break
    return 1
