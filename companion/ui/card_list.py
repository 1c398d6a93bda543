"""A list of cards: each has a title, small lines below it, and perhaps a mark before it and a bar that says how far it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPen, QTextLayout, QTextOption
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from companion.ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
_ROW = Qt.ItemDataRole.UserRole + 1
PADDING, ABOVE, BETWEEN, GAP, BAR = 12, 9, 1, 4, 4
_NOWHERE = QModelIndex()


class CardRow(NamedTuple):
    key: str
    """Tells it from the others, whatever is written on it."""
    title: str
    captions: tuple[str, ...]
    """As many in every row of a list."""
    description: str = ""
    """For a screen reader, where it is not what is written."""
    mark: tuple[str, str] | None = None
    """A letter and its colour's name. Every row of a list has one, or none has."""
    fraction: float | None = None
    """How much is done, 0 to 1, while something is being done."""


class CardRows(QAbstractListModel):
    """Rows that stay are changed where they are."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[CardRow, ...] = ()

    def show_rows(self, rows: Sequence[CardRow]) -> None:
        new = tuple(rows)
        if [row.key for row in new] != [row.key for row in self.rows]:
            self.beginResetModel()
            self.rows = new
            self.endResetModel()
            return
        before, self.rows = self.rows, new
        for number, (old, row) in enumerate(zip(before, new, strict=True)):
            if old != row:
                self.dataChanged.emit(self.index(number), self.index(number))

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.title
            case Qt.ItemDataRole.ToolTipRole:
                return "\n".join((row.title, *row.captions))
            case Qt.ItemDataRole.AccessibleTextRole:
                return row.description or ", ".join((row.title, *row.captions))
        return row if role == _ROW else None

    def place(self, key: str) -> int:
        """The row with that key, -1 without one."""
        return next((number for number, row in enumerate(self.rows) if row.key == key), -1)


class CardDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._theme, self._view = theme, view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        row: CardRow = index.data(_ROW)
        small = (QFontMetrics(self._theme.font(12)).height() + BETWEEN) * len(row.captions)
        room_for_bar = BAR if row.mark else 0
        room = self._view.viewport().width() - 2 * PADDING - (self._mark_width() if row.mark else 0)
        lines = len(self._lines(row.title, room))
        title = lines * QFontMetrics(self._theme.font()).height() + (lines - 1) * BETWEEN
        return QSize(160, title + small + 2 * ABOVE + room_for_bar + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        card = QRectF(option.rect).adjusted(0, 0, 0, -GAP)
        is_chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(option.rect)
        if is_chosen or option.state & QStyle.StateFlag.State_MouseOver:
            ground = self._theme.colour("raised")
            ground.setAlphaF(1.0 if is_chosen else 0.5)
            painter.setBrush(ground)
            has_focus = is_chosen and bool(option.state & QStyle.StateFlag.State_HasFocus)
            painter.setPen(QPen(self._theme.colour("accent"), 2) if has_focus else Qt.PenStyle.NoPen)
            painter.drawRoundedRect(card.adjusted(1, 1, -1, -1), 10, 10)
        self._paint_row(painter, card.adjusted(PADDING, ABOVE, -PADDING, 0), index.data(_ROW), is_chosen)
        painter.restore()

    def _paint_row(self, painter: QPainter, room: QRectF, row: CardRow, is_chosen: bool) -> None:
        title, small = self._theme.font(14, 600 if is_chosen else 400), self._theme.font(12)
        if row.mark is not None:
            letter, colour = row.mark
            self._paint_line(painter, room, letter, title, colour)
            room.setLeft(room.left() + self._mark_width())
        for line in self._lines(row.title, round(room.width())):
            room.setTop(self._paint_line(painter, room, line, title, "text"))
        for caption in row.captions:
            room.setTop(self._paint_line(painter, room, caption, small, "muted"))
        if row.fraction:
            bar = QRectF(room.left(), room.top() + 2, room.width(), BAR)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("line"))
            painter.drawRoundedRect(bar, BAR / 2, BAR / 2)
            bar.setWidth(bar.width() * row.fraction)
            painter.setBrush(self._theme.colour("accent"))
            painter.drawRoundedRect(bar, BAR / 2, BAR / 2)

    def _mark_width(self) -> int:
        return QFontMetrics(self._theme.font()).horizontalAdvance("●") + 8

    def _lines(self, title: str, room: int) -> list[str]:
        """A long title in two lines, broken where it would be in bold; what is still too long keeps its end."""
        font = self._theme.font(14, 600)
        metrics = QFontMetrics(font)
        if room <= 0 or metrics.horizontalAdvance(title) <= room:
            return [title]
        layout = QTextLayout(title, font)
        wrap = QTextOption()
        wrap.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(wrap)
        layout.beginLayout()
        line = layout.createLine()
        line.setLineWidth(room)
        end = line.textLength()
        layout.endLayout()
        return [title[:end].rstrip(), metrics.elidedText(title[end:], Qt.TextElideMode.ElideMiddle, room)]

    def _paint_line(self, painter: QPainter, room: QRectF, words: str, font: QFont, colour: str) -> float:
        """Where the next one begins."""
        metrics = QFontMetrics(font)
        painter.setFont(font)
        painter.setPen(self._theme.colour(colour))
        elided = metrics.elidedText(words, Qt.TextElideMode.ElideRight, round(room.width()))
        painter.drawText(round(room.left()), round(room.top() + metrics.ascent()), elided)
        return room.top() + metrics.height() + BETWEEN


class CardList(QListView):
    """Which of some things is looked at; it stays so wherever the others go.

    `has_always_one`: when the one that was looked at is gone, or nothing was chosen yet, another one takes its place; else
    nothing is chosen until the person chooses.
    """

    chosen = Signal(str)
    """The key of a row, when the person goes to it."""
    delete_pressed = Signal()

    def __init__(self, theme: Theme, name: str, *, has_always_one: bool) -> None:
        super().__init__()
        self.rows = CardRows()
        self._has_always_one = has_always_one
        self._key = ""
        self._is_showing = False
        self.setModel(self.rows)
        self.setItemDelegate(CardDelegate(theme, self))
        self.setProperty("role", "cards")
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)  # a title has two lines where there is no room for one
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.selectionModel().currentChanged.connect(self._current_changed)
        theme.changed.connect(self.rows.layoutChanged)

    @property
    def key(self) -> str:
        """Of the row that is looked at, empty without any."""
        return self._key

    def show_rows(self, rows: Sequence[CardRow]) -> None:
        was_at = self.rows.place(self._key)
        with self._showing():
            self.rows.show_rows(rows)
        is_gone = self.rows.place(self._key) < 0 and (was_at >= 0 or not self._key)
        if self._has_always_one and rows and is_gone:
            self._key = rows[min(max(was_at, 0), len(rows) - 1)].key
        self.choose(self._key)

    def choose(self, key: str) -> None:
        """Show which row is looked at, none for the empty key; one that is not listed yet as soon as it is."""
        self._key = key
        place = self.rows.place(key) if key else -1
        with self._showing():
            if place < 0:
                self.clearSelection()
                self.setCurrentIndex(_NOWHERE)
            elif place != self.currentIndex().row():
                self.setCurrentIndex(self.rows.index(place))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    @contextmanager
    def _showing(self) -> Iterator[None]:
        """Nobody chooses meanwhile."""
        self._is_showing = True
        try:
            yield
        finally:
            self._is_showing = False

    def _current_changed(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid() and not self._is_showing:
            self._key = self.rows.rows[current.row()].key
            self.chosen.emit(self._key)
