"""What the window looks like before its content is there: the same grounds and lines in the same places, no words.

The sizes are those of the widgets that take the places; a test lays the two over one another.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from PySide6.QtCore import QRect, QRectF, QSize
from PySide6.QtGui import QColor, QPainter, QPen

from companion.ui.chat.column import column
from companion.ui.palette import Palette
from companion.ui.stage.scenery import hour_of, paint_scenery, paint_veil, sky_at

RAIL_WIDTH, LIST_WIDTH, STAGE_WIDTH = 64, 248, 320
FOLD_LIST_BELOW, FOLD_STAGE_BELOW = 1100, 860
STRIP_HEIGHT, HEADER_HEIGHT = 72, 56
CARD_HEIGHT, CARD_RADIUS, BELOW_CARD = 56, 16, 24
"""The card one writes in, as tall as one line of text needs."""


class Places(NamedTuple):
    """Where everything stands; a part that is folded away has no width."""

    rail: QRect
    list: QRect
    strip: QRect
    header: QRect
    card: QRect
    stage: QRect


def places(size: QSize, list_folded: bool) -> Places:
    """The layout of a window of this size that shows the chat."""
    width, height = size.width(), size.height()
    compact = width < FOLD_STAGE_BELOW
    list_width = 0 if list_folded or width < FOLD_LIST_BELOW else LIST_WIDTH
    stage_width = 0 if compact else STAGE_WIDTH
    left = RAIL_WIDTH + list_width
    page = width - left - stage_width
    strip_height = STRIP_HEIGHT if compact else 0
    card_left, card_width = column(page, compact)
    return Places(
        rail=QRect(0, 0, RAIL_WIDTH, height),
        list=QRect(RAIL_WIDTH, 0, list_width, height),
        strip=QRect(left, 0, page if compact else 0, strip_height),
        header=QRect(left, strip_height, page, HEADER_HEIGHT),
        card=QRect(left + card_left, height - CARD_HEIGHT - BELOW_CARD, card_width, CARD_HEIGHT),
        stage=QRect(width - stage_width, 0, stage_width, height),
    )


def paint_skeleton(painter: QPainter, size: QSize, palette: Palette, list_folded: bool) -> None:
    """Fill a window of this size, edge to edge."""
    at = places(size, list_folded)
    line = QColor(palette.line)
    painter.fillRect(QRect(0, 0, size.width(), size.height()), QColor(palette.bg))
    for part in (at.rail, at.list):
        if part.width():
            painter.fillRect(part, QColor(palette.surface))
            painter.fillRect(QRect(part.right(), part.top(), 1, part.height()), line)
    painter.fillRect(QRect(at.header.left(), at.header.bottom(), at.header.width(), 1), line)
    _paint_card(painter, at.card, palette)
    _paint_scene(painter, at.stage if at.stage.width() else at.strip, palette, veiled=not at.stage.width())


def _paint_card(painter: QPainter, card: QRect, palette: Palette) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(palette.surface))
    painter.setPen(QPen(QColor(palette.accent), 1))  # the keyboard is there as soon as there is something to write in
    painter.drawRoundedRect(QRectF(card).adjusted(0.5, 0.5, -0.5, -0.5), CARD_RADIUS, CARD_RADIUS)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _paint_scene(painter: QPainter, place: QRect, palette: Palette, *, veiled: bool) -> None:
    painter.save()
    painter.translate(place.topLeft())
    area = QRectF(0, 0, place.width(), place.height())
    paint_scenery(painter, area, sky_at(hour_of(datetime.now()), palette.name))
    if veiled:
        paint_veil(painter, area, palette)
    painter.restore()
