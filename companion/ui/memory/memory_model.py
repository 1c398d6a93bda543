"""The rows of the memory page: one per memory, the pinned ones first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from companion.core.memory import Memory, kept, told

Index = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()


class Role(IntEnum):
    MEMORY = Qt.ItemDataRole.UserRole.value + 1
    SOURCE = Qt.ItemDataRole.UserRole.value + 2
    """Where it comes from, in words."""


class MemoryModel(QAbstractListModel):
    edited = Signal(int, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Memory] = []
        self._titles: Mapping[int, str] = {}
        self._person = ""

    def show_memories(self, memories: Sequence[Memory], titles: Mapping[int, str], person: str = "") -> None:
        """`titles` names the conversations that still exist, `person` is the name of whom the memories are about."""
        self.beginResetModel()
        self._person = person
        self._rows = sorted(memories, key=lambda memory: (not memory.pinned, -memory.created, -memory.id))
        self._titles = titles
        self.endResetModel()

    def memory_at(self, index: Index) -> Memory | None:
        return self._rows[index.row()] if index.isValid() and index.row() < len(self._rows) else None

    def index_of(self, memory: int) -> QModelIndex:
        row = next((i for i, found in enumerate(self._rows) if found.id == memory), -1)
        return self.index(row)

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        memory = self.memory_at(index)
        if memory is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.EditRole:
                return told(memory.text, self._person)
            case Role.MEMORY:
                return memory
            case Role.SOURCE:
                return self._source(memory)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{told(memory.text, self._person)} {self._source(memory)}"
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        memory = self.memory_at(index)
        text = " ".join(str(value).split())
        if memory is None or not text or text == told(memory.text, self._person):
            return False
        self.edited.emit(memory.id, kept(text, self._person, memory.text))
        return True

    def _source(self, memory: Memory) -> str:
        day = day_words(memory.created, datetime.now())
        if memory.conversation is not None and memory.conversation in self._titles:
            return f"From “{self._titles[memory.conversation] or 'New conversation'}”, {day}"
        return f"Written down by you, {day}" if memory.writer == "person" else f"Learned {day}"


def day_words(then: float, now: datetime) -> str:
    """ "today", "yesterday", "3 days ago", or the date."""
    days = (now.date() - datetime.fromtimestamp(then).date()).days
    if days <= 0:
        return "today"
    if days == 1:
        return "yesterday"
    if days < 7:
        return f"{days} days ago"
    date = datetime.fromtimestamp(then)
    return f"{date.day} {date.strftime('%B %Y')}"
