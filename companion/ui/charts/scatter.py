"""A chart of single things that can be chosen: each a mark at two numbers, the lower one on a scale of powers of ten."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from companion.ui.charts.colours import chart_colour
from companion.ui.charts.lines import Bounds, number_text, ticks
from companion.ui.charts.reading import paint_reading
from companion.ui.theme import Theme

Shape = Literal["circle", "up", "down", "square", "diamond"]
SIZE = 4.5
APART = 5.0
"""Pixels between the places of the line that are kept free of words."""
NEAR = 16.0
"""Pixels from a mark within which the pointer means it."""
GAP = 6.0
DECADES = 4
"""Marks lower than so many powers of ten below the highest stand at the lower edge, too."""
_CORNERS: Final[dict[Shape, tuple[tuple[float, float], ...]]] = {
    "up": ((0, -1.2), (1.1, 0.9), (-1.1, 0.9)),
    "down": ((0, 1.2), (1.1, -0.9), (-1.1, -0.9)),
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "diamond": ((0, -1.5), (1.5, 0), (0, 1.5), (-1.5, 0)),
}


class Mark(NamedTuple):
    """One thing. What is not above 0 stands at the lower edge."""

    x: float
    y: float
    shape: Shape
    colour: str
    """One of `colours.COLOURS`."""
    told: tuple[str, ...]
    """What is said of it, a heading first."""
    label: str = ""
    """Stands beside it, where there is room."""
    is_hollow: bool = False
    size: float = SIZE


class ScatterChart(QWidget):
    """The pointer or the arrow keys read a mark; a click, Enter or Space chooses it."""

    chosen = Signal(int)
    """Number of a mark, by the person."""

    def __init__(
        self,
        theme: Theme,
        title: str,
        *,
        x_word: str,
        y_word: str,
        x_text: Callable[[float], str] = number_text,
        height: int = 300,
    ) -> None:
        """`x_text` tells a number of the lower axis."""
        super().__init__()
        self._theme = theme
        self._x_word, self._y_word, self._x_text = x_word, y_word, x_text
        self._height = height
        self.marks: tuple[Mark, ...] = ()
        self._line: tuple[tuple[float, float], ...] = ()
        self.read_at: int | None = None
        """Number of the mark that is read."""
        self.chosen_at: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Chart: {title}")
        theme.changed.connect(self._theme_changed)

    def show_marks(self, marks: Sequence[Mark], line: Sequence[tuple[float, float]] = ()) -> None:
        """Draw these from now on, and a line through some points behind them; nothing is chosen any more."""
        self.marks, self._line = tuple(marks), tuple(line)
        self.read_at = self.chosen_at = None
        self.setAccessibleDescription(f"{len(self.marks)} marks. Arrow keys read them one by one, Enter chooses.")
        self.update()

    def choose(self, number: int | None) -> None:
        """Show which one is chosen; emits nothing."""
        self.chosen_at = number
        self.update()

    def place(self, number: int) -> QPointF:
        """Where a mark is, in pixels."""
        return self._at(self.marks[number].x, self.marks[number].y)

    # Looking into it

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._read(self._nearest(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and (found := self._nearest(event.position())) is not None:
            self._choose(found)

    def leaveEvent(self, event: object) -> None:
        self._read(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        order = sorted(range(len(self.marks)), key=lambda number: (self.marks[number].x, self.marks[number].y))
        now = self.read_at if self.read_at is not None else self.chosen_at
        match event.key():
            case Qt.Key.Key_Left | Qt.Key.Key_Right if order:
                step = -1 if event.key() == Qt.Key.Key_Left else 1
                at = order.index(now) + step if now is not None else 0
                self._read(order[min(max(at, 0), len(order) - 1)])
            case Qt.Key.Key_Home | Qt.Key.Key_End if order:
                self._read(order[0 if event.key() == Qt.Key.Key_Home else -1])
            case Qt.Key.Key_Return | Qt.Key.Key_Enter | Qt.Key.Key_Space if self.read_at is not None:
                self._choose(self.read_at)
            case _:
                super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._read(None)

    def _choose(self, number: int) -> None:
        self.chosen_at = number
        self.update()
        self.chosen.emit(number)

    def _read(self, number: int | None) -> None:
        if number != self.read_at:
            self.read_at = number
            if number is not None:
                self.setAccessibleDescription(", ".join(self.marks[number].told))
            self.update()

    def _nearest(self, position: QPointF) -> int | None:
        def distance(number: int) -> float:
            found = self.place(number) - position
            return math.hypot(found.x(), found.y())

        on_top = [
            number for number, mark in enumerate(self.marks) if mark.shape == "diamond" and distance(number) <= 2 * mark.size
        ]
        if on_top:  # what was measured covers what was foreseen of the same build
            return on_top[-1]
        nearest = min(range(len(self.marks)), key=distance, default=None)
        return nearest if nearest is not None and distance(nearest) <= NEAR else None

    # Painting

    def sizeHint(self) -> QSize:
        return QSize(360, round(self._height * max(self._theme.font_size / 14, 1.0)))

    def minimumSizeHint(self) -> QSize:
        return QSize(240, round(self.sizeHint().height() * 0.75))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self._theme.font(12)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        self._paint_scales(painter, metrics)
        if self._line:
            painter.setPen(QPen(chart_colour("blue", self._theme.palette), 1.5))
            painter.drawPolyline(QPolygonF([self._at(*point) for point in self._line]))
        for number, mark in enumerate(self.marks):
            self._paint_mark(painter, mark, self.place(number))
        self._paint_labels(painter, metrics)
        if self.chosen_at is not None:
            painter.setPen(QPen(self._theme.colour("accent"), 2.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(self.place(self.chosen_at), 9, 9)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 10, 10)
        if self.read_at is not None:
            at = self.place(self.read_at)
            painter.setPen(QPen(self._theme.colour("text"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(at, 7, 7)
            paint_reading(painter, self._theme, QRectF(self.rect()), at, self.marks[self.read_at].told)
        painter.end()

    def _paint_scales(self, painter: QPainter, metrics: QFontMetricsF) -> None:
        area, y = self._area(), self._y()
        for power in range(math.ceil(y.low), math.floor(y.high) + 1):
            row = round(self._at(self._x().low, 10.0**power).y()) + 0.5
            painter.setPen(QPen(self._theme.colour("line"), 1))
            painter.drawLine(QPointF(area.left(), row), QPointF(area.right(), row))
            painter.setPen(self._theme.colour("muted"))
            box = QRectF(0, row - metrics.height() / 2, area.left() - GAP, metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number_text(10.0**power))
        painter.setPen(self._theme.colour("muted"))
        painter.drawText(QRectF(area.left(), 2, area.width(), metrics.height()), Qt.AlignmentFlag.AlignLeft, self._y_word)
        below = area.bottom() + GAP
        painter.drawText(QRectF(area.left(), below, area.width(), metrics.height()), Qt.AlignmentFlag.AlignRight, self._x_word)
        free = area.right() - metrics.horizontalAdvance(self._x_word) - 2 * GAP
        for value in ticks(self._x(), max(int(area.width() / max(90.0, metrics.horizontalAdvance("000 MB") + 24)), 1)):
            text = self._x_text(value)
            middle, half = self._at(value, 1.0).x(), metrics.horizontalAdvance(text) / 2 + 1
            if middle + half < free:
                painter.drawText(QRectF(middle - half, below, 2 * half, metrics.height()), Qt.AlignmentFlag.AlignHCenter, text)

    def _paint_mark(self, painter: QPainter, mark: Mark, at: QPointF) -> None:
        colour = chart_colour(mark.colour, self._theme.palette)
        painter.setPen(QPen(colour, 1.5))
        painter.setBrush(self._theme.colour("surface") if mark.is_hollow else colour)
        if mark.shape == "circle":
            painter.drawEllipse(at, mark.size, mark.size)
        else:
            painter.drawPolygon(QPolygonF([at + QPointF(x, y) * mark.size for x, y in _CORNERS[mark.shape]]))

    def _paint_labels(self, painter: QPainter, metrics: QFontMetricsF) -> None:
        """Beside, above or below its mark; what has no room there is left to the pointer."""
        places = [self.place(number) for number in range(len(self.marks))]
        around = [1.1 * mark.size + 1 for mark in self.marks]
        taken = [QRectF(at.x() - free, at.y() - free, 2 * free, 2 * free) for at, free in zip(places, around, strict=True)]
        taken += [QRectF(at.x() - 2, at.y() - 2, 4, 4) for at in self._along_the_line()]
        painter.setPen(self._theme.colour("text"))
        for mark, at in zip(self.marks, places, strict=True):
            width, height = metrics.horizontalAdvance(mark.label) + 2, metrics.height()
            corners = ((8, -height / 2), (-8 - width, -height / 2), (-width / 2, -height - 6), (-width / 2, 6))
            boxes = [QRectF(at.x() + x, at.y() + y, width, height) for x, y in corners]
            free = (box for box in boxes if self._area().contains(box) and not any(box.intersects(other) for other in taken))
            if mark.label and (box := next(free, None)) is not None:
                taken.append(box)
                painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, mark.label)

    def _along_the_line(self) -> Iterator[QPointF]:
        """Its course, a few pixels apart."""
        for begin, end in pairwise(self._at(*point) for point in self._line):
            way = end - begin
            steps = max(int(math.hypot(way.x(), way.y()) / APART), 1)
            yield from (begin + way * (step / steps) for step in range(steps + 1))

    def _area(self) -> QRectF:
        metrics = QFontMetricsF(self._theme.font(12))
        left = metrics.horizontalAdvance("0.0001") + GAP
        return QRectF(self.rect()).adjusted(left + 4, metrics.height() + 8, -12, -metrics.height() - 2 * GAP)

    def _x(self) -> Bounds:
        xs = [mark.x for mark in self.marks] or [0.0, 1.0]
        room = (max(xs) - min(xs)) * 0.04 or 1.0
        return Bounds(min(xs) - room, max(xs) + room)

    def _y(self) -> Bounds:
        """In powers of ten."""
        ys = [math.log10(mark.y) for mark in self.marks if mark.y > 0] or [-1.0, 0.0]
        low = max(min(ys), max(ys) - DECADES)
        room = (max(ys) - low) * 0.06 or 0.5
        return Bounds(low - room, max(ys) + room)

    def _at(self, x: float, y: float) -> QPointF:
        area, across, down = self._area(), self._x(), self._y()
        power = max(math.log10(y), down.low) if y > 0 else down.low
        return QPointF(
            area.left() + (x - across.low) / across.size * area.width(),
            area.bottom() - (power - down.low) / down.size * area.height(),
        )

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()
