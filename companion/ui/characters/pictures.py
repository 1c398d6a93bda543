"""Pictures that came with a card, read with limits. Everything here may run in any thread."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QImageIOHandler, QImageReader, QPainter

from companion.core.character import Character
from companion.ui.characters.grounds import paint_ground
from companion.ui.stage.portrait import paint_initial

FORMATS = frozenset({b"png", b"jpeg", b"webp", b"gif"})
"""Qt reads more (PDF, icons, ...), but no card needs them, and every parser is one more that a hostile file can try."""
DRAWING = b"svg"
"""Read only from a file that is named so: what comes with a card is named by its content and never is, since a small
hostile drawing can take for ever to paint."""
MOST_BYTES = 64 * 1024 * 1024
MOST_PIXELS = 4096 * 4096
"""64 MB while it is read. A picture that claims to be larger is not read at all."""
FACE_FROM_TOP = 0.24
"""Where portraits show the face, as a share of their height."""
FACE_IN_CROP = 0.36
TALLEST = 1024


def read_picture(path: Path, least: QSize | None = None) -> QImage:
    """The picture, no larger than it must be to cover `least`; a null image when it cannot be one or is too large."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return QImage()
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return QImage()
    reader = QImageReader(str(path))
    reader.setDecideFormatFromContent(True)  # a name says nothing about a file that came with a card
    reader.setAutoTransform(True)
    size, form = reader.size(), reader.format().data()
    known = form in FORMATS or (form == DRAWING and path.suffix == ".svg")
    if not known or size.isEmpty() or size.width() * size.height() > MOST_PIXELS:
        return QImage()
    if least is not None:
        turned = bool(reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90)
        covering = size.scaled(least.transposed() if turned else least, Qt.AspectRatioMode.KeepAspectRatioByExpanding)
        if form == DRAWING or covering.width() < size.width():
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
        paint_initial(painter, QRectF(image.rect()), character.name.strip()[:1].upper(), "#FFFFFF")
        painter.end()
    if image.height() > TALLEST:
        image = image.scaledToHeight(TALLEST, Qt.TransformationMode.SmoothTransformation)
    return png_bytes(image)


def png_bytes(image: QImage) -> bytes:
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(content.data())
