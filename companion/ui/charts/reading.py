"""The box beside the pointer that tells what a chart shows there."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from companion.ui.theme import Theme

PADDING = 8.0
BESIDE = 10.0


def paint_reading(painter: QPainter, theme: Theme, within: QRectF, at: QPointF, texts: Sequence[str]) -> None:
    """The first line is a heading. The box begins at the height of `at`, beside it, or below or above it where there is no
    room at its sides; it never leaves `within`."""
    font = theme.font(12)
    metrics = QFontMetricsF(font)
    width = max(metrics.horizontalAdvance(text) for text in texts) + 2 * PADDING
    height = metrics.height() * len(texts) + 2 * PADDING
    box = _place(within, at, width, height)
    painter.setPen(QPen(theme.colour("line"), 1))
    painter.setBrush(theme.colour("raised"))
    painter.drawRoundedRect(box, 8, 8)
    painter.setFont(font)
    for number, text in enumerate(texts):
        painter.setPen(theme.colour("muted" if number == 0 else "text"))
        row = QRectF(box.left() + PADDING, box.top() + PADDING + number * metrics.height(), width, metrics.height())
        painter.drawText(row, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def _place(within: QRectF, at: QPointF, width: float, height: float) -> QRectF:
    top = max(min(at.y(), within.bottom() - height - 2), within.top() + 2.0)
    for left in (at.x() + BESIDE, at.x() - BESIDE - width):
        if left >= within.left() + 2 and left + width < within.right():
            return QRectF(left, top, width, height)
    left = max(min(at.x() - width / 2, within.right() - width - 2), within.left() + 2.0)
    below, above = at.y() + BESIDE, max(at.y() - BESIDE - height, within.top() + 2.0)
    return QRectF(left, below if below + height < within.bottom() else above, width, height)
