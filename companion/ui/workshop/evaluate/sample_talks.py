"""What each subject answered to the same words, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QPushButton, QVBoxLayout, QWidget

from companion.core.report_parts import Talk
from companion.ui.cards import plain_label
from companion.ui.keyboard import show_some

FIRST, MORE = 3, 10
NARROW = 220
"""Pixels that one reply has at least beside another."""


class SampleTalks(QWidget):
    """A few at first, more when they are asked for."""

    def __init__(self, names: Sequence[str], talks: Sequence[Talk]) -> None:
        super().__init__()
        self._names, self._talks = names, talks
        self.shown = 0
        self._rows = QVBoxLayout()
        self._rows.setSpacing(16)
        self.more = QPushButton()
        self.more.setProperty("role", "quiet")
        self.more.clicked.connect(lambda: self._show(MORE))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._rows)
        column.addWidget(self.more)
        self._show(FIRST)

    def _show(self, count: int) -> None:
        for talk in self._talks[self.shown : self.shown + count]:
            self._rows.addWidget(_TalkView(self._names, talk))
        self.shown = min(self.shown + count, len(self._talks))
        left = len(self._talks) - self.shown
        self.more.setText(f"{left} more")
        show_some({self.more: left > 0})


class _TalkView(QWidget):
    def __init__(self, names: Sequence[str], talk: Talk) -> None:
        super().__init__()
        self._replies = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._replies.setSpacing(8)
        for name, reply in zip(names, talk.replies, strict=True):
            self._replies.addWidget(_reply(name, reply), 1)
        if talk.reference:
            self._replies.addWidget(_reply("written by a person", talk.reference), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(plain_label("muted", f"You: {talk.prompt}"))
        column.addLayout(self._replies)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        fits = self.width() >= NARROW * self._replies.count()
        self._replies.setDirection(QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom)


def _reply(name: str, text: str) -> QFrame:
    frame = QFrame()
    frame.setProperty("role", "card")
    column = QVBoxLayout(frame)
    column.setContentsMargins(14, 8, 14, 10)
    column.setSpacing(2)
    column.addWidget(plain_label("caption", name))
    column.addWidget(plain_label("", text.strip() or "(nothing)"))
    column.addStretch(1)
    return frame
