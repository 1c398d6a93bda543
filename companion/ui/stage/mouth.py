"""Her mouth at any width and opening, in the upright head's own coordinates around its middle."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPen

from companion.ui.palette import mix
from companion.ui.stage.curves import Point, outline, tapered
from companion.ui.stage.face import Face

CENTRE: Point = (320, 387.5)
_STEPS = 12
_LIP, _INSIDE = "#A8445A", "#6E1F3C"


def paint_mouth(painter: QPainter, face: Face) -> None:
    """Lips, and what lies behind them when they part."""
    upper, lower = lips(face)
    path = outline(upper + lower[::-1][1:-1], (0, _STEPS))
    parted = min(face.mouth_open / 7, 1.0)
    painter.setOpacity(1)
    if parted > 0.05:
        depth = QLinearGradient(0, upper[_STEPS // 2][1], 0, lower[_STEPS // 2][1])
        depth.setColorAt(0, QColor(mix(_LIP, "#4A1630", parted)))
        depth.setColorAt(1, QColor(mix(_LIP, "#8E2C48", parted)))
        painter.fillPath(path, depth)
        _paint_inside(painter, face, upper, lower)
    else:
        painter.fillPath(path, QColor(_LIP))
    pen = QPen(QColor(mix(_LIP, "#7A2743", parted)), 0.7 + 1.1 * parted)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.strokePath(path, pen)
    below = lower[_STEPS // 2][1] + 5.5 + face.mouth_open * 0.12
    width = face.mouth_width * 0.56
    shade = tapered(((-width, below), (0, below + 2.4), (width, below)), (0.4, 3.4, 0.4))
    painter.setOpacity(0.75)
    painter.fillPath(shade, QColor("#F0A39B"))
    painter.setOpacity(1)


def lips(face: Face) -> tuple[list[Point], list[Point]]:
    """Points of the upper and the lower lip from the left corner to the right one."""
    upper: list[Point] = []
    lower: list[Point] = []
    power = 2.0 + 0.6 * (1 - face.mouth_round)
    for step in range(_STEPS + 1):
        t = -1 + 2 * step / _STEPS
        x = t * face.mouth_width
        bow = face.mouth_lift * (1 - abs(t) ** 1.8) - face.mouth_lift * 0.5
        line = face.mouth_y + bow - face.mouth_skew * 3.5 * t + face.mouth_wave * math.sin(t * 2.1 * math.pi) * 2.6
        middle = max(1 - t * t, 0.0)
        thick = 0.25 + 2.3 * middle
        # A bowl hangs from its corners, an ellipse has full sides.
        hang = middle ** (0.5 + 0.45 * (1 - face.mouth_round)) if face.mouth_round < 1 else math.sqrt(middle)
        upper.append((x, line - face.mouth_arch * (1 - abs(t) ** power)))
        lower.append((x, line + thick + face.mouth_open * hang))
    return upper, lower


def _paint_inside(painter: QPainter, face: Face, upper: list[Point], lower: list[Point]) -> None:
    gap = face.mouth_open + face.mouth_arch
    if face.tongue > 0 and gap > 5:
        top: list[Point] = []
        for (x, high), (_, low) in zip(upper, lower, strict=True):
            reach = 1 - (x / (face.mouth_width * 0.86)) ** 2
            top.append((x, max(low - max(reach, 0.0) * gap * 0.42 * face.tongue, high)))
        path = outline(top + lower[::-1][1:-1], (0, _STEPS))
        painter.fillPath(path, QColor("#E7727F"))
    if face.teeth > 0 and gap > 3:
        edge = [
            (x, min(high + (2.2 + 3.6 * (1 - (x / face.mouth_width) ** 2)) * face.teeth * min(gap / 10, 1), low))
            for (x, high), (_, low) in zip(upper, lower, strict=True)
        ]
        painter.fillPath(outline(upper + edge[::-1][1:-1], (0, _STEPS)), QColor("#FFF8F6"))
