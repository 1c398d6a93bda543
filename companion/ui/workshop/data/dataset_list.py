"""The list of datasets: what each is called, how much is in it, and where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from companion.core.dataset import DatasetSource
from companion.core.dataset_folder import OwnDataset
from companion.ui.theme import Theme
from companion.ui.workshop.data.words import amounts, came, licence

Index = QModelIndex | QPersistentModelIndex
PADDING, GAP = 12, 4
DATASET: Final = Qt.ItemDataRole.UserRole + 1
_NOWHERE = QModelIndex()


class DatasetListModel(QAbstractListModel):
    """A row per OwnDataset, in the order it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.datasets: tuple[OwnDataset, ...] = ()

    def show_datasets(self, datasets: Sequence[OwnDataset]) -> None:
        self.beginResetModel()
        self.datasets = tuple(datasets)
        self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.datasets)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        dataset = self.datasets[index.row()]
        if role == DATASET:
            return dataset
        if role == Qt.ItemDataRole.DisplayRole:
            return dataset.source.name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return "\n".join(_lines(dataset.source))
        return None

    def row_of(self, folder: str) -> int:
        return next((row for row, each in enumerate(self.datasets) if str(each.folder) == folder), -1)


class DatasetDelegate(QStyledItemDelegate):
    """A name and three small lines."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        title, small = QFontMetrics(self._theme.font()).height(), QFontMetrics(self._theme.font(12)).height()
        return QSize(160, title + 3 * small + 20 + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        dataset: OwnDataset = index.data(DATASET)
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
        top, room = place.top() + 8, round(place.width() - 2 * PADDING)
        for number, words in enumerate(_lines(dataset.source)):
            font = self._theme.font(12) if number else self._theme.font(14, 600 if chosen else 400)
            metrics = QFontMetrics(font)
            painter.setFont(font)
            painter.setPen(self._theme.colour("muted" if number else "text"))
            elided = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
            painter.drawText(round(place.left() + PADDING), round(top + metrics.ascent()), elided)
            top += metrics.height()
        painter.restore()


class DatasetList(QListView):
    """Which dataset is looked at, by its folder; it stays chosen wherever the others go."""

    chosen = Signal(str)
    delete_pressed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.datasets = DatasetListModel()
        self._folder = ""
        self._is_showing = False
        self.setModel(self.datasets)
        self.setItemDelegate(DatasetDelegate(theme, self))
        self.setProperty("role", "cards")
        self.setAccessibleName("Datasets")
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.selectionModel().currentChanged.connect(self._current_changed)
        theme.changed.connect(self.datasets.layoutChanged)

    @property
    def folder(self) -> str:
        """Of the one that is chosen; empty without any."""
        return self._folder

    def show_datasets(self, datasets: Sequence[OwnDataset]) -> None:
        row = max(self.datasets.row_of(self._folder), 0)
        self._is_showing = True  # nobody has chosen another one
        self.datasets.show_datasets(datasets)
        there = self.datasets.row_of(self._folder)
        row = there if there >= 0 else min(row, len(datasets) - 1)
        self.setCurrentIndex(self.datasets.index(row))
        self._is_showing = False
        self._folder = str(datasets[row].folder) if datasets else ""

    def choose(self, folder: str) -> None:
        """One that is not listed yet is chosen as soon as it is."""
        self._folder = folder
        if (row := self.datasets.row_of(folder)) >= 0:
            self.setCurrentIndex(self.datasets.index(row))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    def _current_changed(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid() and not self._is_showing:
            self._folder = str(self.datasets.datasets[current.row()].folder)
            self.chosen.emit(self._folder)


def _lines(source: DatasetSource) -> tuple[str, ...]:
    return source.name, amounts(source), licence(source), came(source)
