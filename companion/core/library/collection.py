"""Everything the library knows at one moment, read without Qt; what was read once is kept until its file changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from companion.core.character import Character
from companion.core.character_library import CharacterLibrary
from companion.core.errors import ModelError
from companion.core.fingerprint import file_sha256, known_sha256
from companion.core.library.downloaded import Source, downloaded
from companion.core.library.family import Family
from companion.core.library.health import Check, health
from companion.core.library.item import Item
from companion.core.library.origins import JobFacts, Made, job_facts
from companion.core.library.reports import LastReport, last_reports
from companion.core.library.scan import Found, library_files, read_item
from companion.core.library.trash import Deleted, Trash
from companion.core.library.uses import Use, all_characters, uses
from companion.core.measured_here import run_of, runs_here

_State = tuple[str, int, int]


class Collection(NamedTuple):
    """A picture of the library; mappings are by the key of an item."""

    family: Family
    health: Mapping[str, tuple[Check, ...]]
    reports: Mapping[str, LastReport]
    uses: Mapping[str, tuple[Use, ...]]
    made: Mapping[str, Made]
    sources: Mapping[str, Source]
    """Where downloads came from."""
    characters: tuple[Character, ...]
    deleted: tuple[Deleted, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        return self.family.items

    @property
    def without_checksum(self) -> tuple[Item, ...]:
        """Models and adapters whose place in the family may not be known yet."""
        return tuple(item for item in self.items if not item.sha256 and not item.what)


class GivenUp(Exception):
    """Nobody waits for the checksum any more."""


class Librarian:
    """Reads in whatever thread asks, one at a time."""

    def __init__(self, characters: CharacterLibrary, trash: Trash) -> None:
        self._characters = characters
        self._trash = trash
        self._lock = threading.Lock()
        self._read: dict[_State, Item] = {}
        self._checksums: dict[_State, str] = {}
        self._jobs: dict[_State, JobFacts] = {}
        self._reports: dict[_State, dict[str, LastReport]] = {}
        self._leaving = threading.Event()

    def leave(self) -> None:
        """The program ends: a checksum under way is given up. From any thread."""
        self._leaving.set()

    def collect(self, linked: tuple[str, ...], everybody: str) -> Collection:
        """Read what changed since the last time. No file is hashed: see `add_checksum`."""
        with self._lock:
            characters = all_characters(self._characters)
            used = uses(everybody, characters)
            facts = job_facts(self._jobs)
            items = _without_copies([self._item(found) for found in library_files(linked, _chosen(used))], facts.made)
            reports, runs = last_reports(facts.reports, self._reports), runs_here()
            sources = downloaded()
            return Collection(
                family=Family(items, facts.made),
                health={item.key: health(item, run_of(item.path, runs)) for item in items},
                reports={item.key: reports[item.sha256] for item in items if item.sha256 in reports},
                uses=_by_item(items, used),
                made={item.key: facts.made[item.key] for item in items if item.key in facts.made},
                sources={item.key: sources[item.sha256] for item in items if item.sha256 in sources},
                characters=characters,
                deleted=self._trash.entries(),
            )

    def add_checksum(self, item: Item) -> None:
        """Hash one file, once in its life; `collect` knows it then. Raises GivenUp; what cannot be read stays without."""

        def go_on(_read: int) -> None:
            if self._leaving.is_set():
                raise GivenUp

        state = _state(item)
        try:
            self._checksums[state] = file_sha256(item.path, go_on)
        except ModelError:
            self._checksums[state] = ""

    def is_hashed(self, item: Item) -> bool:
        """Whether there is nothing more to be found out."""
        return bool(item.sha256) or _state(item) in self._checksums

    def _item(self, found: Found) -> Item:
        try:
            status = found.path.stat()
            state = (f"{found.place}:{found.path}", status.st_size, status.st_mtime_ns)
        except OSError:
            return read_item(found)
        item = self._read.get(state)
        if item is None:
            item = self._read[state] = read_item(found)
        if not item.sha256 and (sha256 := self._checksums.get(_state(item), "") or known_sha256(found.path)):
            item = self._read[state] = replace(item, sha256=sha256)
        return item


def _state(item: Item) -> _State:
    return item.key, item.bytes, int(item.changed * 1000)


def _chosen(used: tuple[Use, ...]) -> list[str]:
    return list(dict.fromkeys(use.path for use in used))


def _without_copies(items: list[Item], made: Mapping[str, Made]) -> list[Item]:
    """A result stays in its job's folder when it is copied to where the person wants it: the copy stands for both."""
    in_jobs: dict[tuple[str, int], Item] = {}
    for item in items:
        if item.place == "job" and (fact := made.get(item.key)) is not None:
            in_jobs[fact.job, item.bytes] = item
    hidden: set[str] = set()
    found = []
    for item in items:
        fact = made.get(item.key)
        copy = in_jobs.get((fact.job, item.bytes)) if fact is not None and item.place != "job" else None
        if copy is not None and item.is_ours:
            hidden.add(copy.key)
            item = replace(item, copies=(copy.path,))  # noqa: PLW2901 (the item with what is known of it)
        found.append(item)
    return [item for item in found if item.key not in hidden]


def _by_item(items: list[Item], used: tuple[Use, ...]) -> dict[str, tuple[Use, ...]]:
    """Paths may be written in several ways: what leads to the same file counts."""
    places = {item.path.resolve(): item.key for item in items}
    found: dict[str, list[Use]] = {}
    for use in used:
        key = places.get(Path(use.path).resolve())
        if key is not None:
            found.setdefault(key, []).append(use)
    return {key: tuple(each) for key, each in found.items()}
