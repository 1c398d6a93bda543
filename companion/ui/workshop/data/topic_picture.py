"""Painting a map of topics: a mark for each dialogue, whose shape and colour say which group it belongs to."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from companion.core.dataset_findings import TopicGroup, TopicMap
from companion.ui.charts.colours import chart_colour
from companion.ui.theme import BODY, Theme

MARK: Final = 4.5
MARGIN: Final = 10.0
FADED: Final = 0.18
LEGEND_WIDTH: Final = 250.0
_ROUND: Final = "round"
SHAPES: Final = ("round", "square", "up", "diamond", "down", "plus", "cross", "star")
"""One for each group: a map is read without colours, too."""
_COLOURS: Final = ("blue", "vermilion", "green", "purple", "yellow")


def group_colour(theme: Theme, group: int) -> QColor:
    """The sixth group begins again: its shape is another."""
    return chart_colour(_COLOURS[group % len(_COLOURS)], theme.palette)


def group_words(group: TopicGroup) -> str:
    """“stars, dome, sky”; a group without words of its own is told so."""
    return ", ".join(group.words) or "no words of its own"


def mark_size(theme: Theme) -> float:
    """Half the width of a mark in pixels; it grows with the letters."""
    return MARK * max(theme.font_size / BODY, 1.0)


def paint_mark(painter: QPainter, group: int, at: QPointF, colour: QColor, size: float) -> None:
    """The shape of a group around `at`."""
    shape = SHAPES[group % len(SHAPES)]
    if shape in ("plus", "cross"):
        painter.setPen(QPen(colour, size * 0.55, c=Qt.PenCapStyle.RoundCap))
        across = size if shape == "plus" else size * 0.8
        for angle in (0.0, 90.0) if shape == "plus" else (45.0, 135.0):
            turn = QPointF(math.cos(math.radians(angle)), math.sin(math.radians(angle))) * across
            painter.drawLine(at - turn, at + turn)
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    if shape == _ROUND:
        painter.drawEllipse(at, size * 0.95, size * 0.95)
    else:
        painter.drawPolygon(QPolygonF([at + corner * size for corner in _corners(shape)]))


def _corners(shape: str) -> list[QPointF]:
    """Of a polygon that reaches about 1 from its middle."""
    if shape == "star":
        reach = [(1.25 if number % 2 == 0 else 0.55, math.radians(36 * number - 90)) for number in range(10)]
        return [QPointF(far * math.cos(angle), far * math.sin(angle)) for far, angle in reach]
    known = {
        "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
        "up": ((0, -1.15), (1.1, 0.8), (-1.1, 0.8)),
        "down": ((0, 1.15), (1.1, -0.8), (-1.1, -0.8)),
        "diamond": ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)),
    }
    return [QPointF(x, y) for x, y in known[shape]]


class TopicPicture(NamedTuple):
    """Everything that is needed to paint. `lit` is the group that stands out, -1 none; with `legend` the groups are told
    at the right."""

    theme: Theme
    topics: TopicMap
    lit: int = -1
    legend: bool = False

    def places(self, size: QRectF) -> list[QPointF]:
        """Where each dialogue lies; both directions have the same scale, since distance is what the map tells."""
        area = self._area(size)
        xs, ys = [point.x for point in self.topics.points], [point.y for point in self.topics.points]
        if not xs:
            return []
        middle = QPointF((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
        wide, high = (max(xs) - min(xs)) / 2 or 1.0, (max(ys) - min(ys)) / 2 or 1.0
        scale = max(min((area.width() / 2 - MARGIN) / wide, (area.height() / 2 - MARGIN) / high), 1.0)
        centre = area.center()
        offsets = ((x - middle.x(), middle.y() - y) for x, y in zip(xs, ys, strict=True))
        return [centre + QPointF(across, down) * scale for across, down in offsets]

    def paint(self, painter: QPainter, size: QRectF) -> object:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        size_of_mark = mark_size(self.theme)
        order = list(zip(self.topics.points, self.places(size), strict=True))
        for point, at in sorted(order, key=lambda each: each[0].group == self.lit):  # what stands out lies on top
            colour = group_colour(self.theme, point.group)
            if self.lit not in (-1, point.group):
                colour.setAlphaF(FADED)
            paint_mark(painter, point.group, at, colour, size_of_mark)
        if self.legend:
            self._paint_legend(painter, size)
        return None

    def _area(self, size: QRectF) -> QRectF:
        return size.adjusted(0, 0, -LEGEND_WIDTH, 0) if self.legend else size

    def _paint_legend(self, painter: QPainter, size: QRectF) -> None:
        font = self.theme.font(12)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        left, top = size.right() - LEGEND_WIDTH + 16, size.top()
        count = max(len(self.topics.points), 1)
        for number, group in enumerate(self.topics.groups):
            at = QPointF(left, top + metrics.height() / 2)
            paint_mark(painter, number, at, group_colour(self.theme, number), mark_size(self.theme))
            painter.setPen(self.theme.colour("text"))
            words = f"{group_words(group)}, {group.dialogues / count:.0%}"
            elided = metrics.elidedText(words, Qt.TextElideMode.ElideRight, LEGEND_WIDTH - 32)
            painter.drawText(QPointF(left + 14, top + metrics.ascent()), elided)
            top += metrics.height() + 6
