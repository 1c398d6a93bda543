"""Paints the program's icon in every size and form that systems ask for, from assets/icon.svg.

python packaging/icons.py FOLDER     writes companion-SIZE.png, companion.ico and companion.icns there; needs PySide6
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgRenderer

ICON = Path(__file__).resolve().parents[1] / "assets" / "icon.svg"
SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
IN_ICO = (16, 24, 32, 48, 64, 128, 256)
IN_ICNS = {b"icp4": 16, b"icp5": 32, b"icp6": 64, b"ic07": 128, b"ic08": 256, b"ic09": 512}
"""Types of Apple's icon container that hold PNG, and their sizes."""


def main() -> int:
    if len(sys.argv) != 2:
        print("Name the folder: python packaging/icons.py FOLDER", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    application = QGuiApplication(sys.argv[:1])
    pictures = {size: painted(size) for size in SIZES}
    for size, picture in pictures.items():
        (folder / f"companion-{size}.png").write_bytes(picture)
    (folder / "companion.ico").write_bytes(ico({size: pictures[size] for size in IN_ICO}))
    (folder / "companion.icns").write_bytes(icns({kind: pictures[size] for kind, size in IN_ICNS.items()}))
    del application
    return 0


def painted(size: int) -> bytes:
    """PNG."""
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(ICON)).render(painter, QRectF(0, 0, size, size))
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"png")).write(image)
    return bytes(buffer.data().data())


def ico(pictures: dict[int, bytes]) -> bytes:
    """Windows' container: a header, an entry of 16 bytes per picture, then the pictures, which may be PNG since Vista."""
    entries, place = b"", 6 + 16 * len(pictures)
    for size, picture in pictures.items():
        side = size % 256  # 0 stands for 256
        entries += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(picture), place)
        place += len(picture)
    return struct.pack("<HHH", 0, 1, len(pictures)) + entries + b"".join(pictures.values())


def icns(pictures: dict[bytes, bytes]) -> bytes:
    """Apple's container: its length, then each picture behind its type and length."""
    parts = b"".join(kind + struct.pack(">I", len(picture) + 8) + picture for kind, picture in pictures.items())
    return b"icns" + struct.pack(">I", len(parts) + 8) + parts


if __name__ == "__main__":
    sys.exit(main())
