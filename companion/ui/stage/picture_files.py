"""Picture files that anybody may have made, opened with limits. Everything here may run in any thread."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSize
from PySide6.QtGui import QImage, QImageIOHandler, QImageReader, QImageWriter

from companion.core.cards.limits import MAX_PICTURE_BYTES

FORMATS = frozenset({b"png", b"jpeg", b"webp", b"gif"})
"""Qt reads more (PDF, icons, ...), but no character needs them, and every parser is one more that a hostile file can try."""
DRAWING = b"svg"
"""Read only from a file that is named so: what comes with a card is named by its content and never is, since a small
hostile drawing can take for ever to paint."""
MOST_PIXELS = 4096 * 4096
"""64 MB while it is read. A picture that claims to be larger is not read at all."""


def open_picture(path: Path, *, drawings: bool = False) -> QImageReader | None:
    """A reader for a picture that is not too large; None for everything else. With `drawings`, an SVG is a picture too."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_PICTURE_BYTES:
            return None
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None
    reader = QImageReader(str(path))
    reader.setDecideFormatFromContent(True)  # a name says nothing about a file that came with a card
    reader.setAutoTransform(True)
    size, form = reader.size(), reader.format().data()
    known = form in FORMATS or (drawings and form == DRAWING and path.suffix == ".svg")
    return reader if known and not size.isEmpty() and size.width() * size.height() <= MOST_PIXELS else None


def is_turned(reader: QImageReader) -> bool:
    """Whether width and height change places when the picture is read, as in a photograph taken upright."""
    return bool(reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90)


def upright_size(reader: QImageReader) -> QSize:
    """Size of the picture as it will be read."""
    return reader.size().transposed() if is_turned(reader) else reader.size()


def png_bytes(image: QImage) -> bytes:
    """The picture as a PNG file, without what a photograph says about where it was taken: a card is passed on."""
    for key in image.textKeys():
        image.setText(key, "")
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, b"PNG").write(image)
    return bytes(content.data())
