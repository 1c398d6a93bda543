"""How she does in real talk, measured in a thread of its own whenever somebody looks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from companion.app.background import Background
from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.preferences import Preferences
from companion.core.character import Character
from companion.core.character_adapters import adapters_of
from companion.core.errors import StoreError
from companion.core.library.history import History
from companion.core.monitoring.quality import Asked, Quality, quality
from companion.core.paths import database_file

SETTLE_MS: Final = 5000
"""After a reply: the moods of its sentences are read by then, and another one may follow."""


class QualityWatch(QObject):
    """Of the character of the open conversation."""

    measured = Signal(object)
    """Quality"""
    failed = Signal(str, str)
    """Why it could not be measured, and what to do."""

    def __init__(self, conversations: Conversations, engine: Engine, preferences: Preferences, parent: QObject) -> None:
        super().__init__(parent)
        self._conversations, self._preferences = conversations, preferences
        self._background = Background(parent=self)
        self._is_wanted = self._is_measuring = self._again = False
        self._settle = QTimer(self, interval=SETTLE_MS, singleShot=True)
        self._settle.timeout.connect(self.look)
        engine.reply_done.connect(lambda _done: self._later())
        conversations.opened.connect(lambda _conversation: self.look())

    def follow(self, is_wanted: bool) -> None:
        """Whether somebody looks: only then anything is measured."""
        self._is_wanted = is_wanted
        self.look()

    def look(self) -> None:
        """Measure now; ends in `measured` or `failed`."""
        if not self._is_wanted:
            return
        if self._is_measuring:
            self._again = True
            return
        self._is_measuring = True
        partner, embedding = self._conversations.partner, self._preferences.settings.embedding_model
        self._background.run(partial(_measure, partner, embedding), self._tell)

    def _later(self) -> None:
        if self._is_wanted:
            self._settle.start()

    def _tell(self, found: Quality | StoreError) -> None:
        self._is_measuring = False
        if isinstance(found, StoreError):
            self.failed.emit(found.what, found.remedy)
        else:
            self.measured.emit(found)
        if self._again:
            self._again = False
            self.look()


def _measure(partner: Character, embedding_model: str) -> Quality | StoreError:
    adapters = tuple(str(Path(use.path)) for use in adapters_of(partner))
    try:
        history = History()
        changes = [change for path in adapters if (change := history.last(path)) is not None]
        asked = Asked(
            database=database_file(),
            character=partner.identifier,
            name=partner.name,
            adapters=adapters,
            adopted=max((change.when for change in changes), default=0.0),
            embedding_model=embedding_model,
        )
        return quality(asked)
    except StoreError as error:
        return error
