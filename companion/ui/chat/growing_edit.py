"""A plain text field that is as tall as its text, up to a number of lines. Pasting brings words only."""

from __future__ import annotations

import math

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QInputMethodEvent, QKeyEvent, QResizeEvent, QShowEvent, QTextOption
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from companion.ui.theme import Theme

MOST_CHARACTERS = 1_000_000


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
        self._lines = 1
        self._composing = False
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(self._count_lines)

    @property
    def composing(self) -> bool:
        """An input method is in the middle of a word: Enter belongs to it."""
        return self._composing

    def wanted_height(self, width: int) -> int:
        """The height of the text when the field is this wide."""
        if self.width() != width:
            self.resize(width, self.height())
        return math.ceil(self._lines * QFontMetricsF(self.font()).lineSpacing()) + 2 + self._around

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return source.hasText() and not source.hasUrls()

    def insertFromMimeData(self, source: QMimeData) -> None:
        text = source.text()
        if self.document().characterCount() + len(text) > MOST_CHARACTERS:
            self.refused.emit("That is more than a million characters; paste a shorter part.")
            return
        self.insertPlainText(text.replace("\x00", ""))
        self.ensureCursorVisible()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._count_lines()
        if self._lines < self._most_lines:  # it had scrolled when the last line came, before it grew
            self.verticalScrollBar().setValue(0)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._count_lines()

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

    def _count_lines(self) -> None:
        lines, layout, block = 0, self.document().documentLayout(), self.document().firstBlock()
        while block.isValid() and lines < self._most_lines:
            layout.blockBoundingRect(block)  # lays the block out, which else happens when it is painted
            lines += max(block.layout().lineCount(), 1)
            block = block.next()
        lines = min(max(lines, 1), self._most_lines)
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded if lines == self._most_lines else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        if policy != self.verticalScrollBarPolicy():
            self.setVerticalScrollBarPolicy(policy)
        if lines != self._lines:
            self._lines = lines
            self.grew.emit()
