"""The round face beside a message."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter, QPixmap

from companion.core.character import Character
from companion.ui.stage.portrait import Portrait, paint_initial


def avatar(character: Character, size: int, dpr: float) -> QPixmap:
    """A face cut out as a circle of `size` device-independent pixels, on a patch of dusk."""
    return QPixmap.fromImage(round_face(Portrait(character), size, dpr))


def round_face(portrait: Portrait, size: int, dpr: float) -> QImage:
    """The circle of `avatar` as an image. A character without a picture shows its initial."""
    drawn = QImage(round(size * dpr), round(size * dpr), QImage.Format.Format_ARGB32_Premultiplied)
    drawn.setDevicePixelRatio(dpr)
    drawn.fill(Qt.GlobalColor.transparent)
    circle = QRectF(0, 0, size, size)
    painter = QPainter(drawn)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    dusk = QLinearGradient(circle.topLeft(), circle.bottomLeft())
    dusk.setColorAt(0, QColor("#453A82"))
    dusk.setColorAt(1, QColor("#B05F93"))
    painter.fillRect(circle, dusk)
    if portrait.is_silhouette:  # at this size a letter says more than an outline
        paint_initial(painter, circle, portrait.initial, "#FFFFFF")
    else:
        face, whole = portrait.face, portrait.size
        scale = size / face.width()
        corner = QPointF(-face.left() * scale, -face.top() * scale)
        portrait.paint(painter, QRectF(corner.x(), corner.y(), whole.width() * scale, whole.height() * scale))
    # A clip path would leave a jagged edge; cutting with a smooth ellipse does not.
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.setPen(Qt.PenStyle.NoPen)
    mask = QImage(drawn.size(), QImage.Format.Format_ARGB32_Premultiplied)
    mask.setDevicePixelRatio(dpr)
    mask.fill(Qt.GlobalColor.transparent)
    stencil = QPainter(mask)
    stencil.setRenderHint(QPainter.RenderHint.Antialiasing)
    stencil.setPen(Qt.PenStyle.NoPen)
    stencil.setBrush(Qt.GlobalColor.white)
    stencil.drawEllipse(circle)
    stencil.end()
    painter.drawImage(0, 0, mask)
    painter.end()
    return drawn
