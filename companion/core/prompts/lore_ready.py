"""A lorebook made ready for searching: done once for a book, used for every prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from companion.core.character import Card, Character
from companion.core.lorebook import Lorebook, LoreEntry
from companion.core.persona import Persona
from companion.core.prompts.lore_decorators import LoreRules, read_rules
from companion.core.prompts.lore_keys import KeyIndex, key_of
from companion.core.prompts.macros import fill_names
from companion.core.prompts.scene import Scene

EVERYTHING = 1_000_000
"""The scan depth of an entry that looks at every message."""
MAX_ENTRIES, MAX_CONTENT = 10_000, 100_000
"""Entries of a book, and characters of an entry; the rest is never told."""
NOTHING: frozenset[int] = frozenset()
_REMARKS = re.compile(r"\{\{(?://|comment:)[^{}]*\}\}", re.IGNORECASE)


class ReadyEntry(NamedTuple):
    """An entry as it is searched for; keys are numbers of the index."""

    number: int
    entry: LoreEntry
    rules: LoreRules
    keys: frozenset[int]
    secondary: frozenset[int]
    additional: frozenset[int]
    excluded: frozenset[int]

    @property
    def searched(self) -> str:
        """What of its content may call up others."""
        content = self.rules.content
        return _REMARKS.sub("", content) if "{{" in content else content


class ReadyBook:
    """A lorebook made ready for one pair of names."""

    def __init__(self, book: Lorebook, scene: Scene) -> None:
        self.index = KeyIndex()
        self.constant: list[ReadyEntry] = []
        self.by_key: dict[int, list[ReadyEntry]] = {}
        for number, entry in enumerate(book.entries[:MAX_ENTRIES]):
            if entry.enabled:
                self._add(number, entry, scene)
        self.entries = [ready for entries in self.by_key.values() for ready in entries]
        self.depths = {EVERYTHING if ready.rules.keep else ready.rules.scan_depth for ready in self.entries}
        self.looks_back = any(ready.rules.once for ready in self.entries)

    def _add(self, number: int, entry: LoreEntry, scene: Scene) -> None:
        rules = read_rules(entry)
        if rules.never or not 0 < len(rules.content.strip()) <= MAX_CONTENT:
            return
        secondary = entry.secondary_keys if entry.selective and not rules.uses_regex else ()
        texts = (entry.keys, secondary, rules.additional_keys, rules.exclude_keys)
        ready = ReadyEntry(number, entry, rules, *(self._numbers(keys, rules, scene) for keys in texts))
        if rules.constant or rules.always:
            self.constant.append(ready)
        else:
            for key in ready.keys:
                self.by_key.setdefault(key, []).append(ready)

    def _numbers(self, texts: Sequence[str], rules: LoreRules, scene: Scene) -> frozenset[int]:
        found = set()
        for text in texts:
            named = fill_names(text, scene) if "{{" in text or "<" in text else text
            key = key_of(named, is_regex=rules.uses_regex, case_sensitive=rules.case_sensitive, whole_words=rules.whole_words)
            if key is not None:
                found.add(self.index.add(key))
        return frozenset(found)


class _Same:
    """A lorebook as the key of a cache: cheap to look up, whatever its size."""

    def __init__(self, book: Lorebook) -> None:
        self.book = book

    def __hash__(self) -> int:
        return hash((len(self.book.entries), self.book.name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and (self.book is other.book or self.book == other.book)


def made_ready(book: Lorebook, char: str, user: str) -> ReadyBook:
    """The lorebook with these names in its keys; the last few are remembered."""
    return _made_ready(_Same(book), char, user)


@lru_cache(maxsize=8)
def _made_ready(book: _Same, char: str, user: str) -> ReadyBook:
    named = Scene(character=Character(identifier="", card=Card(name=char)), persona=Persona(name=user))
    return ReadyBook(book.book, named)
