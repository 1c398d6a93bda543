"""What a reply shows before its first word: three dots, and how much of the prompt has been read."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFontMetrics, QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from companion.ui.theme import Theme

DOT, DOT_GAP = 7, 5
BAR_WIDTH, BAR_HEIGHT = 72, 3
FRAME_MS = 60
BREATH_FRAMES = 22


class Waiting(QWidget):
    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._fraction: float | None = None
        self._frame = 0
        self._clock = QTimer(self, interval=FRAME_MS)
        self._clock.timeout.connect(self._advance)
        self.setAccessibleName("thinking")

    def set_reading(self, fraction: float | None) -> None:
        """Between 0 and 1 while the prompt is read, None while thinking."""
        self._fraction = None if fraction is None else min(max(fraction, 0.0), 1.0)
        self.setAccessibleName(self._words() or "thinking")
        self.updateGeometry()
        self.update()

    def fit(self) -> QSize:
        words = QFontMetrics(self._theme.font(12)).horizontalAdvance("reading 100 %")
        dots = 3 * DOT + 2 * DOT_GAP
        return QSize(dots if self._fraction is None else dots + 12 + BAR_WIDTH + 10 + words, self._theme.font(20).pixelSize())

    def showEvent(self, event: QShowEvent) -> None:
        if not self._theme.reduce_motion:
            self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        self._clock.stop()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        for i in range(3):
            colour = self._theme.colour("muted")
            wave = math.sin((self._frame / BREATH_FRAMES - i / 6) * 2 * math.pi)
            colour.setAlphaF(0.75 if self._theme.reduce_motion else 0.6 + 0.4 * wave)
            painter.setBrush(colour)
            painter.drawEllipse(QRectF(i * (DOT + DOT_GAP), middle - DOT / 2, DOT, DOT))
        if self._fraction is not None:
            left = 3 * DOT + 2 * DOT_GAP + 12
            bar = QRectF(left, middle - BAR_HEIGHT / 2, BAR_WIDTH, BAR_HEIGHT)
            painter.setBrush(self._theme.colour("line"))
            painter.drawRoundedRect(bar, 1.5, 1.5)
            bar.setWidth(BAR_WIDTH * self._fraction)
            painter.setBrush(self._theme.colour("muted"))
            painter.drawRoundedRect(bar, 1.5, 1.5)
            painter.setPen(self._theme.colour("muted"))
            painter.setFont(self._theme.font(12))
            words = QRectF(left + BAR_WIDTH + 10, 0, self.width(), self.height())
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, self._words())
        painter.end()

    def _words(self) -> str:
        return "" if self._fraction is None else f"reading {self._fraction * 100:.0f} %"

    def _advance(self) -> None:
        self._frame = (self._frame + 1) % BREATH_FRAMES
        self.update(0, 0, 3 * DOT + 2 * DOT_GAP, self.height())
