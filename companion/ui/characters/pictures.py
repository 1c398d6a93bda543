"""Pictures that came with a card, read with limits. Everything here may run in any thread."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter

from companion.core.character import Character
from companion.ui.characters.grounds import paint_ground
from companion.ui.stage.picture_files import DRAWING, MOST_PIXELS, is_turned, open_picture, png_bytes
from companion.ui.stage.portrait import initial_of, paint_initial

FACE_FROM_TOP = 0.24
"""Where portraits show the face, as a share of their height."""
FACE_IN_CROP = 0.36
TALLEST = 1024


def read_picture(path: Path, least: QSize | None = None) -> QImage:
    """The picture, no larger than it must be to cover `least`; a null image when it cannot be one or is too large."""
    reader = open_picture(path, drawings=True)
    if reader is None:
        return QImage()
    if least is not None:
        size = reader.size()
        covering = size.scaled(least.transposed() if is_turned(reader) else least, Qt.AspectRatioMode.KeepAspectRatioByExpanding)
        if reader.format().data() == DRAWING or covering.width() < size.width():
            if covering.width() * covering.height() > MOST_PIXELS:  # a drawing of one pixel's width, for example
                return QImage()
            reader.setScaledSize(covering)
    return reader.read()


def crop_to(image: QImage, aspect: QSize) -> QImage:
    """The part of a portrait that has the shape of `aspect` and holds the face."""
    size = aspect.scaled(image.size(), Qt.AspectRatioMode.KeepAspectRatio)
    top = round(FACE_FROM_TOP * image.height() - FACE_IN_CROP * size.height())
    top = min(max(top, 0), image.height() - size.height())
    return image.copy(QRect((image.width() - size.width()) // 2, top, max(size.width(), 1), max(size.height(), 1)))


def portrait_png(character: Character) -> bytes:
    """The portrait as a PNG of at most 1024 px height, for a PNG card; the initial on a ground when there is no portrait."""
    image = read_picture(Path(character.portrait), QSize(1, TALLEST)) if character.portrait else QImage()
    if image.isNull():
        image = QImage(600, 800, QImage.Format.Format_RGB32)
        painter = QPainter(image)
        paint_ground(painter, image.rect(), character.name)
        paint_initial(painter, QRectF(image.rect()), initial_of(character.name), "#FFFFFF")
        painter.end()
    if image.height() > TALLEST:
        image = image.scaledToHeight(TALLEST, Qt.TransformationMode.SmoothTransformation)
    return png_bytes(image)
