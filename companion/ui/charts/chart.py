"""A chart one can look into: hover or arrow keys read it, a drag or + zooms, and what is shown can be taken along."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from companion.ui.charts.colours import chart_colour
from companion.ui.charts.lines import Bounds, Line, Point, nearest, number_text, whole_range
from companion.ui.charts.picture import ChartPicture, Place
from companion.ui.charts.reading import paint_reading
from companion.ui.theme import Theme

ZOOM = 1.5
"""How much nearer one press of + or one notch of the wheel goes."""
LEAST_DRAG = 6
LEAST_POINTS = 4
"""A zoom shows at least so many steps."""
STEPS_PER_KEY = 40
"""So many presses of an arrow key walk through everything that is shown."""


class Chart(QWidget):
    """Shows lines that may grow: `refresh` says that they have. The picture is painted once and kept until then."""

    zoomed = Signal(bool)
    """Whether less than everything is shown."""

    def __init__(
        self, theme: Theme, title: str, *, x_word: str = "step", log_x: bool = False, height: int = 150,
        value_text: Callable[[float], str] = number_text,
    ) -> None:  # fmt: skip
        super().__init__()
        self._theme = theme
        self.title = title
        self.lines: tuple[Line, ...] = ()
        self._x_word, self._log_x, self._value_text = x_word, log_x, value_text
        self._shown: Bounds | None = None
        """What is zoomed to; None shows everything, also what will come."""
        self._picture = QPixmap()
        self._place: Place | None = None
        self._read_at: float | None = None
        self._dragged: tuple[float, float] | None = None
        """Pixels between which the mouse is drawn."""
        self._height = height
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(f"Chart: {title}")
        self.setToolTip("")
        theme.changed.connect(self._theme_changed)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Draw these from now on; what is zoomed to stays."""
        self.lines = tuple(lines)
        self.refresh()

    def refresh(self) -> None:
        """The lines have grown."""
        self._picture = QPixmap()
        self.update()

    @property
    def shown(self) -> Bounds:
        """The range of x that is drawn."""
        return self._shown or whole_range(self.lines)

    @property
    def is_zoomed(self) -> bool:
        return self._shown is not None

    def zoom(self, low: float, high: float) -> None:
        """Show this range of x, no less than a few steps and no more than there is."""
        whole = whole_range(self.lines)
        least = 0.0 if self._log_x else min(float(LEAST_POINTS), whole.size)
        if high - low < least:
            middle = (low + high) / 2
            low, high = middle - least / 2, middle + least / 2
        low, high = max(low, whole.low), min(high, whole.high)
        covers_all = low <= whole.low and high >= whole.high
        self._shown = None if covers_all or high <= low else Bounds(low, high)
        self.refresh()
        self.zoomed.emit(self.is_zoomed)

    def show_all(self) -> None:
        self._shown = None
        self.refresh()
        self.zoomed.emit(False)

    def summary(self) -> str:
        """The chart in words, for those who do not see it."""
        told = [self._line_summary(line) for line in self.lines if len(line.curve)]
        return " ".join(told) or "Nothing is measured yet."

    def reading(self, x: float) -> tuple[float, list[tuple[Line, Point]]]:
        """Where the nearest point of the first line lies, and the point of each line that is nearest to that."""
        at = next((found.x for line in self.lines if (found := nearest(line.curve, x)) is not None), x)
        return at, [(line, found) for line in self.lines if (found := nearest(line.curve, at)) is not None]

    def picture(self) -> ChartPicture:
        """What is shown now, to be painted anywhere."""
        return ChartPicture(self._theme, self.lines, self.shown, self._x_word, self._log_x, self._value_text)

    def table(self) -> list[list[str]]:
        """A row per x, a column per line, empty where a line has no number there."""
        columns = [dict(zip(line.curve.xs, line.curve.ys, strict=False)) for line in self.lines]
        rows = [[self._x_word, *(line.label or self.title for line in self.lines)]]
        for x in sorted(set().union(*columns)) if columns else []:
            rows.append([f"{x:.10g}", *(f"{column[x]:.10g}" if x in column else "" for column in columns)])
        return rows

    def _line_summary(self, line: Line) -> str:
        curve, count = line.curve, len(line.curve)
        name = line.label or self.title
        first, last = self._value_text(curve.ys[0]), self._value_text(curve.ys[count - 1])
        where = f"{self._x_word} {number_text(curve.xs[count - 1])}"
        return f"{name}: {first} at first, {last} at {where}; lowest {self._value_text(curve.extremes(0, count)[0])}."

    # Looking into it

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            self._dragged = (self._dragged[0], event.position().x())
        self._read(event.position())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._place is not None:
            self._dragged = (event.position().x(), event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragged is None or self._place is None:
            return
        (begin, end), self._dragged = sorted(self._dragged), None
        if end - begin >= LEAST_DRAG:
            self.zoom(self._place.x_at(begin), self._place.x_at(end))
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.show_all()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """With Ctrl only: without, the page scrolls."""
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier or self._place is None:
            event.ignore()
            return
        self._zoom_at(self._place.x_at(event.position().x()), ZOOM if event.angleDelta().y() > 0 else 1 / ZOOM)

    def leaveEvent(self, event: object) -> None:
        self._read_at = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        shown = self.shown
        at = self._read_at if self._read_at is not None else shown.high
        match event.key():
            case Qt.Key.Key_Left | Qt.Key.Key_Right:
                self._walk(-1 if event.key() == Qt.Key.Key_Left else 1, at)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self._zoom_at(at, ZOOM)
            case Qt.Key.Key_Minus:
                self._zoom_at(at, 1 / ZOOM)
            case Qt.Key.Key_0 | Qt.Key.Key_Home:
                self.show_all()
            case _:
                super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._read_at = None
        super().focusOutEvent(event)
        self.update()

    def _walk(self, direction: int, at: float) -> None:
        """To the next point, or further where there are many."""
        shown = self.shown
        step = shown.size / STEPS_PER_KEY
        before = self.reading(at)[0]
        after = self.reading(at + direction * step)[0]
        while after == before and shown.low <= at <= shown.high:
            at += direction * step
            after = self.reading(at)[0]
        self._read_at = min(max(after, shown.low), shown.high)
        at, values = self.reading(self._read_at)
        self.setAccessibleDescription(self._reading_text(at, values))
        self.update()

    def _read(self, position: QPointF) -> None:
        is_inside = self._place is not None and self._place.area.adjusted(-4, 0, 4, 0).contains(position)
        self._read_at = self._place.x_at(position.x()) if is_inside and self._place is not None else None
        self.update()

    def _zoom_at(self, at: float, times: float) -> None:
        shown = self.shown
        size = shown.size / times
        share = (at - shown.low) / shown.size
        self.zoom(at - share * size, at + (1 - share) * size)

    def _reading_text(self, at: float, values: Sequence[tuple[Line, Point]]) -> str:
        told = ", ".join(self._told(line.label or self.title, point, at) for line, point in values)
        return f"{self._x_word} {number_text(at)}: {told}"

    def _told(self, label: str, point: Point, at: float) -> str:
        elsewhere = f" ({self._x_word} {number_text(point.x)})" if point.x != at else ""
        return f"{label} {self._value_text(point.y)}{elsewhere}".strip()

    # Painting

    def sizeHint(self) -> QSize:
        return QSize(320, round(self._height * max(self._theme.font_size / 14, 1.0)))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._picture = QPixmap()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture.isNull():
            self._paint_picture()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 10, 10)
        if self._place is not None and self._dragged is not None and abs(self._dragged[1] - self._dragged[0]) >= LEAST_DRAG:
            chosen = self._theme.colour("accent")
            chosen.setAlphaF(0.15)
            begin, end = sorted(self._dragged)
            painter.fillRect(QRectF(begin, self._place.area.top(), end - begin, self._place.area.height()), chosen)
        if self._place is not None and self._read_at is not None and self._dragged is None:
            self._paint_reading(painter, self._place, self._read_at)
        painter.end()

    def _paint_picture(self) -> None:
        dpr = self.devicePixelRatioF()
        self._picture = QPixmap(self.size() * dpr)
        self._picture.setDevicePixelRatio(dpr)
        self._picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._picture)
        self._place = self.picture().paint(painter, QRectF(self.rect()).adjusted(4, 4, -4, -4))
        painter.end()
        self.setAccessibleDescription(self.summary())

    def _paint_reading(self, painter: QPainter, place: Place, x: float) -> None:
        at, values = self.reading(x)
        if not values:
            return
        column = place.at(at, place.y.low).x()
        painter.setPen(QPen(self._theme.colour("muted"), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(column, place.area.top()), QPointF(column, place.area.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        for line, point in values:
            painter.setBrush(chart_colour(line.colour, self._theme.palette))
            painter.drawEllipse(place.at(*point), 4, 4)
        texts = [self._told(line.label, point, at) for line, point in values]
        told = [f"{self._x_word} {number_text(at)}", *texts]
        paint_reading(painter, self._theme, QRectF(self.rect()), QPointF(column, place.area.top()), told)

    def _theme_changed(self) -> None:
        self._picture = QPixmap()
        self.updateGeometry()
        self.update()
