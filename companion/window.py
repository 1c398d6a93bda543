"""Opens the window: first a frame of it, then everything that belongs in it."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer, Signal
from PySide6.QtGui import QFileOpenEvent, QIcon
from PySide6.QtWidgets import QApplication, QWidget

from companion import __version__
from companion.core.appearance import read_appearance
from companion.core.errors import CompanionError
from companion.core.logs import log_file, log_to_file
from companion.core.paths import assets_folder, settings_file
from companion.screen import told_when_there_is_none
from companion.ui.shell import Shell

if TYPE_CHECKING:
    from companion.program import Program

log = logging.getLogger(__name__)
LONGEST_WAIT_MS = 1000
"""A window that starts minimized is not painted; the program is built all the same."""


class Opening(QObject):
    """The window is on its way to the screen when this has been made; `finished` comes when the program is in it."""

    finished = Signal()

    def __init__(self, application: QApplication, file: str = "", *, attended: bool = True) -> None:
        """Unattended, a failure is told in the terminal alone: nobody would close the dialog."""
        super().__init__(application)
        self._attended = attended
        self._file = file
        self.program: Program | None = None
        self.status = 0
        """What the process ends with: 1 when the program could not be built."""
        self._application = application
        self._begun = False
        self.window = Shell(application, read_appearance(settings_file()))
        self.window.first_painted.connect(self._begin)
        QTimer.singleShot(LONGEST_WAIT_MS, self, self._begin)
        self.window.show()

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        # Imported only now: until here, everything is on the way to the first frame.
        from companion.app.termination import Termination

        Termination(self).requested.connect(self._application.closeAllWindows)
        try:
            from companion.program import Program

            self.program = Program(self._application, self.window)
        except CompanionError as error:
            self._fail(error.what, error.remedy)
        except Exception:
            log.exception("the program could not be built")
            self._fail("Companion could not be opened.", f"What happened is in “{log_file('window')}”.")
        else:
            self._application.aboutToQuit.connect(self.program.close)
            if self._file:
                self.open_file(self._file)
        self.finished.emit()

    def open_file(self, file: str) -> None:
        """As if it had been dropped on the conversation; one that comes too early is opened when the program is there."""
        if self.program is None:
            self._file = file
        else:
            self.program.wiring.open_file(file)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """macOS gives files to a program by an event."""
        if isinstance(event, QFileOpenEvent):
            self.open_file(event.file())
            return True
        return super().eventFilter(watched, event)

    def _fail(self, what: str, remedy: str) -> None:
        """Tell the terminal and the person, then leave."""
        self.status = _refuse(CompanionError(what, remedy), self.window, dialog=self._attended)
        self._application.exit(1)


def _refuse(error: CompanionError, window: QWidget | None = None, *, dialog: bool = True) -> int:
    """Say why the program cannot go on, in the terminal and in a dialog; returns the exit status."""
    print(error.what, error.remedy, file=sys.stderr, flush=True)
    if dialog:
        from PySide6.QtWidgets import QMessageBox

        QMessageBox.critical(window, "Companion", f"{error.what}\n\n{error.remedy}")
    return 1


def make_application() -> QApplication:
    """Qt, with what the system wants to know of a program."""
    with told_when_there_is_none():
        application = QApplication(sys.argv[:1])
    application.setApplicationName("Companion")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("companion")
    application.setWindowIcon(QIcon(str(assets_folder() / "icon.svg")))
    return application


def build(at_first_frame: Callable[[], None] = lambda: None) -> tuple[QApplication, Program]:
    """The whole program in its window, for those who drive it; the caller runs the application. Leaves when it fails."""
    application = make_application()
    opening = Opening(application, attended=False)
    opening.window.first_painted.connect(at_first_frame)
    loop = QEventLoop()
    opening.finished.connect(loop.quit)
    loop.exec()
    if opening.program is None:
        raise SystemExit(opening.status)
    return application, opening.program


def main(file: str = "") -> int:
    """Open the window, with a file in it if one is named, and return the exit status.

    A second start brings the first window forward, gives it the file, and leaves.
    """
    from companion.app.single_instance import SingleInstance

    application = make_application()
    try:
        log_to_file("window")
        _log_unexpected_errors()
        instance = SingleInstance(application)
        if not instance.claim(file):
            return 0
    except CompanionError as error:
        return _refuse(error)
    opening = Opening(application, file)
    if sys.platform == "darwin":
        application.installEventFilter(opening)  # elsewhere every event would pass through it for nothing
    instance.open_requested.connect(opening.open_file)
    instance.show_requested.connect(opening.window.come_forward)
    application.aboutToQuit.connect(instance.stop_listening)
    status = application.exec()
    instance.release()
    return status or opening.status


def _log_unexpected_errors() -> None:
    """A slip in our own code goes to the log; the window stays open and nobody is shown a traceback."""

    def unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        log.error("unexpected error", exc_info=(kind, error, trace))

    sys.excepthook = unexpected
    threading.excepthook = lambda facts: log.error("unexpected error in a thread", exc_info=facts.exc_value)
