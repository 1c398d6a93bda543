"""How a picture without transparent parts is framed, as most cards bring one: it fills its place, it does not stand in it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QLinearGradient, QPainter, QPixmap, QTransform

FACE_AT = 0.36
"""Where the face is put, as a share of the height, when a picture is cut off above or below."""
LEAST_WIDTH = 0.55
"""A high place never narrows a picture to less than this, as a share of its shorter side: faces are not cut in half."""
SLIMMEST = 3
"""A picture more than so many times as long as wide (or the other way round) is no portrait and is shown whole."""
CARD_RADIUS = 16
FADE = 0.3
"""Share of the height over which a picture that ends above the ground fades away."""


def is_solid(image: QImage) -> bool:
    """Whether a picture has its own background: nothing shines through its corners."""
    if image.isNull() or max(image.width(), image.height()) > SLIMMEST * min(image.width(), image.height()):
        return False
    right, bottom = image.width() - 1, image.height() - 1
    corners = (QPoint(x, y) for x in (0, right) for y in (0, bottom))
    return not image.hasAlphaChannel() or all(image.pixelColor(corner).alpha() > 250 for corner in corners)


def filling(size: QSize, face: QRectF, room: QSizeF) -> tuple[QPointF, float]:
    """Upper left corner and pixels per unit with which a picture fills the room; it may end above the lower edge."""
    width, height = size.width(), size.height()
    needed = max(room.width() / width, room.height() / height)
    scale = max(min(needed, room.width() / (LEAST_WIDTH * min(width, height))), room.width() / width)
    top = max(room.height() * FACE_AT - face.center().y() * scale, room.height() - height * scale)
    return QPointF(round((room.width() - width * scale) / 2), round(min(top, 0.0))), scale


def covering(box: QRectF, size: QSize) -> QRectF:
    """A picture of any shape covers the box, down from its upper edge."""
    scale = max(box.width() / max(size.width(), 1), box.height() / max(size.height(), 1))
    width = size.width() * scale
    return QRectF(box.center().x() - width / 2, box.top(), width, size.height() * scale)


def card_in(room: QRectF, size: QSize) -> QRectF:
    """A card at the bottom of the room, as wide as that and at least as high as wide, for a picture of this size."""
    height = min(room.width() * max(size.height() / size.width(), 1.0), room.height())
    return QRectF(room.left(), room.bottom() - height, room.width(), height)


def paint_card(painter: QPainter, card: QRectF, dpr: float, paint: Callable[[QPainter], None]) -> None:
    """What `paint` draws, in the painter's own coordinates, cut out as a card with round corners."""
    drawn = QImage((card.size() * dpr).toSize(), QImage.Format.Format_ARGB32_Premultiplied)
    drawn.fill(Qt.GlobalColor.transparent)
    inner = QPainter(drawn)
    inner.scale(dpr, dpr)
    inner.translate(-card.topLeft())
    paint(inner)
    inner.end()
    brush = QBrush(drawn)  # a clip path would leave jagged corners
    brush.setTransform(QTransform.fromTranslate(card.left(), card.top()).scale(1 / dpr, 1 / dpr))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(brush)
    painter.drawRoundedRect(card, CARD_RADIUS, CARD_RADIUS)
    painter.restore()


def ground_veil(behind: QPixmap, end: float, height: float) -> QPixmap:
    """What is behind a picture of this height that ends at `end`, coming up through its lower part."""
    veil = QPixmap(behind.size())
    veil.setDevicePixelRatio(behind.devicePixelRatio())
    veil.fill(Qt.GlobalColor.transparent)
    clear, solid = QColor(0, 0, 0, 0), QColor(0, 0, 0)
    fade = QLinearGradient(0, end - height * FADE, 0, end - 1)
    for place, share in ((0.0, 0.0), (0.35, 0.22), (0.65, 0.68), (1.0, 1.0)):  # a straight line would look like an edge
        clear.setAlphaF(share)
        fade.setColorAt(place, clear if share < 1 else solid)
    painter = QPainter(veil)
    painter.drawPixmap(0, 0, behind)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.fillRect(QRectF(QPointF(0, 0), veil.deviceIndependentSize()), fade)
    painter.end()
    return veil
