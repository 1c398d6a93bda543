"""The entries of a lorebook as rows: what calls each one up, where it goes, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

import msgspec
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt, Signal

from companion.core.lorebook import LoreEntry
from companion.ui.characters.editor_fields import join_words
from companion.ui.characters.lore_place import place_of, told_text
from companion.ui.characters.token_counts import TokenCounts


class Column(IntEnum):
    """The columns in the order in which they are shown."""

    ON = 0
    NAME = 1
    KEYS = 2
    ALWAYS = 3
    ORDER = 4
    PLACE = 5
    TOKENS = 6


TITLES: Final = ("On", "Name", "Keys", "Always", "Order", "Place", "Tokens")
HINTS: Final = (
    "Whether it is told at all",
    "What the list calls it",
    "Words that call it up",
    "Told whatever is talked about",
    "Lower numbers come first in the prompt",
    "Where in the prompt it is told",
    "How much room it takes",
)
LONGEST_CELL = 200
Index = QModelIndex | QPersistentModelIndex


class LorebookModel(QAbstractTableModel):
    """Holds the entries; adding, deleting and their like can be undone one after the other."""

    edited = Signal()

    def __init__(self, counts: TokenCounts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._counts = counts
        self._entries: list[LoreEntry] = []
        self._serials: list[int] = []  # who is who while rows move
        self._next = 0
        self._undo: list[tuple[str, Callable[[], None]]] = []
        self.read_only = False

    # What it holds

    def entries(self) -> tuple[LoreEntry, ...]:
        return tuple(self._entries)

    def entry(self, row: int) -> LoreEntry:
        return self._entries[row]

    def set_entries(self, entries: tuple[LoreEntry, ...]) -> None:
        self.beginResetModel()
        self._entries = list(entries)
        self._serials = list(range(self._next, self._next + len(entries)))
        self._next += len(entries)
        self._undo.clear()
        self.endResetModel()

    def counts_changed(self) -> None:
        if self._entries:
            self.dataChanged.emit(self.index(0, Column.TOKENS), self.index(len(self._entries) - 1, Column.TOKENS))

    # What the person does

    @property
    def undo_words(self) -> str:
        """What would be undone, as the person reads it: delete “Dome”. Empty when there is nothing."""
        return self._undo[-1][0] if self._undo else ""

    def replace(self, row: int, entry: LoreEntry) -> None:
        if entry != self._entries[row]:
            self._entries[row] = entry
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(Column) - 1))
            self.edited.emit()

    def add(self, entry: LoreEntry, row: int | None = None, what: str = "add an entry") -> int:
        """Returns the row of the new entry."""
        row = len(self._entries) if row is None else row
        serial = self._insert(row, entry)
        self._undo.append((what, lambda: self._remove(self._serials.index(serial)) if serial in self._serials else None))
        self.edited.emit()
        return row

    def add_all(self, entries: tuple[LoreEntry, ...], what: str) -> int:
        """Put these at the end; returns the row of the first. One whose id is taken loses it, as a copy does."""
        taken = {entry.id for entry in self._entries}
        row, serials = len(self._entries), range(self._next, self._next + len(entries))
        self._next += len(entries)
        self.beginInsertRows(QModelIndex(), row, row + len(entries) - 1)
        self._entries += [msgspec.structs.replace(entry, id=None) if entry.id in taken else entry for entry in entries]
        self._serials += serials
        self.endInsertRows()

        def take_back() -> None:
            for at in reversed(range(len(self._serials))):
                if self._serials[at] in serials:
                    self._remove(at)

        self._undo.append((what, take_back))
        self.edited.emit()
        return row

    def duplicate(self, row: int) -> int:
        """The copy has no id: two entries with one id would be the same entry to other programs."""
        copy = msgspec.structs.replace(self._entries[row], id=None)
        return self.add(copy, row + 1, f"duplicate {called(copy)}")

    def delete(self, rows: list[int]) -> None:
        gone = [(row, self._entries[row], self._serials[row]) for row in sorted(rows)]
        if not gone:
            return
        for row, _, _ in reversed(gone):
            self._remove(row)

        def bring_back() -> None:
            for row, entry, serial in gone:
                self._insert(min(row, len(self._entries)), entry, serial)

        self._undo.append((f"delete {called(gone[0][1])}" if len(gone) == 1 else f"delete {len(gone)} entries", bring_back))
        self.edited.emit()

    def undo(self) -> None:
        if self._undo:
            self._undo.pop()[1]()
            self.edited.emit()

    # For the view

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return TITLES[section]
            if role == Qt.ItemDataRole.ToolTipRole:
                return HINTS[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        if index.column() in (Column.ON, Column.ALWAYS) and not self.read_only:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry, column = self._entries[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words(entry, column)
        if role == Qt.ItemDataRole.CheckStateRole and column in (Column.ON, Column.ALWAYS):
            ticked = entry.enabled if column == Column.ON else entry.constant
            return Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.UserRole:
            return self._sort_key(entry, column)
        if role == Qt.ItemDataRole.AccessibleTextRole and column in (Column.ON, Column.ALWAYS):
            return TITLES[column]
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or self.read_only:
            return False
        field = "enabled" if index.column() == Column.ON else "constant"
        checked = Qt.CheckState(value) == Qt.CheckState.Checked
        self.replace(index.row(), msgspec.structs.replace(self._entries[index.row()], **{field: checked}))
        return True

    def _words(self, entry: LoreEntry, column: int) -> str:
        match column:
            case Column.NAME:
                return called(entry, quoted=False)
            case Column.KEYS:
                return join_words(entry.keys[:20])[:LONGEST_CELL]
            case Column.ORDER:
                return f"{entry.insertion_order:g}"
            case Column.PLACE:
                return _place(entry)
            case Column.TOKENS:
                text = told_text(entry.content)
                return f"{'' if self._counts.is_exact(text) else '≈ '}{self._counts.count(text):,}"
        return ""

    def _sort_key(self, entry: LoreEntry, column: int) -> Any:
        match column:
            case Column.ON:
                return not entry.enabled
            case Column.ALWAYS:
                return not entry.constant
            case Column.ORDER:
                return entry.insertion_order
            case Column.TOKENS:
                return self._counts.count(told_text(entry.content))
        return self._words(entry, column).casefold()

    def _insert(self, row: int, entry: LoreEntry, serial: int | None = None) -> int:
        if serial is None:
            serial, self._next = self._next, self._next + 1
        self.beginInsertRows(QModelIndex(), row, row)
        self._entries.insert(row, entry)
        self._serials.insert(row, serial)
        self.endInsertRows()
        return serial

    def _remove(self, row: int) -> None:
        self.beginRemoveRows(QModelIndex(), row, row)
        del self._entries[row], self._serials[row]
        self.endRemoveRows()


class LorebookFilter(QSortFilterProxyModel):
    """Only the entries in which the searched words stand, sorted by the column the person pressed."""

    def __init__(self, model: LorebookModel) -> None:
        super().__init__(model)
        self._model = model
        self._words = ""
        self.setSourceModel(model)
        self.setSortRole(Qt.ItemDataRole.UserRole)
        # A row must not run away, or vanish, under the person who is writing in it.
        self.setDynamicSortFilter(False)

    def search(self, words: str) -> None:
        self._words = words.casefold().strip()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        entry = self._model.entry(row)
        places = (entry.name, entry.comment, *entry.keys, *entry.secondary_keys, entry.content)
        return not self._words or any(self._words in place.casefold() for place in places)


def called(entry: LoreEntry, quoted: bool = True) -> str:
    """Its name, or else what a person would know it by."""
    name = entry.name or entry.comment or join_words(entry.keys[:3]) or told_text(entry.content)
    line = " ".join(name[:LONGEST_CELL].split()) or "No name"
    return f"“{line[:40]}”" if quoted else line


def _place(entry: LoreEntry) -> str:
    place = place_of(entry)
    words = {"before_char": "Before her", "after_char": "After her", "note": "At the note", "depth": f"Depth {place.depth}"}
    return words.get(place.spot, "Not set")
