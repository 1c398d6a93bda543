"""Smooth outlines through points, the way the portrait was drawn: soft curves with corners where they are meant."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath

Point = tuple[float, float]


def between(first: Sequence[Point], second: Sequence[Point], share: float) -> list[Point]:
    """The outline that lies `share` of the way from one to another with as many points; above 1 it goes beyond."""
    return [(a + (c - a) * share, b + (d - b) * share) for (a, b), (c, d) in zip(first, second, strict=True)]


def outline(points: Sequence[Point], corners: Collection[int] = ()) -> QPainterPath:
    """A closed smooth outline; the points with these indices are corners."""
    return _smooth(points, corners, closed=True)


def stroke(points: Sequence[Point]) -> QPainterPath:
    """An open smooth line."""
    return _smooth(points, (0, len(points) - 1), closed=False)


def tapered(points: Sequence[Point], widths: Sequence[float]) -> QPainterPath:
    """A pen line through the points, as wide as asked at each of them and closed to an outline."""
    last = len(points) - 1
    upper: list[Point] = []
    lower: list[Point] = []
    for index, ((x, y), width) in enumerate(zip(points, widths, strict=True)):
        (ax, ay), (bx, by) = points[max(index - 1, 0)], points[min(index + 1, last)]
        length = math.hypot(bx - ax, by - ay) or 1.0
        across = (-(by - ay) / length * width / 2, (bx - ax) / length * width / 2)
        upper.append((x - across[0], y - across[1]))
        lower.append((x + across[0], y + across[1]))
    return outline(upper + lower[::-1], (0, last, last + 1, 2 * last + 1))


def star(x: float, y: float, reach: float, waist: float, points: int = 4) -> QPainterPath:
    """A star with straight edges, one ray upwards."""
    path = QPainterPath()
    for corner in range(points * 2):
        angle = math.pi * corner / points
        radius = reach if corner % 2 == 0 else waist
        place = QPointF(x + math.sin(angle) * radius, y - math.cos(angle) * radius)
        if corner:
            path.lineTo(place)
        else:
            path.moveTo(place)
    path.closeSubpath()
    return path


def _smooth(points: Sequence[Point], corners: Collection[int], closed: bool) -> QPainterPath:
    count = len(points)
    tangents = [None if index in corners else _tangent(points, index) for index in range(count)]
    path = QPainterPath(QPointF(*points[0]))
    for index in range(count if closed else count - 1):
        after = (index + 1) % count
        a, b, out, into = points[index], points[after], tangents[index], tangents[after]
        third = math.hypot(b[0] - a[0], b[1] - a[1]) / 3
        if out is None and into is None:
            path.lineTo(*b)
            continue
        # Beside a corner the curve has no direction of its own: it heads for the other end's handle.
        h2 = (b[0] - into[0] * third, b[1] - into[1] * third) if into else b
        h1 = (a[0] + out[0] * third, a[1] + out[1] * third) if out else _towards(a, h2)
        if into is None:
            h2 = _towards(b, h1)
        path.cubicTo(h1[0], h1[1], h2[0], h2[1], b[0], b[1])
    if closed:
        path.closeSubpath()
    return path


def _towards(start: Point, goal: Point) -> Point:
    return start[0] + (goal[0] - start[0]) * 0.45, start[1] + (goal[1] - start[1]) * 0.45


def _tangent(points: Sequence[Point], index: int) -> Point:
    """Direction of the curve at a point: of its two neighbours, the nearer one counts more."""
    (ax, ay), (bx, by), (cx, cy) = points[index - 1], points[index], points[(index + 1) % len(points)]
    before = math.hypot(bx - ax, by - ay) or 1.0
    after = math.hypot(cx - bx, cy - by) or 1.0
    x = (bx - ax) / before * after + (cx - bx) / after * before
    y = (by - ay) / before * after + (cy - by) / after * before
    length = math.hypot(x, y) or 1.0
    return x / length, y / length
