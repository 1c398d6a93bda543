"""What is to be said of a job in words: how it ended, and what goes wrong, with what to do about it."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from companion.app.job_entry import JobEntry, JobPhase
from companion.core.job_history import JobHistory
from companion.core.job_words import trouble_words
from companion.ui.cards import plain_label
from companion.ui.icons import pixmap
from companion.ui.theme import Theme

LOOKS = {"good": ("check", "ok"), "warning": ("warning", "warn"), "bad": ("error", "bad"), "plain": ("information", "accent2")}
"""Icon and colour of each tone: never colour alone."""
_TONES = {JobPhase.DONE: "good", JobPhase.FAILED: "bad", JobPhase.STOPPED: "bad"}


class Message(NamedTuple):
    tone: str
    """One of LOOKS."""
    what: str
    remedy: str = ""


def messages(entry: JobEntry, history: JobHistory) -> list[Message]:
    """How it ended first, then every trouble in its order, then what could not be read of its folder."""
    found = []
    if entry.what and not entry.is_computing and entry.phase is not JobPhase.WAITING:
        tone = "warning" if entry.phase is JobPhase.DONE and entry.remedy else _TONES.get(entry.phase, "plain")
        found.append(Message(tone, entry.what, entry.remedy))
    found += [Message("warning", trouble_words(event), event.remedy) for event in history.troubles]
    return found + [Message("plain", note) for note in entry.summary.notes]


class JobMessages(QWidget):
    """One card each, said to screen readers by their names."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.shown: list[Message] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._cards: list[_Card] = []

    def show_messages(self, shown: list[Message]) -> None:
        if shown == self.shown:
            return
        self.shown = shown
        for card in self._cards:
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        self._cards = [_Card(self._theme, message) for message in shown]
        for card in self._cards:
            self._column.addWidget(card)
        self.setVisible(bool(shown))


class _Card(QFrame):
    def __init__(self, theme: Theme, message: Message) -> None:
        super().__init__()
        self._theme, self._message = theme, message
        self.setProperty("role", "card")
        self.setAccessibleName(f"{message.what} {message.remedy}".strip())
        self._symbol = QLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(12)
        row.addWidget(self._symbol, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        for text, role in ((message.what, ""), (message.remedy, "muted")):
            if text:
                words.addWidget(plain_label(role, text))
        row.addLayout(words, 1)
        theme.changed.connect(self._redraw)
        self._redraw()

    def _redraw(self) -> None:
        name, token = LOOKS[self._message.tone]
        self._symbol.setPixmap(pixmap(name, self._theme, token, 20, self.devicePixelRatioF()))
