"""What is behind the character: the observatory at this hour, or a picture the person chose."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QRectF, QSize, Signal
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter, QPixmap

from companion.ui.stage.pictures import Pictures
from companion.ui.stage.scenery import paint_scenery, sky_at


class Backdrop(QObject):
    """Painted once per size, theme and quarter of an hour. `changed` comes when a picture has been read."""

    changed = Signal()

    def __init__(self, pictures: Pictures, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pictures = pictures
        self._path = ""
        self._image = QImage()
        self._asked_for = QSize()
        self._drawn = QPixmap()
        self._drawn_for: tuple[object, ...] = ()

    def set_picture(self, path: str) -> None:
        """An image file; empty, or unreadable, is the observatory."""
        if path != self._path:
            self._path, self._image, self._asked_for = path, QImage(), QSize()
            self.forget()
            self.changed.emit()

    def forget(self) -> None:
        """Paint anew with the next frame."""
        self._drawn_for = ()

    def pixmap(self, size: QSize, dpr: float, theme: str, hour: float) -> QPixmap:
        """The background at this size; the scenery stands in while a picture is being read."""
        if self._path and self._asked_for != size:
            self._asked_for = size
            path = self._path
            self._pictures.request(Path(path), size * dpr, lambda image: self._arrived(path, image), cover=True)
        wanted = (size, dpr, theme, hour, self._image.cacheKey())
        if wanted != self._drawn_for:
            self._drawn_for = wanted
            self._drawn = QPixmap(size * dpr)
            self._drawn.setDevicePixelRatio(dpr)
            painter = QPainter(self._drawn)
            area = QRectF(0, 0, size.width(), size.height())
            if self._image.isNull():
                paint_scenery(painter, area, sky_at(hour, theme))
            else:
                paint_picture(painter, area, self._image)
            painter.end()
        return self._drawn

    def _arrived(self, path: str, image: QImage) -> None:
        if path == self._path and not image.isNull():
            self._image = image
            self.changed.emit()


def paint_picture(painter: QPainter, area: QRectF, image: QImage) -> None:
    """Fill the area with the middle of the picture, dimmed a little at the top and more towards the bottom: the chip
    stays readable and the character stands out."""
    painter.save()
    painter.setClipRect(area)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.fillRect(area, QColor("#14131F"))  # a picture may be transparent
    scale = max(area.width() / image.width(), area.height() / image.height())
    width, height = image.width() * scale, image.height() * scale
    painter.drawImage(QRectF(area.center().x() - width / 2, area.center().y() - height / 2, width, height), image)
    dim = QLinearGradient(area.topLeft(), area.bottomLeft())
    for place, alpha in ((0.0, 0.30), (0.22, 0.08), (0.55, 0.14), (1.0, 0.55)):
        colour = QColor("#14122A")
        colour.setAlphaF(alpha)
        dim.setColorAt(place, colour)
    painter.fillRect(area, dim)
    painter.restore()
