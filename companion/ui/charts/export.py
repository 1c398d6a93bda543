"""A chart to take along: as a picture, or as the numbers behind it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter

from companion.core.files import write_atomic
from companion.ui.charts.chart import Chart
from companion.ui.theme import Theme

SIZE = QSize(960, 480)
SCALE = 2


def png_of(chart: Chart, theme: Theme) -> bytes:
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


def csv_of(chart: Chart, x_word: str = "step") -> bytes:
    """Every number of every line, not only what is shown: a row per x, a column per line, empty where a line has none."""
    columns = [dict(zip(line.curve.xs, line.curve.ys, strict=False)) for line in chart.lines]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([x_word, *(line.label or chart.title for line in chart.lines)])
    for x in sorted(set().union(*columns)) if columns else []:
        writer.writerow([f"{x:.10g}", *(f"{column[x]:.10g}" if x in column else "" for column in columns)])
    return text.getvalue().encode()


def export_chart(chart: Chart, theme: Theme, path: Path) -> None:
    """PNG or CSV, by the name of the file. Raises OSError; a file that was there then stands."""
    write_atomic(path, csv_of(chart) if path.suffix.lower() == ".csv" else png_of(chart, theme))
