"""A chart to take along: as a picture, or as the numbers behind it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QBuffer, QIODevice, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter

from companion.core.files import write_atomic
from companion.ui.theme import Theme

SIZE = QSize(960, 480)
SCALE = 2


class Picture(Protocol):
    """What a chart shows, to be painted anywhere."""

    def paint(self, painter: QPainter, size: QRectF) -> object: ...


class Takeable(Protocol):
    """A chart that can be taken along."""

    title: str

    def picture(self) -> Picture: ...

    def table(self) -> list[list[str]]:
        """Every number behind it, a row of names first."""


def png_of(chart: Takeable, theme: Theme) -> bytes:
    """What the chart shows now, with its title, on the theme's ground; twice as fine as a screen."""
    image = QImage(SIZE * SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SCALE)
    image.fill(theme.colour("surface"))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    font = theme.font(14, 600)
    painter.setFont(font)
    painter.setPen(theme.colour("text"))
    height = QFontMetricsF(font).height()
    whole = QRectF(0, 0, SIZE.width(), SIZE.height()).adjusted(16, 16, -16, -16)
    painter.drawText(whole, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, chart.title)
    chart.picture().paint(painter, whole.adjusted(0, height + 8, 0, 0))
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # PySide takes a word, whatever its stubs say
    return bytes(buffer.data().data())


def csv_of(chart: Takeable) -> bytes:
    """Every number behind a chart, not only what is shown."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(chart.table())
    return text.getvalue().encode()


def export_chart(chart: Takeable, theme: Theme, path: Path) -> None:
    """PNG or CSV, by the name of the file. Raises OSError; a file that was there then stands."""
    write_atomic(path, csv_of(chart) if path.suffix.lower() == ".csv" else png_of(chart, theme))
