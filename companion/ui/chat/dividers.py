"""The lines between messages: a new day, and where her memory begins."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from PySide6.QtCore import QDate, QDateTime, QLocale, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter

from companion.ui.icons import pixmap
from companion.ui.theme import Theme

DIVIDER_HEIGHT = 40
MEMORY_WORDS = "Her memory begins here"
ICON = 16


class Dividers(NamedTuple):
    """What stands above one message."""

    day: str = ""
    memory: bool = False

    @property
    def height(self) -> int:
        return DIVIDER_HEIGHT * (bool(self.day) + self.memory)


def local_day(seconds: float) -> date:
    return datetime.fromtimestamp(seconds).date()


def local_time(seconds: float) -> str:
    """Hour and minute as the person writes them."""
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(seconds)).time(), QLocale.FormatType.ShortFormat)


def local_moment(seconds: float) -> str:
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(seconds)), QLocale.FormatType.LongFormat)


def day_words(day: date, today: date) -> str:
    """Today, Yesterday, a weekday within the last six days, else the date; the year only when it is another one."""
    ago = (today - day).days
    if ago in {0, 1}:
        return ("Today", "Yesterday")[ago]
    form = "dddd" if 1 < ago < 7 else "dddd d MMMM" if day.year == today.year else "d MMMM yyyy"
    return QLocale().toString(QDate(day.year, day.month, day.day), form)


def draw_dividers(painter: QPainter, theme: Theme, dividers: Dividers, width: int) -> None:
    """From the top of the painter down, one row for each."""
    y = 0
    if dividers.day:
        _draw(painter, theme, QRectF(0, y, width, DIVIDER_HEIGHT), dividers.day, "")
        y += DIVIDER_HEIGHT
    if dividers.memory:
        _draw(painter, theme, QRectF(0, y, width, DIVIDER_HEIGHT), MEMORY_WORDS, "memory")


def _draw(painter: QPainter, theme: Theme, row: QRectF, words: str, icon_name: str) -> None:
    # The words stand a little high in the row: below comes a message, which they belong to.
    row = row.adjusted(0, 0, 0, -12)
    font = theme.font(12)
    wide = QFontMetrics(font).horizontalAdvance(words) + (ICON + 6 if icon_name else 0)
    left, middle = row.center().x() - wide / 2, row.center().y()
    painter.setPen(theme.colour("line"))
    painter.drawLine(QPointF(row.left(), middle), QPointF(left - 12, middle))
    painter.drawLine(QPointF(left + wide + 12, middle), QPointF(row.right(), middle))
    if icon_name:
        dpr = painter.device().devicePixelRatioF()
        painter.drawPixmap(QPointF(left, middle - ICON / 2), pixmap(icon_name, theme, "muted", ICON, dpr))
        left += ICON + 6
    painter.setPen(theme.colour("muted"))
    painter.setFont(font)
    painter.drawText(QRectF(left, row.top(), row.width(), row.height()), Qt.AlignmentFlag.AlignVCenter, words)
