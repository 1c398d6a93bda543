"""Memories as a lorebook, to take along to another character or another program."""

from __future__ import annotations

from collections.abc import Iterable

from companion.core.lorebook import Lorebook, LoreEntry
from companion.core.memory import Memory
from companion.core.storage.memory_words import keywords

MAX_KEYS = 8
_UNTITLED = 40


def as_lorebook(memories: Iterable[Memory], name: str = "") -> Lorebook:
    """An entry for each memory, called up by its telling words; pinned ones, and those without such words, are constant."""
    return Lorebook(name=name, entries=tuple(_entry(number, memory) for number, memory in enumerate(memories, 1)))


def _entry(number: int, memory: Memory) -> LoreEntry:
    keys = tuple(keywords(memory.text)[:MAX_KEYS])
    title = memory.text if len(memory.text) <= _UNTITLED else memory.text[: _UNTITLED - 1].rstrip() + "…"
    return LoreEntry(
        keys=keys,
        content=memory.text,
        name=title,
        id=number,
        insertion_order=float(number),
        constant=memory.pinned or not keys,
        position="before_char",
    )
