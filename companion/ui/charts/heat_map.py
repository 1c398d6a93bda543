"""A table of numbers as colours on a scale of powers of ten: the stronger the colour, the greater the number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from companion.ui.charts.colours import chart_colour
from companion.ui.charts.lines import number_text, rounded
from companion.ui.charts.reading import paint_reading
from companion.ui.palette import mix
from companion.ui.theme import Theme

ROW = 20
"""Pixels of a row at the usual size of letters."""
GAP = 6.0
FAINTEST = 0.08
"""Share of the colour that the least number gets, so that a cell is always seen."""
DECADES = 3.0
"""Numbers so many powers of ten below the greatest are as faint as can be."""


class Cell(NamedTuple):
    value: float
    told: tuple[str, ...]
    """What is said of it, a heading first."""


class HeatMap(QWidget):
    """The pointer or the arrow keys read a cell."""

    read = Signal(str)
    """What is read now, in one line."""

    def __init__(self, theme: Theme, title: str, column_word: str) -> None:
        super().__init__()
        self._theme = theme
        self._column_word = column_word
        self.rows: tuple[str, ...] = ()
        self.columns: tuple[str, ...] = ()
        self.cells: Mapping[tuple[int, int], Cell] = {}
        """By row and column; where none is, nothing is known."""
        self.read_at: tuple[int, int] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Chart: {title}")
        theme.changed.connect(self._theme_changed)

    def show_cells(self, rows: Sequence[str], columns: Sequence[str], cells: Mapping[tuple[int, int], Cell]) -> None:
        self.rows, self.columns, self.cells = tuple(rows), tuple(columns), cells
        self.read_at = None
        self.setAccessibleDescription(f"{len(rows)} rows, {len(columns)} columns. Arrow keys read them cell by cell.")
        self.updateGeometry()
        self.update()

    def box(self, row: int, column: int) -> QRectF:
        """Where a cell is, in pixels."""
        left, height = self._left(), self._row_height()
        width = (self.width() - left - 2) / max(len(self.columns), 1)
        return QRectF(left + column * width, 2 + row * height, width, height)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        row = int((event.position().y() - 2) // self._row_height())
        width = self.box(0, 0).width()
        column = int((event.position().x() - self._left()) // width)
        self._read((row, column) if (row, column) in self.cells else None)

    def leaveEvent(self, event: object) -> None:
        self._read(None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._read(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left.value: (0, -1),
            Qt.Key.Key_Right.value: (0, 1),
            Qt.Key.Key_Up.value: (-1, 0),
            Qt.Key.Key_Down.value: (1, 0),
        }
        step = steps.get(event.key())
        if step is None or not self.cells:
            super().keyPressEvent(event)
        elif self.read_at is None:
            self._read(min(self.cells))
        else:
            self._walk(*step)

    def _walk(self, down: int, across: int) -> None:
        """To the next cell that there is, in that direction."""
        assert self.read_at is not None  # noqa: S101 - whoever calls has looked
        row, column = self.read_at
        while 0 <= row < len(self.rows) and 0 <= column < len(self.columns):
            row, column = row + down, column + across
            if (row, column) in self.cells:
                self._read((row, column))
                return

    def _read(self, at: tuple[int, int] | None) -> None:
        if at == self.read_at:
            return
        self.read_at = at
        if at is not None:
            words = ", ".join(self.cells[at].told)
            self.setAccessibleDescription(words)
            self.read.emit(words)
        self.update()

    # Painting

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self._theme.font(12))
        return QSize(360, round(self._row_height() * len(self.rows) + metrics.height() + GAP + 6))

    def minimumSizeHint(self) -> QSize:
        return QSize(240, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        font = self._theme.font(12)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        middle = Qt.AlignmentFlag.AlignVCenter
        for number, name in enumerate(self.rows):
            painter.setPen(self._theme.colour("muted"))
            box = QRectF(0, self.box(number, 0).top(), self._left() - GAP, self._row_height())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | middle, name)
        powers = [math.log10(cell.value) for cell in self.cells.values() if cell.value > 0]
        for (row, column), cell in self.cells.items():
            painter.fillRect(
                self.box(row, column).adjusted(0.5, 0.5, -0.5, -0.5), self._colour(cell.value, max(powers, default=0))
            )
        self._paint_columns(painter, metrics)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        if self.read_at is not None:
            box = self.box(*self.read_at)
            painter.setPen(QPen(self._theme.colour("text"), 2))
            painter.drawRect(box.adjusted(0, 0, -1, -1))
            at = QPointF(box.right(), box.top())
            paint_reading(painter, self._theme, QRectF(self.rect()), at, self.cells[self.read_at].told)
        painter.end()

    def _paint_columns(self, painter: QPainter, metrics: QFontMetricsF) -> None:
        """The first, the last and some between, and what they are."""
        if not self.columns:
            return
        painter.setPen(self._theme.colour("muted"))
        top = self.box(len(self.rows), 0).top() + GAP
        word = f"{self._column_word} {self.columns[0]}"
        painter.drawText(QPointF(self._left(), top + metrics.ascent()), word)
        every = max(1, -(-len(self.columns) // 8))
        busy = self._left() + metrics.horizontalAdvance(word) + 2 * GAP
        for number in range(every, len(self.columns), every):
            box = self.box(0, number)
            half = metrics.horizontalAdvance(self.columns[number]) / 2
            if box.center().x() - half > busy:
                painter.drawText(QPointF(box.center().x() - half, top + metrics.ascent()), self.columns[number])

    def scale_words(self) -> str:
        """What the faintest and the strongest colour stand for."""
        values = [cell.value for cell in self.cells.values() if cell.value > 0]
        if not values:
            return ""
        most = max(values)
        return (
            f"From {number_text(rounded(max(min(values), most / 10**DECADES)))} (faint) to {number_text(rounded(most))} (strong)."
        )

    def _colour(self, value: float, strongest: float) -> QColor:
        ground = self._theme.palette.surface
        full = chart_colour("vermilion", self._theme.palette).name()
        if value <= 0:
            return QColor(mix(ground, full, FAINTEST / 2))
        share = 1 - min((strongest - math.log10(value)) / DECADES, 1.0)
        return QColor(mix(ground, full, FAINTEST + (1 - FAINTEST) * share))

    def _left(self) -> float:
        metrics = QFontMetricsF(self._theme.font(12))
        return max((metrics.horizontalAdvance(name) for name in self.rows), default=0.0) + 2 * GAP

    def _row_height(self) -> float:
        return ROW * max(self._theme.font_size / 14, 1.0)

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()
