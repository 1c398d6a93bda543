"""How lengths are spread, as bars side by side; each can be read with the pointer or the arrow keys."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from companion.core.amounts import counted
from companion.core.dataset_findings import Spread, SpreadBar
from companion.ui.charts.colours import chart_colour
from companion.ui.theme import BODY, Theme

HEIGHT, GAP = 110, 3.0


class LengthChart(QWidget):
    """`one` and `unit` are what is counted and what it is measured in: dialogues, by tokens."""

    def __init__(self, theme: Theme, one: str, unit: str) -> None:
        super().__init__()
        self._theme, self._one, self._unit = theme, one, unit
        self.bars: tuple[SpreadBar, ...] = ()
        self._read_at: int | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"Chart: {unit} per {one}")
        theme.changed.connect(self._theme_changed)

    def show_spread(self, spread: Spread) -> None:
        self.bars, self._read_at = spread.bars, None
        half, most = f"half have {spread.middle:,} {self._unit} or fewer", f"the longest {spread.largest:,}"
        self.setAccessibleDescription(f"{half}, {most}.")
        self.update()

    def reading(self, number: int) -> str:
        """“13 to 24 words: 120 replies”."""
        bar = self.bars[number]
        lengths = f"{bar.low:,}" if bar.low == bar.high else f"{bar.low:,} to {bar.high:,}"
        many = f"{self._one[:-1]}ies" if self._one.endswith("y") else f"{self._one}s"
        return f"{lengths} {self._unit}: {counted(bar.count, self._one, many)}"

    def sizeHint(self) -> QSize:
        return QSize(260, round(HEIGHT * max(self._theme.font_size / BODY, 1.0)))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        share = event.position().x() / max(self.width(), 1)
        self._read(min(max(int(share * len(self.bars)), 0), len(self.bars) - 1) if self.bars else None)

    def leaveEvent(self, event: object) -> None:
        self._read(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left.value: -1, Qt.Key.Key_Right.value: 1}.get(event.key())
        if step is None or not self.bars:
            super().keyPressEvent(event)
            return
        at = -1 if self._read_at is None and step > 0 else len(self.bars) if self._read_at is None else self._read_at
        self._read(min(max(at + step, 0), len(self.bars) - 1))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._read(None)

    def _read(self, number: int | None) -> None:
        self._read_at = number
        if number is not None:
            self.setAccessibleDescription(self.reading(number))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self._theme.font(12)
        painter.setFont(font)
        line = QFontMetricsF(font).height()
        ground = QRectF(2, 2, self.width() - 4, self.height() - 4)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.colour("accent"), 2))
            painter.drawRoundedRect(ground, 8, 8)
        if self.bars:
            self._paint_bars(painter, ground.adjusted(4, line + 6, -4, -line - 6))
            self._paint_words(painter, ground, line)
        painter.end()

    def _paint_bars(self, painter: QPainter, area: QRectF) -> None:
        painter.fillRect(QRectF(area.left(), area.bottom(), area.width(), 1), self._theme.colour("line"))
        width, most = area.width() / len(self.bars), max(bar.count for bar in self.bars)
        painter.setPen(Qt.PenStyle.NoPen)
        for number, bar in enumerate(self.bars):
            colour = chart_colour("vermilion" if number == self._read_at else "blue", self._theme.palette)
            painter.setBrush(colour)
            height = max(area.height() * bar.count / most, 1.5 if bar.count else 0.0)
            gap = min(GAP, width / 4)
            painter.drawRect(QRectF(area.left() + number * width + gap / 2, area.bottom() - height, width - gap, height))

    def _paint_words(self, painter: QPainter, ground: QRectF, line: float) -> None:
        """Where they begin and end below; what is read above."""
        below = QRectF(ground.left() + 4, ground.bottom() - line - 2, ground.width() - 8, line)
        painter.setPen(self._theme.colour("muted"))
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, f"{self.bars[0].low:,}")
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{self.bars[-1].high:,} {self._unit}")
        if self._read_at is not None:
            painter.setPen(self._theme.colour("text"))
            above = QRectF(below.left(), ground.top() + 2, below.width(), line)
            painter.drawText(above, Qt.AlignmentFlag.AlignLeft, self.reading(self._read_at))

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()
