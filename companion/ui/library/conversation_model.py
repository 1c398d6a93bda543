"""The rows of the conversation list: conversations under the days they belong to, or what a search found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import IntEnum
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from companion.core.conversation import Conversation, SearchHit

UNTITLED = "New conversation"

Index = QModelIndex | QPersistentModelIndex


class Heading(NamedTuple):
    words: str


Row = Heading | Conversation | SearchHit


class Role(IntEnum):
    """What the delegate asks for besides the texts."""

    ROW = Qt.ItemDataRole.UserRole.value + 1


class ConversationModel(QAbstractListModel):
    renamed = Signal(int, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self.current: int | None = None
        """Id of the conversation that is open."""

    def show_conversations(self, conversations: Sequence[Conversation]) -> None:
        self._show(_grouped(conversations, datetime.now().date()))

    def show_hits(self, hits: Sequence[SearchHit]) -> None:
        found = f"{len(hits)} match" + ("" if len(hits) == 1 else "es")
        self._show([Heading(found), *hits] if hits else [])

    def set_current(self, conversation: int | None) -> None:
        if conversation != self.current:
            self.current = conversation
            self._all_changed()

    def row_at(self, index: Index) -> Row | None:
        return self._rows[index.row()] if index.isValid() and index.row() < len(self._rows) else None

    def index_of(self, conversation: int | None) -> QModelIndex:
        """The row of a conversation, or of its first hit; an invalid index when it is not listed."""
        for i, row in enumerate(self._rows):
            if _conversation_of(row) == conversation is not None:
                return self.index(i)
        return QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        row = self.row_at(index)
        if row is None or isinstance(row, Heading):
            return Qt.ItemFlag.NoItemFlags
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return usual | Qt.ItemFlag.ItemIsEditable if isinstance(row, Conversation) else usual

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row_at(index)
        if row is None:
            return None
        title, detail = texts_of(row)
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.EditRole:
                return title
            case Qt.ItemDataRole.AccessibleTextRole:
                opened = ", open" if isinstance(row, Conversation) and row.id == self.current else ""
                return f"{title}{opened}. {detail}" if detail else title
            case Qt.ItemDataRole.ToolTipRole:
                return title if len(title) > 24 else None
            case Role.ROW:
                return row
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """A finished rename is only said; the new title comes back with the next list."""
        row, title = self.row_at(index), str(value).strip()
        if isinstance(row, Conversation) and title and title != row.title:
            self.renamed.emit(row.id, title)
            return True
        return False

    def _show(self, rows: list[Row]) -> None:
        """When the same things stand in the same places, the view keeps its scroll position, cursor and editor."""
        if [_place(row) for row in rows] == [_place(row) for row in self._rows]:
            self._rows = rows
            self._all_changed()
        else:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()

    def _all_changed(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))


def texts_of(row: Row) -> tuple[str, str]:
    """Title and the line below it."""
    match row:
        case Heading(words):
            return words, ""
        case Conversation():
            return row.title or UNTITLED, row.preview
        case _:
            return row.title or UNTITLED, row.excerpt


def _conversation_of(row: Row) -> int | None:
    match row:
        case Conversation():
            return row.id
        case SearchHit():
            return row.conversation
    return None


def _place(row: Row) -> object:
    match row:
        case Heading(words):
            return words
        case Conversation():
            return row.id
    return row.conversation, row.message


def _grouped(conversations: Sequence[Conversation], today: date) -> list[Row]:
    rows: list[Row] = []
    group = ""
    for conversation in sorted(conversations, key=lambda c: c.updated, reverse=True):
        words = _group(datetime.fromtimestamp(conversation.updated).date(), today)
        if words != group:
            rows.append(Heading(words))
            group = words
        rows.append(conversation)
    return rows


def _group(day: date, today: date) -> str:
    ago = (today - day).days
    if ago <= 0:
        return "Today"
    if ago == 1:
        return "Yesterday"
    return "Earlier this week" if ago < 7 else "Earlier"
