"""The list at the left: evaluations that are under way, reports, and blind tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from companion.ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
PADDING, GAP = 12, 4
ROW: Final = Qt.ItemDataRole.UserRole + 1
_NOWHERE = QModelIndex()


class Row(NamedTuple):
    kind: Literal["job", "report", "contest"]
    key: str
    """Id of the job, file of the report, or folder of the contest."""
    title: str
    caption: str


class RowModel(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[Row, ...] = ()

    def show_rows(self, rows: Sequence[Row]) -> None:
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
                return row.title
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{row.title}, {row.caption}"
        return row if role == ROW else None

    def place(self, key: str) -> int:
        return next((number for number, row in enumerate(self.rows) if row.key == key), -1)


class RowDelegate(QStyledItemDelegate):
    """A title and a line about it."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        lines = QFontMetrics(self._theme.font()).height() + QFontMetrics(self._theme.font(12)).height()
        return QSize(160, lines + 20 + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: Row = index.data(ROW)
        place = QRectF(option.rect).adjusted(0, 0, 0, -GAP)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(option.rect)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            ground = self._theme.colour("raised")
            ground.setAlphaF(1.0 if chosen else 0.5)
            painter.setBrush(ground)
            has_focus = chosen and bool(option.state & QStyle.StateFlag.State_HasFocus)
            painter.setPen(QPen(self._theme.colour("accent"), 2) if has_focus else Qt.PenStyle.NoPen)
            painter.drawRoundedRect(place.adjusted(1, 1, -1, -1), 10, 10)
        self._paint_words(painter, place, row, chosen)
        painter.restore()

    def _paint_words(self, painter: QPainter, place: QRectF, row: Row, chosen: bool) -> None:
        left, top, room = round(place.left() + PADDING), place.top() + 9, round(place.width() - 2 * PADDING)
        for text, font, colour in (
            (row.title, self._theme.font(14, 600 if chosen else 400), "text"),
            (row.caption, self._theme.font(12), "muted"),
        ):
            metrics = QFontMetrics(font)
            painter.setFont(font)
            painter.setPen(self._theme.colour(colour))
            elided = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            painter.drawText(left, round(top + metrics.ascent()), elided)
            top += metrics.height() + 2


class EvaluateList(QListView):
    """Nothing is chosen until the person chooses; what was chosen stays, wherever the others go."""

    chosen = Signal(object)
    """A Row."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.entries = RowModel()
        self._key = ""
        self._quiet = False
        self.setModel(self.entries)
        self.setItemDelegate(RowDelegate(theme, self))
        self.setProperty("role", "cards")
        self.setAccessibleName("Reports and blind tests")
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.selectionModel().currentChanged.connect(self._current_changed)
        theme.changed.connect(self.entries.layoutChanged)

    @property
    def key(self) -> str:
        """Of the row that is chosen, empty without any."""
        return self._key

    def show_rows(self, rows: Sequence[Row]) -> None:
        self.entries.show_rows(rows)
        self.mark(self._key)

    def mark(self, key: str) -> None:
        """Show which row is meant, none for the empty key, without a word; one that is not listed yet as soon as it is."""
        self._key, self._quiet = key, True
        place = self.entries.place(key) if key else -1
        if place < 0:
            self.clearSelection()
            self.setCurrentIndex(_NOWHERE)
        elif place != self.currentIndex().row():
            self.setCurrentIndex(self.entries.index(place))
        self._quiet = False

    def _current_changed(self, current: QModelIndex, _before: QModelIndex) -> None:
        if self._quiet or not current.isValid():
            return
        row = self.entries.rows[current.row()]
        self._key = row.key
        self.chosen.emit(row)
