"""Something that is there when it is wanted: a line to press, and what it opens."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from companion.ui.icons import lead_with_icon
from companion.ui.theme import Theme

BEFORE_TITLE = 6
"""Pixels between the icon and the title, and before the icon: the sentence begins where the title does."""


class Fold(QWidget):
    """Closed at first; `content` may be made when it is opened for the first time."""

    toggled = Signal(bool)

    def __init__(self, theme: Theme, title: str, sentence: str = "") -> None:
        super().__init__()
        self._theme = theme
        self._title = title
        self.button = QPushButton(title)
        self.button.setProperty("role", "fold")
        self.button.setCheckable(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.setCursor(Qt.CursorShape.PointingHandCursor)
        self._sentence = QLabel()
        self._sentence.setProperty("role", "caption")
        self._sentence.setWordWrap(True)
        self.content: QWidget | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addWidget(self._sentence)
        self.button.toggled.connect(self._toggle)
        theme.changed.connect(self._redraw)
        self.say(sentence)
        self._redraw()

    @property
    def is_open(self) -> bool:
        return self.button.isChecked()

    def set_content(self, content: QWidget) -> None:
        self.content = content
        self._column.addSpacing(8)
        self._column.addWidget(content)
        content.setVisible(self.is_open)

    def set_note(self, note: str) -> None:
        """A few words behind the title, such as how much is in it."""
        words = f"{self._title} · {note}" if note else self._title
        self.button.setText(words)
        self.button.setAccessibleName(words)

    def say(self, sentence: str) -> None:
        """What stands below the title, also while it is closed; empty for nothing."""
        self._sentence.setText(sentence)
        self._sentence.setVisible(bool(sentence))

    def set_open(self, is_open: bool) -> None:
        self.button.setChecked(is_open)

    def _toggle(self, is_open: bool) -> None:
        self.toggled.emit(is_open)  # whoever makes the content only now does so here
        if self.content is not None:
            self.content.setVisible(is_open)
        self._redraw()

    def _redraw(self) -> None:
        lead_with_icon(self.button, "chevron-down" if self.is_open else "chevron-right", self._theme)
        self._sentence.setContentsMargins(self.button.iconSize().width() + BEFORE_TITLE, 0, 0, 0)
