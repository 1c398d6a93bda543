"""A menu of choices that shows a long one shortened, with what is missing marked; Qt cuts it off."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QToolTip

KEPT_FREE = 4
"""Pixels beside the words, which the style keeps free at both sides together."""


class ElidedComboBox(QComboBox):
    """The whole words are its tooltip while they do not fit, unless it has another one."""

    elide = Qt.TextElideMode.ElideRight
    """Where words are left out."""
    letters = 0
    """So wide at most, where there is room, that what is chosen can be read; 0 leaves it as wide as Qt makes it."""

    def sizeHint(self) -> QSize:
        hint, metrics = super().sizeHint(), self.fontMetrics()
        words = min(metrics.horizontalAdvance(self.currentText()) + KEPT_FREE, self.letters * metrics.averageCharWidth())
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        wanted = self.style().sizeFromContents(QStyle.ContentsType.CT_ComboBox, option, QSize(words, hint.height()), self)
        return hint.expandedTo(QSize(wanted.width(), 0)) if self.letters else hint

    def shown_text(self) -> str:
        """What there is room for."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        return self.fontMetrics().elidedText(self.currentText(), self.elide, field.width() - KEPT_FREE)

    def showPopup(self) -> None:
        """Wide enough for every choice: two that differ at their ends must be told apart there."""
        view = self.view()
        bar = view.verticalScrollBar().sizeHint().width() if self.count() > self.maxVisibleItems() else 0
        wanted = view.sizeHintForColumn(0) + 2 * view.frameWidth() + bar + 8
        view.setMinimumWidth(max(min(wanted, self.window().width() - 32), 0))
        super().showPopup()

    def paintEvent(self, _event: QPaintEvent) -> None:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown_text()
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and not self.toolTip():
            QToolTip.showText(event.globalPos(), self.currentText() if self.shown_text() != self.currentText() else "", self)
            return True
        return super().event(event)
