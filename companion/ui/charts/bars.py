"""Numbers as bars below one another, each with its name before it and its value behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from companion.ui.charts.colours import chart_colour
from companion.ui.theme import Theme

GAP = 8.0
THICK = 8.0


class Bar(NamedTuple):
    name: str
    value: float
    text: str
    """The value, with its unit where that is not the same for all."""


class Bars(QWidget):
    """The longest is as long as there is room."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__()
        self._theme = theme
        self.bars: tuple[Bar, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"Chart: {title}")
        theme.changed.connect(self._theme_changed)

    def show_bars(self, bars: Sequence[Bar]) -> None:
        self.bars = tuple(bars)
        self.setAccessibleDescription(", ".join(f"{bar.name} {bar.text}" for bar in bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, round(self._row() * len(self.bars)))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self._theme.font(12)
        painter.setFont(font)
        metrics, row = QFontMetricsF(font), self._row()
        left = max((metrics.horizontalAdvance(bar.name) for bar in self.bars), default=0.0) + GAP
        right = max((metrics.horizontalAdvance(bar.text) for bar in self.bars), default=0.0) + GAP
        most = max((bar.value for bar in self.bars), default=0.0) or 1.0
        for number, bar in enumerate(self.bars):
            top = number * row
            length = max((self.width() - left - right) * bar.value / most, 2.0)
            painter.setPen(self._theme.colour("muted"))
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, left - GAP, row), Qt.AlignmentFlag.AlignRight | middle, bar.name)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(chart_colour("blue", self._theme.palette))
            painter.drawRoundedRect(QRectF(left, top + (row - THICK) / 2, length, THICK), THICK / 2, THICK / 2)
            painter.setPen(self._theme.colour("text"))
            painter.drawText(QRectF(left + length + GAP, top, right, row), Qt.AlignmentFlag.AlignLeft | middle, bar.text)
        painter.end()

    def _row(self) -> float:
        return QFontMetricsF(self._theme.font(12)).height() + 4

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()
