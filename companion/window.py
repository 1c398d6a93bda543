"""The composition root: builds every object, connects them, starts Qt. Nothing else reaches across the program."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from companion import __version__
from companion.app.chat import Chat
from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.models import Models
from companion.app.notices import Notices
from companion.app.preferences import Preferences
from companion.app.single_instance import SingleInstance
from companion.core.character import Character, built_in_character, read_card
from companion.core.errors import CharacterError, StoreError
from companion.core.logs import log_to_file
from companion.core.paths import assets_folder, database_file, settings_file
from companion.core.store import Store
from companion.ui.main_window import MainWindow
from companion.ui.theme import Theme

log = logging.getLogger(__name__)


class Program:
    """Every object of the running program; `open_conversation`, then `start` once the window is shown, `close` at the end."""

    def __init__(self, application: QApplication) -> None:
        """Raises StoreError when the database cannot be opened at all."""
        self.notices = Notices()
        self.preferences = Preferences(settings_file(), self.notices)
        settings = self.preferences.settings
        self.theme = Theme(application, settings.theme, settings.font_size, settings.reduce_motion)
        self.store = Store(database_file())
        self.engine = Engine()
        self.character, trouble = _character(settings.character)
        self.conversations = Conversations(
            self.store, self.notices, self.character, lambda: self.preferences.settings.person_name
        )
        self.chat = Chat(self.store, self.engine, self.conversations, self.notices, lambda: self.preferences.settings)
        self.models = Models(self.engine, self.preferences, self.notices)
        self.window = MainWindow(
            self.theme, self.notices, self.preferences, self.engine, self.conversations, self.chat, self.models, self.character
        )
        self._troubles = [sentence for sentence in (self.preferences.notice, self.store.notice, trouble) if sentence]

    def open_conversation(self) -> None:
        """Put the latest conversation, or a greeting, into the window before it is shown."""
        self.conversations.start()

    def start(self) -> None:
        """Tell what went wrong, if anything did, and load the model."""
        for sentence in self._troubles:
            self.notices.warning(sentence)
        self.models.start()

    def close(self) -> None:
        """Keep what is under way, end the engine, close the database. May be called twice."""
        self.chat.interrupt()
        self.preferences.save()
        self.engine.close()
        self.store.close()


def _character(identifier: str) -> tuple[Character, str]:
    if identifier:
        try:
            return read_card(Path(identifier)), ""
        except CharacterError as error:
            return built_in_character(), f"{error.what} Hoshi takes her place."
    return built_in_character(), ""


def build() -> tuple[QApplication, Program]:
    """Qt and the program with its window shown; raises StoreError when the database cannot be opened at all."""
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Companion")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("companion")
    application.setWindowIcon(QIcon(str(assets_folder() / "icon.svg")))
    program = Program(application)
    program.open_conversation()
    program.window.show()
    QTimer.singleShot(0, program.start)
    application.aboutToQuit.connect(program.close)
    return application, program


def main() -> int:
    """Open the window and return the exit status; a second start brings the first window forward and leaves."""
    log_to_file("window")
    _log_unexpected_errors()
    instance = SingleInstance()
    if not instance.claim():
        return 0
    try:
        application, program = build()
    except StoreError as error:
        print(error.what, error.remedy, file=sys.stderr)
        return 1
    instance.show_requested.connect(program.window.come_forward)
    status = application.exec()
    instance.release()
    return status


def _log_unexpected_errors() -> None:
    """A slip in our own code goes to the log; the window stays open and nobody is shown a traceback."""

    def unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        log.error("unexpected error", exc_info=(kind, error, trace))

    sys.excepthook = unexpected
    threading.excepthook = lambda facts: log.error("unexpected error in a thread", exc_info=facts.exc_value)
