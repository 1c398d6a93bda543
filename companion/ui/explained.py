"""A box to tick, or one of several to choose, with a sentence on it below: both can be pressed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QMouseEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QRadioButton, QStyle, QStyleOptionButton, QVBoxLayout, QWidget

from companion.ui.cards import plain_label

LEAST_WIDTH, AFTER_WORDS = 120, 8


class Explained(QWidget):
    """The sentence begins where the words of the button do."""

    def __init__(self, button: QCheckBox | QRadioButton, sentence: str = "", *, below: int = 0) -> None:
        """`below` are the pixels that stay free under it."""
        super().__init__()
        self.button = button
        self._title = button.text()
        button.setAccessibleName(self._title)
        button.setMinimumWidth(LEAST_WIDTH)  # a long name must not make the page wider than the window
        self._below = below
        self._sentence = plain_label("caption", is_selectable=False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(button)
        column.addWidget(self._sentence)
        self.say(sentence)

    @property
    def sentence(self) -> str:
        return self._sentence.text()

    def say(self, sentence: str) -> None:
        self._sentence.setText(sentence)
        self._sentence.setVisible(bool(sentence))
        self.button.setAccessibleDescription(sentence)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.button.setFocus(Qt.FocusReason.MouseFocusReason)
            self.button.click()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange) and self.isVisible():
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        before = words_begin(self.button)
        self._sentence.setContentsMargins(before, 0, 0, self._below)
        room = self.width() - before - AFTER_WORDS
        title = self.button.fontMetrics().elidedText(self._title, Qt.TextElideMode.ElideMiddle, room)
        self.button.setText(title)
        self.setToolTip(self._title if title != self._title else "")


def words_begin(button: QAbstractButton) -> int:
    """Pixels from the left edge of a box or a radio button to its words; the mark grows with the letters."""
    option = QStyleOptionButton()
    option.initFrom(button)
    elements = QStyle.SubElement
    element = elements.SE_RadioButtonContents if isinstance(button, QRadioButton) else elements.SE_CheckBoxContents
    return button.style().subElementRect(element, option, button).left()
