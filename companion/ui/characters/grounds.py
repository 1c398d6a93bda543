"""The soft ground of a character without a picture, or behind one that is not there yet."""

from __future__ import annotations

from zlib import crc32

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QLinearGradient, QPainter

SKIES = (
    ("#453A82", "#B05F93"),
    ("#27406F", "#5B9AA8"),
    ("#5B3A6E", "#C48468"),
    ("#2B4A60", "#6F9A86"),
    ("#3B3F8F", "#8A7BCB"),
    ("#6A3350", "#C97F92"),
)
"""Top and bottom colour; white letters can be read on all of them."""


def ground(place: QRect | QRectF, name: str) -> QLinearGradient:
    """The same name has the same sky in every run."""
    area = QRectF(place)
    above, below = SKIES[crc32(name.encode()) % len(SKIES)]
    sky = QLinearGradient(area.topLeft(), area.bottomLeft())
    sky.setColorAt(0, QColor(above))
    sky.setColorAt(1, QColor(below))
    return sky


def paint_ground(painter: QPainter, place: QRect | QRectF, name: str) -> None:
    painter.fillRect(QRectF(place), ground(place, name))
