"""A map of topics one can look into: the pointer or the arrow keys read a dialogue; its groups are listed beside it."""

from __future__ import annotations

import math
import textwrap
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from companion.core.amounts import counted
from companion.core.dataset_findings import TopicMap
from companion.ui.charts.reading import paint_reading
from companion.ui.theme import BODY, Theme
from companion.ui.workshop.data.topic_picture import TopicPicture, group_words, mark_size

HEIGHT: Final = 340
NEAR: Final = 18.0
"""Pixels from a mark within which the pointer means it."""
LINE: Final = 52
"""Characters of a line in the box that tells how a dialogue begins."""
_EMPTY: Final = TopicMap(groups=(), points=(), read=0, kept=0.0)


class TopicView(QWidget):
    """`title`, `picture` and `table` are what is taken along."""

    title: str = "Topics"

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.topics = _EMPTY
        self.read_at: int | None = None
        """Number of the dialogue that is read."""
        self._lit = -1
        self._drawn = QPixmap()
        self._places: list[QPointF] = []
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Map of topics")
        theme.changed.connect(self._theme_changed)

    def show_topics(self, topics: TopicMap) -> None:
        self.topics, self.read_at, self._lit = topics, None, -1
        told = ", ".join(f"{group_words(group)} {counted(group.dialogues, 'dialogue')}" for group in topics.groups)
        self.setAccessibleDescription(f"{counted(len(topics.groups), 'group')}: {told}. Arrow keys read dialogues.")
        self._redraw()

    def light(self, group: int) -> None:
        """Let one group stand out; -1 none."""
        self._lit = group
        self._redraw()

    def reading(self, number: int) -> str:
        """“stars, dome: Do you like stars? I do.”"""
        point = self.topics.points[number]
        return f"{group_words(self.topics.groups[point.group])}: {point.text}"

    def place(self, number: int) -> QPointF:
        """Where a dialogue is, in pixels."""
        self._paint_map()
        return self._places[number]

    def picture(self) -> TopicPicture:
        """What is shown, with its groups, to be painted anywhere."""
        return TopicPicture(self._theme, self.topics, legend=True)

    def table(self) -> list[list[str]]:
        """A row per dialogue: where it lies, its group with the words of that, and how it begins."""
        rows = [["x", "y", "group", "words of the group", "dialogue"]]
        for point in self.topics.points:
            words = group_words(self.topics.groups[point.group])
            rows.append([f"{point.x:.4f}", f"{point.y:.4f}", str(point.group + 1), words, point.text])
        return rows

    # Looking into it

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._read(self._nearest(event.position()))

    def leaveEvent(self, event: object) -> None:
        self._read(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        directions = {
            Qt.Key.Key_Left.value: QPointF(-1, 0), Qt.Key.Key_Right.value: QPointF(1, 0),
            Qt.Key.Key_Up.value: QPointF(0, -1), Qt.Key.Key_Down.value: QPointF(0, 1),
        }  # fmt: skip
        direction = directions.get(event.key())
        if event.key() == Qt.Key.Key_Escape and self.read_at is not None:
            self._read(None)
        elif direction is None or not self.topics.points:
            super().keyPressEvent(event)
        else:
            self._paint_map()
            middle = QRectF(self.rect()).center()
            self._read(self._nearest(middle, 1e9) if self.read_at is None else self._next(self.read_at, direction))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._read(None)

    def _nearest(self, position: QPointF, within: float = NEAR) -> int | None:
        best, found = within, None
        for number, at in enumerate(self._places):
            if (far := _length(at - position)) < best:
                best, found = far, number
        return found

    def _next(self, now: int, direction: QPointF) -> int:
        """The nearest dialogue in a quarter of the map; those exactly where this one is come in turn."""
        here = self._places[now]
        same = [number for number, at in enumerate(self._places) if _length(at - here) < 0.5]
        following = same[same.index(now) + 1 :]
        if following and direction.x() + direction.y() > 0:
            return following[0]
        best, found = math.inf, now
        for number, at in enumerate(self._places):
            way = at - here
            along, aside = QPointF.dotProduct(way, direction), abs(way.x() * direction.y() - way.y() * direction.x())
            if along >= 0.5 and aside <= along and along + 2 * aside < best:
                best, found = along + 2 * aside, number
        return found

    def _read(self, number: int | None) -> None:
        if number == self.read_at:
            return
        self.read_at = number
        if number is not None:
            self.setAccessibleDescription(self.reading(number))
        self.update()

    # Painting

    def sizeHint(self) -> QSize:
        return QSize(360, round(HEIGHT * max(self._theme.font_size / BODY, 1.0)))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._drawn = QPixmap()

    def paintEvent(self, event: QPaintEvent) -> None:
        self._paint_map()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(0, 0, self._drawn)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 10, 10)
        if self.read_at is not None:
            self._paint_reading(painter, self.read_at)
        painter.end()

    def _paint_map(self) -> None:
        """Painted once and kept until something changes."""
        if not self._drawn.isNull():
            return
        dpr, area = self.devicePixelRatioF(), QRectF(self.rect()).adjusted(4, 4, -4, -4)
        self._drawn = QPixmap(self.size() * dpr)
        self._drawn.setDevicePixelRatio(dpr)
        self._drawn.fill(Qt.GlobalColor.transparent)
        drawn = TopicPicture(self._theme, self.topics, self._lit)
        self._places = drawn.places(area)
        painter = QPainter(self._drawn)
        drawn.paint(painter, area)
        painter.end()

    def _paint_reading(self, painter: QPainter, number: int) -> None:
        at, point = self._places[number], self.topics.points[number]
        painter.setPen(QPen(self._theme.colour("text"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(at, mark_size(self._theme) + 4, mark_size(self._theme) + 4)
        lines = [group_words(self.topics.groups[point.group]), *textwrap.wrap(point.text, LINE, max_lines=4, placeholder="…")]
        paint_reading(painter, self._theme, QRectF(self.rect()), at, lines)

    def _redraw(self) -> None:
        self._drawn = QPixmap()
        self.update()

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self._redraw()


def _length(way: QPointF) -> float:
    return math.hypot(way.x(), way.y())
