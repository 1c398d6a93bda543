"""`companion paint DRAWING.svg PICTURE.png`: a drawing as pixels, twice as large, without a window. Started by commands."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

SCALE = 2


def main(drawing: str, picture: str) -> int:
    """Returns the exit status: 1 when the drawing cannot be read or the picture not be written."""
    program = QGuiApplication([])  # text needs fonts, and fonts need it
    renderer = QSvgRenderer(drawing)
    if not renderer.isValid():
        return 1
    image = QImage(renderer.defaultSize() * SCALE, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter)
    painter.end()
    del program
    return 0 if image.save(picture) else 1
