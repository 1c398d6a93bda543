"""Every object of the running program, built and connected here. Nothing else reaches across the program."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from companion.app.chat import Chat
from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.models import Models
from companion.app.notices import Notice, Notices
from companion.app.preferences import Preferences
from companion.core.character import Character
from companion.core.character_library import built_in_character, load_character
from companion.core.errors import CharacterError
from companion.core.paths import database_file, settings_file
from companion.core.store import Store
from companion.ui.shell import FLUSH_MS, Shell


class Program:
    """Built once the window has its first frame; the model loads in its own process while the views are made."""

    def __init__(self, application: QApplication, window: Shell) -> None:
        """Raises StoreError when the database cannot be opened at all; then nothing has been started."""
        self.window = window
        self.notices = notices = Notices()
        self.preferences = preferences = Preferences(settings_file(), notices)
        self.store = Store(database_file())
        self.engine = Engine()
        self.models = Models(self.engine, preferences, notices)
        early: list[Notice] = []  # there is no view yet that could show them
        waiting = notices.notice_raised.connect(early.append)
        self.models.start()
        notices.notice_raised.disconnect(waiting)
        settings = preferences.settings
        self.character, trouble = _character(settings.character)
        self.conversations = Conversations(self.store, notices, self.character, lambda: preferences.settings.person_name)
        self.chat = Chat(self.store, self.engine, self.conversations, notices, lambda: preferences.settings)
        self._build_views(application)
        self.conversations.start()
        window.closed.connect(lambda geometry: preferences.update(window_geometry=geometry))
        window.set_content(self.content)
        QTimer.singleShot(FLUSH_MS, self.content, self.content.show_portrait)
        for sentence in (preferences.notice, self.store.notice, trouble):
            if sentence:
                notices.warning(sentence)
        for notice in early:
            self.content.notice_area.show_notice(notice)

    def _build_views(self, application: QApplication) -> None:
        # Imported only now: the engine's process is starting meanwhile.
        from companion.ui.content import Content
        from companion.ui.theme import Theme

        settings = self.preferences.settings
        self.theme = Theme(application, settings.theme, settings.font_size, settings.reduce_motion)
        self.content = Content(
            self.theme,
            self.notices,
            self.preferences,
            self.engine,
            self.conversations,
            self.chat,
            self.models,
            self.character,
        )

    def close(self) -> None:
        """Keep what is under way, end the engine, close the database. May be called twice."""
        self.chat.interrupt()
        self.preferences.save()
        self.engine.close()
        self.store.close()


def _character(identifier: str) -> tuple[Character, str]:
    try:
        return load_character(identifier), ""
    except CharacterError as error:
        return built_in_character(), f"{error.what} Hoshi takes her place."
