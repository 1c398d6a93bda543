"""The characters of the gallery: which of them match what is searched for, and in which order."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from enum import Enum, IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from companion.core.character import BUILT_IN
from companion.core.character_library import CharacterSummary
from companion.core.storage.search_index import fold

Index = QModelIndex | QPersistentModelIndex
NO_INDEX = QModelIndex()
LONG_NAME, LONGEST_TIP = 18, 200
"""Letters that fit on every tile, and those that a tooltip shows."""


class Order(Enum):
    """The value is what the person reads."""

    RECENT = "Recently used"
    NAME = "Name"


class Role(IntEnum):
    """What the delegate asks for besides the texts."""

    SUMMARY = Qt.ItemDataRole.UserRole.value + 1


class GalleryModel(QAbstractListModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: list[tuple[CharacterSummary, str]] = []
        """With the words that a search looks at."""
        self._used: Mapping[str, float] = {}
        self._shown: list[CharacterSummary] = []
        self._rows: dict[str, int] = {}
        self._pictures: dict[tuple[str, float], int] = {}
        self._words: tuple[str, ...] = ()
        self._order = Order.RECENT
        self.chosen: str | None = None

    @property
    def total(self) -> int:
        """How many there are, shown or not."""
        return len(self._all)

    def show_characters(self, summaries: Sequence[CharacterSummary], used: Mapping[str, float]) -> None:
        """`used` says when somebody was last talked to, in seconds since the epoch."""
        self._all = [(summary, fold(" ".join((summary.name, summary.creator, *summary.tags)))) for summary in summaries]
        self._used = dict(used)
        self._show()

    def set_chosen(self, identifier: str | None) -> None:
        if identifier != self.chosen:
            before, self.chosen = self.chosen, identifier
            for index in (self.index_of(before), self.index_of(identifier)):
                if index.isValid():
                    self.dataChanged.emit(index, index)

    def search(self, text: str) -> None:
        """Show those whose name, creator and tags hold all the words."""
        words = tuple(fold(text).split())
        if words != self._words:
            self._words = words
            self._show()

    def sort_by(self, order: Order) -> None:
        if order is not self._order:
            self._order = order
            self._show()

    def summary_at(self, index: Index) -> CharacterSummary | None:
        return self._shown[index.row()] if index.isValid() and index.row() < len(self._shown) else None

    def index_of(self, identifier: str | None) -> QModelIndex:
        """Where a character stands; an invalid index when it is not shown."""
        row = self._rows.get(identifier) if identifier is not None else None
        return NO_INDEX if row is None else self.index(row)

    def index_of_picture(self, picture: tuple[str, float]) -> QModelIndex:
        """Where the character with this portrait, changed at this time, stands."""
        row = self._pictures.get(picture)
        return NO_INDEX if row is None else self.index(row)

    def rowCount(self, parent: Index = NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        summary = self.summary_at(index)
        if summary is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return summary.name
            case Qt.ItemDataRole.AccessibleTextRole:
                chosen = "chosen" if summary.identifier == self.chosen else ""
                return ", ".join(filter(None, (summary.name, chosen, self.second_line(summary))))
            case Qt.ItemDataRole.ToolTipRole if len(summary.name) > LONG_NAME:
                return f"<span>{html.escape(summary.name[:LONGEST_TIP])}</span>"  # a card's markup is shown, not obeyed
            case Role.SUMMARY:
                return summary
        return None

    def second_line(self, summary: CharacterSummary) -> str:
        """What stands below a name: who made the card, else what it is about, else whether you have met."""
        if summary.identifier == BUILT_IN:
            return "Built in"
        if summary.creator.strip():
            return f"by {summary.creator}"
        tags = " · ".join(summary.tags[:3])
        return tags or ("Talked with before" if summary.identifier in self._used else "Not talked with yet")

    def _show(self) -> None:
        shown = [summary for summary, text in self._all if all(word in text for word in self._words)]
        shown.sort(key=lambda summary: (fold(summary.name), summary.identifier))
        if self._order is Order.RECENT:  # somebody new stands among those just talked to
            shown.sort(key=lambda s: max(self._used.get(s.identifier, 0.0), s.modified), reverse=True)
        if [s.identifier for s in shown] == [s.identifier for s in self._shown]:  # cursor and scroll position stay
            self._take(shown)
            if shown:
                self.dataChanged.emit(self.index(0), self.index(len(shown) - 1))
            return
        self.beginResetModel()
        self._take(shown)
        self.endResetModel()

    def _take(self, shown: list[CharacterSummary]) -> None:
        self._shown = shown
        self._rows = {summary.identifier: row for row, summary in enumerate(shown)}
        self._pictures = {(summary.portrait, summary.modified): row for row, summary in enumerate(shown)}
