"""Keeps a reply while it is being written: its text grows here and is saved twice a second."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer

from companion.app.notices import Notices
from companion.core.conversation import Message, PathMessage, Status
from companion.core.errors import StoreError
from companion.core.storage.store import Store

SAVE_MS = 500
"""How often a reply is saved while it streams: at most this much of it can be lost."""


class ReplyKeeper(QObject):
    def __init__(self, store: Store, notices: Notices) -> None:
        super().__init__()
        self._store = store
        self._notices = notices
        self._message = 0
        self._saved = ""
        self.text = ""
        self._timer = QTimer(self, interval=SAVE_MS)
        self._timer.timeout.connect(self._save)

    def begin(self, message: Message) -> None:
        """This reply is written from now on; it may hold text already."""
        self._message = message.id
        self.text = self._saved = message.text

    def start(self) -> None:
        """Words may come."""
        self._timer.start()

    def add(self, text: str) -> str:
        """Returns what was added: no space stands before the first word."""
        if not self.text:
            text = text.lstrip()
        self.text += text
        return text

    def with_all_words(self, path: tuple[PathMessage, ...]) -> tuple[PathMessage, ...]:
        """The path with everything that has come of this reply, also what is not saved yet."""
        return tuple(
            replace(step, message=replace(step.message, text=self.text)) if step.message.id == self._message else step
            for step in path
        )

    def finish(self, status: Status, *, tokens: int = 0, speed: float = 0.0, ending: str = "") -> None:
        """Save the last word on it; a full disk becomes a notice."""
        self._timer.stop()
        with self._notices.telling(StoreError):
            self._store.finish_message(
                self._message,
                text=self.text.rstrip(),
                status=status,
                tokens=tokens,
                tokens_per_second=speed,
                ending=ending,
            )

    def _save(self) -> None:
        if self.text == self._saved:
            return
        try:
            self._store.save_text(self._message, self.text)
            self._saved = self.text
        except StoreError as error:
            self._timer.stop()
            self._notices.error(error.what, error.remedy)
