"""A plain text field that is as tall as its text, up to a number of lines. Pasting brings words only."""

from __future__ import annotations

import math

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QInputMethodEvent, QKeyEvent, QResizeEvent, QShowEvent, QTextOption
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from companion.ui.theme import Theme

MOST_BYTES = 1_000_000
SLACK = 2
"""Pixels without which Qt scrolls by a line although every line would be seen."""


class GrowingEdit(QPlainTextEdit):
    grew = Signal()
    """Another height is wanted."""
    focus_changed = Signal()
    refused = Signal(str)
    """A sentence: something pasted or dropped is too much."""

    def __init__(self, theme: Theme, *, most_lines: int, around: int, parent: QWidget | None = None) -> None:
        """`around` is what the style puts above and below the lines, in pixels."""
        super().__init__(parent)
        self._theme = theme
        self._most_lines = most_lines
        self._around = around
        self._text_height = math.ceil(QFontMetricsF(theme.font()).height())
        self._told_height = 0
        self._is_full = False
        self._composing = False
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(self._remeasure)

    @property
    def composing(self) -> bool:
        """An input method is in the middle of a word: Enter belongs to it."""
        return self._composing

    def wanted_height(self, width: int) -> int:
        """The height of the text when the field is this wide."""
        if self.width() != width:
            self.resize(width, self.height())
        self._choose_bar()
        self._told_height = self._text_height
        return self._text_height + self._around + SLACK

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return source.hasText() and not source.hasUrls()

    def insertFromMimeData(self, source: QMimeData) -> None:
        text = source.text()
        if len((self.toPlainText() + text).encode("utf-8", "replace")) > MOST_BYTES:
            self.refused.emit("That is more than 1 MB of text; paste a shorter part.")
            return
        self.insertPlainText(text.replace("\x00", ""))
        self.ensureCursorVisible()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Silently: answering a resize with another one leaves the text wrapped at the old width.
        self._measure()
        if not self._is_full:  # it had scrolled when the last line came, before there was room for it
            self.verticalScrollBar().setValue(0)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._remeasure()

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self._composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focus_changed.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focus_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            event.ignore()  # it belongs to what is around
            return
        super().keyPressEvent(event)

    def _measure(self) -> None:
        """Lays out as many lines as can be seen, which else happens when they are painted."""
        lines, height, layout, block = 0, 0.0, self.document().documentLayout(), self.document().firstBlock()
        while block.isValid() and lines < self._most_lines:
            height += layout.blockBoundingRect(block).height()
            lines += max(block.layout().lineCount(), 1)
            block = block.next()
        self._is_full = lines >= self._most_lines
        self._text_height = math.ceil(height * self._most_lines / lines if self._is_full else height)

    def _choose_bar(self) -> None:
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded if self._is_full else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        if policy != self.verticalScrollBarPolicy():
            self.setVerticalScrollBarPolicy(policy)

    def _remeasure(self) -> None:
        self._measure()
        if self._text_height != self._told_height:
            self.grew.emit()
