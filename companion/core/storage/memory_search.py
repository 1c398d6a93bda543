"""Finding the memories that matter to what is being said.

Words: an FTS5 table holds the terms of every memory (`memory_words.terms`), ranked by BM25. Its order, that of the vectors
(`memory_vectors`) and that of time are joined by reciprocal rank fusion (Cormack et al. 2009).
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain

from companion.core.storage.memory_words import RELATED, VAGUE, index_text
from companion.core.storage.search_index import begin_anew

TABLE = """
CREATE VIRTUAL TABLE memories_search USING fts5(terms, tokenize = "unicode61 remove_diacritics 0 categories 'L* N* Co M*'");
"""

TRIGGERS = """
CREATE TRIGGER memories_search_insert AFTER INSERT ON memories BEGIN
    INSERT INTO memories_search (rowid, terms) VALUES (new.id, memory_terms(new.text));
END;
CREATE TRIGGER memories_search_update AFTER UPDATE OF text ON memories WHEN old.text IS NOT new.text BEGIN
    DELETE FROM memories_search WHERE rowid = old.id;
    INSERT INTO memories_search (rowid, terms) VALUES (new.id, memory_terms(new.text));
END;
CREATE TRIGGER memories_search_delete AFTER DELETE ON memories BEGIN
    DELETE FROM memories_search WHERE rowid = old.id;
END;
"""

Places = dict[int, int]
"""The place of each memory that was found, from 1."""

_MATCHING = (
    "FROM memories_search s CROSS JOIN memories m ON m.id = s.rowid"
    " WHERE memories_search MATCH ? AND m.character = ? AND (m.deleted NOT NULL) = ?"
)
_BEST = f"SELECT m.id, bm25(memories_search) {_MATCHING} ORDER BY 2, m.id DESC LIMIT ?"
_NEWEST = f"SELECT m.id, 0.0 {_MATCHING} ORDER BY s.rowid DESC LIMIT ?"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM memories_search WHERE memories_search MATCH ? LIMIT ?)"
_MAX_TERMS = 32
_PREFIX = 4
"""Words of this length and more also match by their beginning: endings of other languages than English."""
_COMMON = 500
"""A word that stands in more memories than this tells nothing, and ranking them all takes 9 ms per 10,000."""
_MOST_RANKED = 1500
"""Memories ranked for one list: the rare words of a long message say what it is about."""
_SHARPNESS = 10
"""The constant of the fusion; the 60 of the paper suits lists of a thousand, where the first place matters less."""


def connect_memories(connection: sqlite3.Connection) -> None:
    """Give the connection what the triggers call; without it the tables can be read but not written."""
    connection.create_function("memory_terms", 1, index_text, deterministic=True)


def rebuild(connection: sqlite3.Connection) -> None:
    """Make the index anew from the memories, inside the transaction that is open."""
    begin_anew(connection, "memories_search", TABLE)
    connection.execute("INSERT INTO memories_search (rowid, terms) SELECT id, memory_terms(text) FROM memories")


def by_words(
    connection: sqlite3.Connection, character: str, parts: Sequence[str], limit: int, *, deleted: bool = False
) -> Places:
    """Memories that hold any of these parts (`exact_parts`, `loose_parts`), the best match first."""
    if not parts:
        return {}
    telling = _telling(connection, parts)
    query = _BEST if telling else _NEWEST
    return places(connection.execute(query, (" OR ".join(telling or parts), character, deleted, limit)))


def _telling(connection: sqlite3.Connection, parts: Sequence[str]) -> list[str]:
    """The rarest parts, as many as are ranked within a millisecond or two; none when all of them are common."""
    counts = {part: int(connection.execute(_COUNT, (part, _COMMON + 1)).fetchone()[0]) for part in parts}
    chosen: list[str] = []
    ranked = 0
    for part in sorted(counts, key=counts.__getitem__):
        ranked += counts[part]
        if counts[part] > _COMMON or (chosen and ranked > _MOST_RANKED):
            break
        chosen.append(part)
    return chosen


def exact_parts(words: Sequence[str]) -> list[str]:
    """What to ask the index for, from terms as `query_terms` gives them: each as a quoted string, so that nothing in it has a
    special meaning."""
    return [_quoted(word) for word in _chosen(words) if word not in VAGUE]


def loose_parts(words: Sequence[str]) -> list[str]:
    """Beginnings of the words, and other words for the same."""
    chosen = _chosen(words)
    related = dict.fromkeys(other for word in chosen for other in RELATED.get(word, ()))
    parts = [_quoted(word) for word in chain(VAGUE.intersection(chosen), related)]
    return parts + [_quoted(word[: max(_PREFIX, len(word) - 1)]) + "*" for word in chosen if len(word) >= _PREFIX]


def _chosen(words: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(words))[-_MAX_TERMS:]


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


def places(scored: Iterable[tuple[int, float]]) -> Places:
    """The place of each memory in a list that is in order; equal scores share a place."""
    found: Places = {}
    place, last = 0, None
    for count, (number, score) in enumerate(scored, 1):
        place, last = (place, last) if score == last else (count, score)
        found[int(number)] = place
    return found


def fuse(lists: Iterable[tuple[float, Places]]) -> list[int]:
    """One order from several, each with its weight: the sum of weight / (constant + place)."""
    scores: defaultdict[int, float] = defaultdict(float)
    for weight, found in lists:
        for number, place in found.items():
            scores[number] += weight / (_SHARPNESS + place)
    return sorted(scores, key=lambda number: (-scores[number], -number))
