"""A group of a map of topics, in the list beside it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy

from companion.core.amounts import counted
from companion.core.dataset_findings import TopicGroup
from companion.ui.theme import BODY, Theme
from companion.ui.workshop.data.topic_picture import group_colour, group_words, mark_size, paint_mark


class GroupButton(QAbstractButton):
    """A group of a map with its mark, its words and how much of all it is; pressed, it stands out on the map."""

    def __init__(self, theme: Theme, number: int, group: TopicGroup, count: int) -> None:
        """`count` is how many dialogues the map has."""
        super().__init__()
        self._theme, self._number = theme, number
        self._caption = f"{group.dialogues / max(count, 1):.0%}, {counted(group.dialogues, 'dialogue')}"
        self.setText(group_words(group))
        self.setCheckable(True)
        self.setToolTip(f"{group_words(group)}: let them stand out")
        self.setAccessibleName(f"{group_words(group)}, {self._caption}")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        lines = QFontMetricsF(self._theme.font()).height() + QFontMetricsF(self._theme.font(12)).height()
        return QSize(200, round(lines) + 12)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def enterEvent(self, event: object) -> None:
        self.update()

    def leaveEvent(self, event: object) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.colour("accent"), 2) if self.hasFocus() else Qt.PenStyle.NoPen)
        if self.isChecked() or self.underMouse():
            ground = self._theme.colour("raised")
            ground.setAlphaF(1.0 if self.isChecked() else 0.5)
            painter.setBrush(ground)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        left, room = 28, self.width() - 36
        lines: Sequence[tuple[str, int, str]] = ((self.text(), BODY, "text"), (self._caption, 12, "muted"))
        top = 6.0
        for number, (words, size, colour) in enumerate(lines):
            font = self._theme.font(size)
            metrics = QFontMetricsF(font)
            if number == 0:
                at, own = QPointF(15, top + metrics.height() / 2), group_colour(self._theme, self._number)
                paint_mark(painter, self._number, at, own, mark_size(self._theme))
            painter.setFont(font)
            painter.setPen(self._theme.colour(colour))
            painter.drawText(QPointF(left, top + metrics.ascent()), metrics.elidedText(words, Qt.TextElideMode.ElideRight, room))
            top += metrics.height()
        painter.end()
