"""Brows, blush and the small signs of comics (tear, sweat, vein, sparkle), in the upright head's own coordinates."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPen, QRadialGradient

from companion.ui.stage.curves import Point, outline, star, stroke, tapered
from companion.ui.stage.face import Face

_BROW: tuple[Point, ...] = ((218, 269), (236, 256), (260, 250.5), (291, 258))
_BROW_WIDTHS = (0.6, 4.6, 5.6, 1.2)
_BLUSH_CENTRES: tuple[Point, Point] = ((252, 350), (388, 350))


def paint_brows(painter: QPainter, face: Face) -> None:
    """Both brows; they lie over the hair, as they do in drawings of this kind."""
    for right in (False, True):
        skew = face.brow_skew if right else -face.brow_skew
        points = [_brow_point(x, y, face, skew) for x, y in _BROW]
        if right:
            points = [(640 - x, y - 1) for x, y in points]
        painter.fillPath(tapered(points, _BROW_WIDTHS), QColor("#2C2062"))


def _brow_point(x: float, y: float, face: Face, skew: float) -> Point:
    along = (x - 255) / 36  # -1 at the temple, 1 at the nose
    inward = max(face.brow_tilt, 0.0) * 9 * max(along, 0.0)
    # Drawn up or down at the nose, a brow is tense: it loses its arch.
    flat = abs(face.brow_tilt) * (4.5 if face.brow_tilt < 0 else 2.5) * max(1 - along * along, 0.0)
    return x + inward, y - face.brow_raise - skew * 7 + face.brow_tilt * 9.5 * along + flat


def paint_blush(painter: QPainter, strength: float) -> None:
    """A glow on both cheeks with three short lines each; 1 is a visible blush, 2 a burning one."""
    if strength <= 0:
        return
    painter.setPen(Qt.PenStyle.NoPen)
    for x, y in _BLUSH_CENTRES:
        painter.save()
        painter.translate(x, y)
        painter.scale(36, 19 + 5 * max(strength - 1, 0.0))
        glow = QRadialGradient(QPointF(0, 0), 1)
        for place, alpha in ((0.0, 0.42), (0.5, 0.2), (1.0, 0.0)):
            colour = QColor("#FF7F8E")
            colour.setAlphaF(min(alpha * strength, 0.85))
            glow.setColorAt(place, colour)
        painter.setBrush(glow)
        painter.drawEllipse(QPointF(0, 0), 1, 1)
        painter.restore()
        line = QColor("#F0747F")
        line.setAlphaF(min(0.55 * strength, 1.0))
        painter.setPen(QPen(line, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for shift in (-9, 0, 9):
            painter.drawLine(QPointF(x + shift + 2.5, y - 5), QPointF(x + shift - 2.5, y + 4))
        painter.setPen(Qt.PenStyle.NoPen)


def paint_pale(painter: QPainter, strength: float) -> None:
    """The blue shadow that falls over a frightened face."""
    if strength <= 0:
        return
    shadow = QLinearGradient(0, 190, 0, 345)
    dark, clear = QColor("#8F9AE6"), QColor("#8F9AE6")
    dark.setAlphaF(0.9 * strength)
    clear.setAlphaF(0)
    shadow.setColorAt(0, dark)
    shadow.setColorAt(0.4, dark)
    shadow.setColorAt(1, clear)
    face = outline(((236, 150), (320, 116), (404, 150), (430, 250), (423, 335), (320, 345), (217, 335), (210, 250)))
    painter.save()
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
    painter.fillPath(face, shadow)
    painter.restore()


def paint_tears(painter: QPainter, strength: float) -> None:
    """Water at the lower lids first, then a drop on its way down each cheek."""
    if strength <= 0:
        return
    welling = min(strength * 2, 1.0)
    for x in (262.0, 378.0):
        painter.setOpacity(0.95 * welling)
        pool = outline(((x - 27, 318), (x - 12, 327), (x + 10, 327.5), (x + 24, 319), (x + 11, 335), (x - 12, 335)), (0, 3))
        painter.fillPath(pool, QColor("#BDE4FF"))
        for shift, size in ((-10.0, 3.8), (9.0, 2.4)):
            painter.fillPath(_ellipse(x + shift, 330.6, size, size * 0.5), QColor("#FFFFFF"))
    falling = max(strength * 2 - 1, 0.0)
    if falling > 0:
        for side, x in ((-1, 243.0), (1, 397.0)):
            painter.setOpacity(0.9 * falling)
            end = 352 + 16 * falling
            track = tapered(((x - side * 5, 329), (x - side, 341), (x + side, end)), (5.0, 6.0, 4.5))
            painter.fillPath(track, QColor("#C6E7FF"))
            _drop(painter, x + side, end + 5, 7.0)
    painter.setOpacity(1)


def paint_signs(painter: QPainter, face: Face) -> None:
    """What is drawn over everything else: sweat at the temple, the vein of anger, sparkles."""
    if face.sweat > 0:
        painter.setOpacity(min(face.sweat, 1.0))
        _drop(painter, 436, 292 + 12 * face.sweat, 11)
    if face.vein > 0:
        painter.setOpacity(min(face.vein, 1.0))
        painter.save()
        painter.translate(214, 196)
        painter.scale(0.7 + 0.3 * face.vein, 0.7 + 0.3 * face.vein)
        painter.setPen(QPen(QColor("#F0506E"), 5.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for turn in range(4):
            painter.drawPath(stroke(((-5, -17), (-6, -6), (-17, -5))))
            painter.rotate(90 if turn < 3 else 0)
        painter.restore()
        painter.setPen(Qt.PenStyle.NoPen)
    if face.sparkle > 0:
        for x, y, size in ((172, 222, 20), (152, 266, 11), (474, 246, 17), (494, 290, 9), (192, 164, 9)):
            painter.setOpacity(min(face.sparkle, 1.0) * 0.95)
            grown = size * (0.6 + 0.4 * face.sparkle)
            painter.fillPath(star(x, y, grown, grown * 0.22), QColor("#FFF3C4"))
    if face.hearts > 0:
        for x, y, size, tilt in ((474, 214, 15, 14), (500, 176, 9, -10), (168, 250, 10, -14)):
            painter.setOpacity(min(face.hearts, 1.0) * 0.95)
            grown = size * (0.5 + 0.5 * face.hearts)
            painter.fillPath(_heart(x, y - 10 * face.hearts, grown, tilt), QColor("#FF7FA6"))
            painter.fillPath(
                _ellipse(x - grown * 0.45, y - 10 * face.hearts - grown * 0.4, grown * 0.16, grown * 0.2), QColor("#FFE1EA")
            )
    painter.setOpacity(1)


def _drop(painter: QPainter, x: float, y: float, size: float) -> None:
    drop = outline(((x, y - size * 1.7), (x + size * 0.72, y), (x, y + size * 0.8), (x - size * 0.72, y)), (0,))
    water = QLinearGradient(x, y - size, x, y + size)
    water.setColorAt(0, QColor("#D8F0FF"))
    water.setColorAt(1, QColor("#7CC0F5"))
    painter.fillPath(drop, water)
    painter.strokePath(drop, QPen(QColor(70, 120, 190, 150), max(size * 0.11, 0.6)))
    painter.fillPath(_ellipse(x - size * 0.26, y + size * 0.12, size * 0.16, size * 0.3), QColor("#FFFFFF"))


def _ellipse(x: float, y: float, width: float, height: float) -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(QPointF(x, y), width, height)
    return path


def _heart(x: float, y: float, size: float, tilt: float) -> QPainterPath:
    """A heart whose point looks down, `size` from its middle to its side."""
    points = []
    for step in range(24):
        angle = 2 * math.pi * step / 24
        across = 16 * math.sin(angle) ** 3
        up = 13 * math.cos(angle) - 5 * math.cos(2 * angle) - 2 * math.cos(3 * angle) - math.cos(4 * angle)
        turn = math.radians(tilt)
        px, py = across * size / 16, -up * size / 16
        points.append((x + px * math.cos(turn) - py * math.sin(turn), y + px * math.sin(turn) + py * math.cos(turn)))
    return outline(points, (0, 12))
