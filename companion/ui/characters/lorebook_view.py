"""The table of a lorebook's entries as it is seen: sorted, searched, ticked and walked with the keyboard."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyledItemDelegate, QStyleOptionViewItem, QTreeView

from companion.core.paths import assets_folder
from companion.ui.characters.lorebook_table import Column, Index, LorebookFilter, LorebookModel
from companion.ui.palette import mix
from companion.ui.theme import Theme

LEAST_HEIGHT = 96
MOST_ROWS = 8
HIDE_BELOW = 70
"""Letters: a narrower table shows only what a person looks for first."""


class LorebookView(QTreeView):
    """Tells which row of the model is chosen; Delete deletes, Ctrl+Z undoes."""

    row_chosen = Signal(int)
    """-1 for none."""
    delete_requested = Signal()
    undo_requested = Signal()

    def __init__(self, theme: Theme, model: LorebookModel) -> None:
        super().__init__()
        self._theme = theme
        self.filter = LorebookFilter(model)
        self.setModel(self.filter)
        self.setItemDelegate(_Faded(theme, self))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Entries of the lorebook")
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)  # as the card has them
        header = self.header()
        header.setStretchLastSection(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionsMovable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(Column.KEYS, QHeaderView.ResizeMode.Stretch)
        self.selectionModel().currentRowChanged.connect(self._chosen)
        theme.changed.connect(self._style)
        self._style()

    def choose(self, row: int) -> None:
        """Select a row of the model and bring it into view; -1 selects nothing."""
        index = self.filter.mapFromSource(self.filter.sourceModel().index(row, Column.NAME)) if row >= 0 else QModelIndex()
        if not index.isValid():
            self.selectionModel().clear()
            self.row_chosen.emit(-1)
            return
        self.selectionModel().setCurrentIndex(
            index, QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        )
        self.scrollTo(index)

    def chosen_rows(self) -> list[int]:
        """Rows of the model, all that are selected."""
        return [self.filter.mapToSource(index).row() for index in self.selectionModel().selectedRows(Column.NAME)]

    def fit(self) -> None:
        """As tall as its rows, up to some."""
        row = max(self.sizeHintForRow(0), self.fontMetrics().height() + 12)
        wanted = self.header().sizeHint().height() + row * min(self.filter.rowCount(), MOST_ROWS) + 8
        self.setFixedHeight(max(wanted, LEAST_HEIGHT))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self.delete_requested.emit()
        elif event.key() == Qt.Key.Key_Z and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self.undo_requested.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        unit = self.fontMetrics().averageCharWidth()
        narrow = self.width() < HIDE_BELOW * unit
        for column in (Column.ALWAYS, Column.ORDER, Column.PLACE):
            self.setColumnHidden(column, narrow)
        for column, letters in ((Column.ON, 6), (Column.ALWAYS, 9), (Column.ORDER, 8), (Column.PLACE, 13), (Column.TOKENS, 10)):
            self.setColumnWidth(column, letters * unit)
        self.setColumnWidth(Column.NAME, max(int(self.width() * 0.25), 16 * unit))

    def _chosen(self, current: QModelIndex) -> None:
        self.row_chosen.emit(self.filter.mapToSource(current).row() if current.isValid() else -1)

    def _style(self) -> None:
        p = self._theme.palette
        tick = (assets_folder() / "theme" / p.name / "check.svg").as_posix()
        self.setStyleSheet(f"""
QTreeView {{ background: {p.surface}; border: 1px solid {p.line}; }}
QTreeView::item {{ padding: 5px 6px; border: none; }}
QTreeView::item:hover {{ background: {mix(p.surface, p.raised, 0.55)}; }}
QTreeView::item:selected {{ background: {p.raised}; color: {p.text}; }}
QTreeView::indicator {{
    width: 16px; height: 16px; border: 1px solid {mix(p.line, p.muted, 0.7)}; border-radius: 5px; background: {p.surface};
}}
QTreeView::indicator:checked {{ background: {p.accent}; border-color: {p.accent}; image: url("{tick}"); }}
QHeaderView {{ background: transparent; border: none; }}
QHeaderView::section {{
    background: transparent; color: {p.muted}; border: none; border-bottom: 1px solid {p.line}; padding: 6px;
}}
QHeaderView::down-arrow, QHeaderView::up-arrow {{ width: 10px; height: 10px; }}
""")
        self._share_width()


class _Faded(QStyledItemDelegate):
    """Rows of entries that are off are paler."""

    def __init__(self, theme: Theme, view: LorebookView) -> None:
        super().__init__(view)
        self._theme, self._view = theme, view

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        if index.model().index(index.row(), Column.ON).data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Unchecked:
            option.palette.setColor(option.palette.ColorRole.Text, self._theme.colour("muted"))
            option.palette.setColor(option.palette.ColorRole.HighlightedText, self._theme.colour("muted"))
