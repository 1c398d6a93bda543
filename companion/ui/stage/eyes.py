"""Her eyes, drawn like those of the portrait at any opening, in the upright head's own coordinates."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter, QPainterPath, QPen

from companion.ui.stage.curves import Point, between, outline, star, stroke, tapered
from companion.ui.stage.face import Face

CENTRES: tuple[Point, Point] = ((265, 304), (375, 304))
BOX = QRectF(-58, -50, 98, 86)
"""All that belongs to one eye, around its centre; mirrored for the right one."""

# Points of the left eye around its centre, nose at the right. Each list is known open, closed and closed in laughter.
_UPPER_OPEN = ((-35, 1), (-28, -9.5), (-13, -17), (7, -16.5), (21, -6.5), (29, 13))
_UPPER_SHUT = ((-35, 6.5), (-28, 14.5), (-13, 20.5), (7, 21.5), (21, 18.5), (29, 14))
_UPPER_HAPPY = ((-35, 15), (-28, 4), (-13, -5), (7, -5), (21, 2.5), (29, 16))
_LOWER_OPEN = ((-35, 1), (-28, 17), (-12, 26.5), (7, 27), (22, 21.5), (29, 13))
_LASH_OPEN = (
    *((30, 17), (27.5, 3), (18.5, -13), (5, -26.5), (-15, -27), (-31, -18.5), (-39, -10), (-53, -13), (-46, -4.5)),
    *((-40.5, -2), (-51, 3), (-44, 5.5), (-37.5, 6.5), (-41, 13), (-34.5, 9), (-31, 0), (-24, -8), (-12, -14.5)),
    *((6, -14), (19, -4.5), (28, 15)),
)
_LASH_SHUT = (
    *((31, 12), (27, 14), (19, 16.2), (5, 18), (-14, 16.5), (-28, 10.5), (-37, 4.5), (-50, 5), (-46, 9.5)),
    *((-42, 11), (-50, 17), (-43, 18), (-36.5, 16.5), (-39, 24.5), (-32.5, 20.5), (-29, 17.5), (-24, 20.5), (-12, 24.5)),
    *((6, 25), (19, 21.2), (29, 15)),
)
_LASH_HAPPY = (
    *((32, 17), (28.5, 6), (20, -3.5), (6, -11), (-14, -11.2), (-29, -3), (-38, 7), (-50, 7), (-46, 12)),
    *((-42, 13.5), (-50, 19), (-44, 19.5), (-38, 19), (-41, 25), (-35, 22), (-32, 14), (-25, 6), (-13, -2.8)),
    *((6, -2.8), (18.5, 4.5), (29, 18)),
)
_LASH_CORNERS = frozenset({0, 7, 9, 10, 12, 13, 15, 20})
_CREASE = ((-37, -23), (-20, -37), (3, -37.5), (24, -22))
_LOWER_LASH = ((-30, 15), (-15, 26.5), (6, 28.5), (21, 22))
_IRIS_RAYS = ((-70, 0.8), (-50, 0.8), (-28, 1.0), (-9, 1.0), (9, 1.0), (28, 1.0), (50, 0.8), (70, 0.8))


def paint_eye(painter: QPainter, face: Face, right: bool, iris: QImage) -> None:
    """Paint one eye around the origin; `iris` is what `iris_image` drew."""
    wink = min(max(face.eye_skew if right else -face.eye_skew, 0.0), 1.0)
    opening = max(face.eye_open * (1 - wink), 0.0)
    side = -1.0 if right else 1.0
    happy = max(face.eye_happy, wink)  # a wink is a friendly one
    upper = between(between(_UPPER_SHUT, _UPPER_HAPPY, happy), _UPPER_OPEN, opening)
    lower = between(between(_UPPER_SHUT, _UPPER_HAPPY, happy), _LOWER_OPEN, min(opening, 1.1))
    cheek = face.eye_cheek * min(opening, 1.0)
    lower = [(x, y - cheek * 9 * (1 - (x / 40) ** 2)) for x, y in lower]
    lash = between(between(_LASH_SHUT, _LASH_HAPPY, happy), _LASH_OPEN, opening)
    slope = face.eye_tilt * min(opening, 1.0)
    upper, lash = _lean(upper, slope), _lean(lash, slope)
    if opening > 0.04:
        _paint_ball(painter, face, side, upper, lower, iris)
    painter.save()
    painter.scale(side, 1)
    _paint_lids(painter, lash, slope, opening, happy, cheek)
    painter.restore()


def iris_image(pixels: int) -> QImage:
    """The iris with its pupil in a square of so many pixels, 56 units wide: it is the same in every frame."""
    image = QImage(pixels, pixels, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(pixels / 56, pixels / 56)
    painter.translate(28, 27)
    painter.setPen(Qt.PenStyle.NoPen)
    _fill(
        painter, _ellipse(0, 1, 23, 28), ((0, "#171250"), (0.26, "#27369A"), (0.52, "#3B80DA"), (0.78, "#7FD3FA"), (1, "#E0FBFF"))
    )
    ring = _ellipse(0, 1, 23, 28)
    ring.addPath(_ellipse(0, 1.5, 20, 25))
    painter.setOpacity(0.95)
    _fill(painter, ring, ((0, "#0F0E40"), (0.65, "#1E3187"), (1, "#3A74C4")))
    _dab(painter, _ellipse(0, 17, 14, 9), "#EBFDFF", 0.5)
    painter.setOpacity(0.7)
    for angle, length in _IRIS_RAYS:
        painter.save()
        painter.translate(0, 3)
        painter.rotate(angle)
        painter.fillPath(tapered(((0, 13), (0, 21 * length)), (0.6, 2.0)), QColor("#EAFDFF"))
        painter.restore()
    _dab(painter, _ellipse(0, 1, 9.4, 12.5), "#0C0F36", 1)
    _dab(painter, _ellipse(0, 5, 5, 6), "#2E55B4", 0.55)
    painter.end()
    return image


def _paint_ball(painter: QPainter, face: Face, side: float, upper: list[Point], lower: list[Point], iris: QImage) -> None:
    """White, iris and lights, cut to the opening of the lids.

    A clip path would leave a jagged edge, so they are painted apart and cut by painting the opening into them.
    """
    scale = painter.worldTransform().m11() ** 2 + painter.worldTransform().m12() ** 2
    scale = max(scale**0.5, 0.05)
    drawn = QImage(round(BOX.width() * scale) + 2, round(BOX.height() * scale) + 2, QImage.Format.Format_ARGB32_Premultiplied)
    drawn.fill(Qt.GlobalColor.transparent)
    opening = outline([(x * side, y) for x, y in upper + lower[::-1][1:-1]], (0, 5))
    box = BOX if side > 0 else QRectF(-BOX.right(), BOX.top(), BOX.width(), BOX.height())
    inner = QPainter(drawn)
    inner.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    inner.scale(scale, scale)
    inner.translate(-box.left(), -box.top())
    inner.setPen(Qt.PenStyle.NoPen)
    inner.fillPath(opening, QColor("#FFFDFE"))
    shade = [(x, y + 9) for x, y in upper[1:-1]]
    _dab(inner, outline([(x * side, y - 2) for x, y in upper] + [(x * side, y) for x, y in shade[::-1]], (0, 5)), "#A99CD2", 0.9)
    inner.setOpacity(1)
    top = (upper[2][1] + upper[3][1]) / 2
    _paint_iris(inner, face, side, top, iris)
    inner.setOpacity(1)
    inner.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
    inner.resetTransform()
    mask = QImage(drawn.size(), QImage.Format.Format_ARGB32_Premultiplied)
    mask.fill(Qt.GlobalColor.transparent)
    stencil = QPainter(mask)
    stencil.setRenderHint(QPainter.RenderHint.Antialiasing)
    stencil.scale(scale, scale)
    stencil.translate(-box.left(), -box.top())
    stencil.fillPath(opening, QColor("#FFFFFF"))
    stencil.end()
    inner.drawImage(0, 0, mask)
    inner.end()
    painter.drawImage(QRectF(box.left(), box.top(), drawn.width() / scale, drawn.height() / scale), drawn)


def _paint_iris(painter: QPainter, face: Face, side: float, lid: float, iris: QImage) -> None:
    x, y = 1.5 * side + face.gaze_x * 9.5, face.gaze_y * 7
    seen = min(max((12 - lid) / 28, 0.0), 1.0)  # how much of the iris the lid leaves free
    size = 56 * face.iris
    painter.drawImage(QRectF(x - size / 2, 1 + y - size / 2, size, size), iris)
    _dab(painter, _ellipse(x, lid + 2 + y * 0.3, 27, 6 + 8 * seen), "#0A0C34", 0.6)
    # Lights stay nearly where they are when the eye turns: they come from outside.
    x, y = 1.5 * side + face.gaze_x * 7, face.gaze_y * 5.5
    grown = 1 + face.shine * 0.25
    painter.save()
    painter.setOpacity(1)
    painter.translate(x - 9, y - 6.5)
    painter.rotate(18)
    painter.fillPath(_ellipse(0, 0, 6.8 * grown, 8.2 * grown), QColor("#FFFFFF"))
    painter.restore()
    _dab(painter, star(x + 9.5, y + 12, 7 * (1 + face.shine * 0.5), 2.3 * (1 + face.shine * 0.4)), "#FFFFFF", 0.95 * seen)
    _dab(painter, _ellipse(x + 12, y - 5, 2.0 * grown, 2.9 * grown), "#C4EAFF", 0.9)
    if face.shine > 0:
        _dab(painter, star(x - 11, y + 13, 4.6, 1.6), "#FFFFFF", face.shine * seen)
        _dab(painter, _ellipse(x - 1, y + 19, 7.5, 3.4), "#FFFFFF", face.shine * 0.55)


def _paint_lids(painter: QPainter, lash: list[Point], slope: float, opening: float, happy: float, cheek: float) -> None:
    """Lashes, the crease above and the line below, for the left eye."""
    dark = QLinearGradient(-50, 0, 30, 0)
    for place, colour in ((0, "#4B2858"), (0.35, "#221640"), (1, "#35234F")):
        dark.setColorAt(place, QColor(colour))
    painter.setOpacity(1)
    painter.fillPath(outline(lash, _LASH_CORNERS), dark)
    down = (1 - min(opening, 1.2)) * (17 - 9 * happy)
    crease = _lean([(x, y + down) for x, y in _CREASE], slope * 0.8)
    _dab(painter, tapered(crease, (0.4, 2.6, 2.8, 0.3)), "#C07880", 0.95 - 0.3 * (1 - min(opening, 1.0)))
    seen = min(opening * 2.5, 1.0)
    if seen > 0.02:
        rise = [-cheek * 9 * (1 - (x / 40) ** 2) - (1 - min(opening, 1.0)) * 5 for x, _ in _LOWER_LASH]
        line = [(x, y + up) for (x, y), up in zip(_LOWER_LASH, rise, strict=True)]
        _dab(painter, tapered(line, (0.5, 2.6, 2.8, 0.3)), "#7B4867", 0.9 * seen)
        painter.setPen(QPen(QColor("#4B2858"), 1.7, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawPath(stroke(((-26, 17.5 + rise[0]), (-29.5, 20 + rise[0]), (-34, 21.5 + rise[0]))))
        painter.drawPath(stroke(((-18, 23.5 + rise[0]), (-20.5, 26 + rise[0]), (-24, 28 + rise[0]))))
        painter.setPen(Qt.PenStyle.NoPen)
    if cheek > 0.3:
        _dab(painter, tapered(((-16, 33), (-2, 35), (12, 33)), (0.3, 1.8, 0.3)), "#DD9599", (cheek - 0.3) * 1.2)
    painter.setOpacity(1)


def _lean(points: list[Point], slope: float) -> list[Point]:
    """Lower the side at the nose and raise the one at the temple, or the other way round."""
    return [(x, y + slope * (x * 0.27 + 3)) for x, y in points] if slope else points


def _ellipse(x: float, y: float, width: float, height: float) -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(QPointF(x, y), width, height)
    return path


def _dab(painter: QPainter, path: QPainterPath, colour: str, opacity: float) -> None:
    painter.setOpacity(min(opacity, 1.0))
    painter.fillPath(path, QColor(colour))


def _fill(painter: QPainter, path: QPainterPath, stops: tuple[tuple[float, str], ...]) -> None:
    shade = QLinearGradient(0, -22, 0, 28)
    for place, colour in stops:
        shade.setColorAt(place, QColor(colour))
    painter.fillPath(path, shade)
