"""Draws every face of the built-in character on one sheet: what to look at after changing a number in faces.toml.

.venv/bin/python packaging/contact_sheet.py [FILE]     (default: assets/characters/hoshi/expressions.png)
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QPointF, QRectF, Qt  # noqa: E402 (after the platform has been chosen)
from PySide6.QtGui import QColor, QFont, QImage, QPainter  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from companion.core.character import Card, Character  # noqa: E402
from companion.ui.stage.drawn_figure import DrawnFigure  # noqa: E402
from companion.ui.stage.expressions import MOODS, read_faces  # noqa: E402
from companion.ui.stage.layers import Layers  # noqa: E402
from companion.ui.stage.portrait import Portrait  # noqa: E402
from companion.ui.stage.posture import Posture  # noqa: E402
from companion.ui.stage.scenery import paint_scenery, sky_at  # noqa: E402

HOSHI = ROOT / "assets" / "characters" / "hoshi"
COLUMNS = 6
CELL, CAPTION = 240, 44
SHOWN = QRectF(85, 15, 470, 470)
"""Part of the portrait in each cell, in its own units."""


def main() -> int:
    app = QApplication(sys.argv[:1])
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HOSHI / "expressions.png"
    sheet = draw()
    saved = sheet.save(str(target))
    print(f"{target}: {sheet.width()} x {sheet.height()}" if saved else f"{target} could not be written")
    app.quit()
    return 0 if saved else 1


def draw() -> QImage:
    """All faces in the order of the file, each with its name and the moods that show it."""
    faces = read_faces(HOSHI / "faces.toml")
    scale = CELL / SHOWN.width()
    portrait = Portrait(Character(identifier="", card=Card(name="Hoshi"), portrait=str(HOSHI / "portrait.svg")))
    layers = Layers(portrait, scale, 1.0)
    while not layers.complete:
        layers.prepare()
    figure = DrawnFigure(layers)
    rows = -(-len(faces) // COLUMNS)
    sheet = QImage(COLUMNS * CELL, rows * (CELL + CAPTION), QImage.Format.Format_RGB32)
    sheet.fill(QColor("#14131F"))
    painter = QPainter(sheet)
    for index, (name, face) in enumerate(faces.items()):
        corner = QPointF(index % COLUMNS * CELL, index // COLUMNS * (CELL + CAPTION))
        painter.save()
        painter.translate(corner)
        painter.setClipRect(QRectF(0, 0, CELL - 2, CELL))
        paint_scenery(painter, QRectF(0, 0, CELL, CELL), sky_at(19.5, "dark"))
        painter.scale(scale, scale)
        painter.translate(-SHOWN.topLeft())
        figure.paint(painter, face, Posture(turn=face.turn, nod=face.nod, tilt=face.tilt, rise=face.shoulders * 0.6))
        painter.restore()
        moods = [label for label, shown in MOODS.items() if shown == name and label != name]
        _write(painter, corner + QPointF(8, CELL + 4), name, ", ".join(moods))
    painter.end()
    return sheet


def _write(painter: QPainter, corner: QPointF, name: str, moods: str) -> None:
    font = QFont(painter.font())
    for text, size, colour, top in ((name, 14, "#ECE9F8", 0), (moods, 11, "#A9A3C6", 18)):
        font.setPixelSize(size)
        painter.setFont(font)
        painter.setPen(QColor(colour))
        room = QRectF(corner.x(), corner.y() + top, CELL - 16, 18)
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


if __name__ == "__main__":
    sys.exit(main())
