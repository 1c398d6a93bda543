"""What the characters remember, in the database of the conversations. The person owns every memory.

A memory keeps the words as they were learned in each conversation (its sources). Deleting a conversation leaves what was
learned in it; forgetting one (`Store.forget_conversation`) takes every memory along that nothing else supports, and gives
one that was also learned elsewhere the words of that other place back.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from companion.core.conversation import plain_text
from companion.core.errors import StoreError
from companion.core.memory import Memory, Summary, Writer
from companion.core.storage.database import Database
from companion.core.storage.memory_likeness import Likeness, compare
from companion.core.storage.memory_search import Places, by_words, exact_parts, fuse, loose_parts, places
from companion.core.storage.memory_vectors import Signs, by_vector, packed, read_signs, signs_of, unit
from companion.core.storage.memory_words import query_terms, terms
from companion.core.storage.message_tree import ACTIVE_PATH
from companion.core.storage.search_index import fold, query_words

MAX_CHARACTERS = 1000
"""The longest memory: a fact is a sentence."""

_MEMORIES = (
    "SELECT m.id, m.character, m.text, c.id, g.id, m.pinned, m.writer, m.created, m.used FROM memories m"
    " LEFT JOIN memory_sources s ON s.id = coalesce("
    "(SELECT min(f.id) FROM memory_sources f WHERE f.memory = m.id AND f.conversation NOT NULL AND f.text = m.text),"
    " (SELECT min(f.id) FROM memory_sources f WHERE f.memory = m.id AND f.conversation NOT NULL))"
    " LEFT JOIN conversations c ON c.id = s.conversation AND c.deleted IS NULL"
    " LEFT JOIN messages g ON g.id = s.message AND g.deleted IS NULL AND c.id NOT NULL WHERE m.deleted IS NULL"
)
_SUMMARY = (
    f"{ACTIVE_PATH}"  # noqa: S608
    " SELECT s.conversation, s.message, s.text, s.created FROM up JOIN summaries s ON s.message = up.id"
    " ORDER BY s.message DESC, s.id DESC LIMIT 1"
)
_CANDIDATES = 50
_IMPORTANT = 5
"""How many are told when nothing in what is said points to any."""


Outcome = Literal["added", "updated", "known", "refused"]


class Learned(NamedTuple):
    """`updated`: a less specific memory took the new words; `known`: it was there, or a more specific one; `refused`: the
    person deleted it a short while ago, and the model has no say against that."""

    memory: Memory
    outcome: Outcome


class MemoryStore:
    """Part of the Store, which opens the database; raises StoreError as the Store does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._signs: dict[tuple[str, str], Signs] = {}
        """By character and model; kept in step, since reading 10,000 takes longer than finding one."""

    def refresh(self) -> None:
        """Something else has changed the memories in the database."""
        self._signs.clear()

    def _without_signs(self, memory: int) -> None:
        for signs in self._signs.values():
            signs.pop(memory, None)

    # Reading

    def all(self, character: str) -> tuple[Memory, ...]:
        """Pinned first, then the newest."""
        return self._where("m.character = ? ORDER BY m.pinned DESC, m.created DESC, m.id DESC", (character,))

    def memory(self, memory: int) -> Memory | None:
        """None when it is deleted or never was."""
        found = self._where("m.id = ?", (memory,))
        return found[0] if found else None

    def count(self, character: str) -> int:
        rows = self._database.rows("SELECT count(*) FROM memories WHERE character = ? AND deleted IS NULL", (character,))
        return int(rows[0][0])

    def search(self, character: str, text: str, limit: int = 200) -> tuple[Memory, ...]:
        """For the person who looks for one: those that hold every word of `text`, any part of a word, newest first."""
        asked = query_words(text)
        if not asked:
            return ()
        rows = self._database.rows(
            "SELECT id, text FROM memories WHERE character = ? AND deleted IS NULL ORDER BY created DESC, id DESC", (character,)
        )
        found = [number for number, said in rows if all(word in folded for folded in [fold(said)] for word in asked)]
        return self._in_order(found[: max(0, limit)])

    def retrieve(
        self,
        character: str,
        texts: Sequence[str],
        limit: int = 12,
        *,
        ignored: Sequence[str] = (),
        vector: Sequence[float] = (),
        vector_model: str = "",
    ) -> tuple[Memory, ...]:
        """What matters to the newest messages (oldest first, the last one counts most), the most important first.

        Pinned memories come first, then those that share words with what was said or lie near `vector`, newer ones before
        older ones that match as well. When the last message points to none, as "Do you remember me?" does, a few follow that
        the person wrote, and the newest. `ignored` are names that stand in every fact.
        """
        with self._database.reading() as connection:
            pinned = _numbers(connection, "pinned ORDER BY id", character, limit)
            newest = query_terms(texts[-1:], ignored)
            earlier = [word for word in query_terms(texts[:-1], ignored) if word not in newest]
            lists = [
                (weight, by_words(connection, character, parts, _CANDIDATES))
                for weight, parts in (
                    (1.0, exact_parts(newest)),
                    (0.5, loose_parts(newest)),
                    (0.5, exact_parts(earlier)),
                    (0.25, loose_parts(earlier)),
                )
            ]
            found = bool(lists[0][1] or lists[1][1])
            if vector:
                signs = self._known_signs(connection, character, vector_model)
                lists.append((1.0, places(by_vector(connection, signs, vector_model, vector))))
                found = found or bool(lists[-1][1])
            lists.append((0.1, _newest_first(connection, {number for _, numbers in lists for number in numbers})))
            chosen = [*pinned, *fuse(lists)]
            if not found:
                chosen += _numbers(connection, "1 ORDER BY writer = 'person' DESC, created DESC, id DESC", character, _IMPORTANT)
        return self._in_order(list(dict.fromkeys(chosen))[: max(0, limit)])

    # What the person and the model do

    def add(
        self,
        character: str,
        text: str,
        *,
        writer: Writer = "person",
        conversation: int | None = None,
        message: int | None = None,
        pinned: bool = False,
    ) -> Learned:
        """Take in a fact, unless it is known (`memory_likeness` says when two are the same).

        A known one that says less takes the new words, but the model never changes words of the person: then both stay.
        Raises StoreError when the conversation is deleted or forgotten: nothing is learned from it any more.
        """
        text = _fact(text)
        with self._database.transaction() as connection:
            _check_there(connection, conversation)
            deleted = _alike(connection, character, text, deleted=True) if writer == "model" else []
            refused = next((number for number, likeness, _ in deleted if likeness != "more"), None)
            if refused is not None:
                return Learned(Memory(id=refused, character=character, text=text), "refused")
            number, outcome = _place(connection, character, text, writer)
            if pinned:
                connection.execute("UPDATE memories SET pinned = 1 WHERE id = ?", (number,))
            _support(connection, number, text, conversation, message)
            if outcome != "added":
                self._without_signs(number)
        return Learned(self._existing(number), outcome)

    def edit(self, memory: int, text: str) -> Memory:
        """The words are the person's from now on; where it was learned stays known, and forgetting that still removes it."""
        text = _fact(text)
        with self._database.transaction() as connection:
            if _reword(connection, memory, text, "person"):
                connection.execute("UPDATE memory_sources SET text = ? WHERE memory = ? AND conversation IS NULL", (text, memory))
            self._without_signs(memory)
        return self._existing(memory)

    def pin(self, memory: int, pinned: bool) -> None:
        self._database.change("UPDATE memories SET pinned = ? WHERE id = ?", (pinned, memory))

    def delete(self, memory: int) -> None:
        """Can be undone until `Store.purge_deleted` makes it final."""
        self._database.change("UPDATE memories SET deleted = ? WHERE id = ? AND deleted IS NULL", (time.time(), memory))
        self._without_signs(memory)

    def restore(self, memory: int) -> None:
        self._database.change("UPDATE memories SET deleted = NULL WHERE id = ?", (memory,))
        self.refresh()

    def mark_used(self, memories: Iterable[int], now: float | None = None) -> None:
        """These were told to the model."""
        moment = time.time() if now is None else now
        with self._database.transaction() as connection:
            connection.executemany("UPDATE memories SET used = ? WHERE id = ?", [(moment, number) for number in memories])

    # Vectors

    def without_vector(self, character: str, model: str, limit: int = 32) -> tuple[Memory, ...]:
        """The newest memories that have no vector of this embedding model."""
        return self._where(
            "m.character = ? AND NOT EXISTS (SELECT 1 FROM memory_vectors v WHERE v.memory = m.id AND v.model = ?)"
            " ORDER BY m.id DESC LIMIT ?",
            (character, model, limit),
        )

    def set_vector(self, memory: int, model: str, vector: Sequence[float]) -> None:
        """Of any length; one without a direction is kept as done, and is near nothing."""
        found = unit(vector)
        blobs = (b"", b"") if found is None else (signs_of(found), packed(found))
        self._database.change(
            "INSERT OR REPLACE INTO memory_vectors (memory, model, signs, vector) SELECT id, ?, ?, ? FROM memories WHERE id = ?",
            (model, *blobs, memory),
        )
        self._without_signs(memory)
        rows = self._database.rows("SELECT character FROM memories WHERE id = ? AND deleted IS NULL", (memory,))
        if rows and (known := self._signs.get((rows[0][0], model))) is not None:
            known[memory] = int.from_bytes(blobs[0], "little")

    def _known_signs(self, connection: sqlite3.Connection, character: str, model: str) -> Signs:
        if (character, model) not in self._signs:
            self._signs[character, model] = read_signs(connection, character, model)
        return self._signs[character, model]

    # What was taken from a conversation

    def learned(self, conversation: int) -> int:
        """The last message that the model has been asked for facts about; 0 for none."""
        rows = self._database.rows("SELECT learned FROM conversations WHERE id = ?", (conversation,))
        return int(rows[0][0]) if rows else 0

    def set_learned(self, conversation: int, message: int) -> None:
        self._database.change("UPDATE conversations SET learned = ? WHERE id = ?", (message, conversation))

    def summary(self, conversation: int) -> Summary | None:
        """The one that reaches furthest along the active path."""
        rows = self._database.rows(_SUMMARY, (conversation,))
        return Summary(conversation=rows[0][0], message=rows[0][1], text=rows[0][2], created=rows[0][3]) if rows else None

    def add_summary(self, conversation: int, message: int, text: str) -> Summary:
        """In place of an earlier one up to the same message."""
        made = Summary(conversation=conversation, message=message, text=plain_text(text).strip(), created=time.time())
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM summaries WHERE message = ?", (message,))
            added = connection.execute(
                "INSERT INTO summaries (conversation, message, text, created) SELECT conversation, id, ?, ? FROM messages"
                " WHERE id = ? AND conversation = ?",
                (made.text, made.created, message, conversation),
            )
            if not added.rowcount:
                raise StoreError("The message that was summed up no longer exists.")
        return made

    # Rows

    def _where(self, condition: str, values: Sequence[Any]) -> tuple[Memory, ...]:
        return tuple(map(_memory, self._database.rows(f"{_MEMORIES} AND {condition}", values)))

    def _in_order(self, numbers: Sequence[int]) -> tuple[Memory, ...]:
        marks = ", ".join("?" * len(numbers))
        found = {memory.id: memory for memory in self._where(f"m.id IN ({marks})", numbers)}
        return tuple(found[number] for number in numbers if number in found)

    def _existing(self, memory: int) -> Memory:
        found = self.memory(memory)
        if found is None:
            raise StoreError("This memory no longer exists.")
        return found


def _fact(text: str) -> str:
    fact = " ".join(plain_text(text).split())
    if not fact:
        raise StoreError("A memory needs some words.")
    if len(fact) > MAX_CHARACTERS:
        raise StoreError(f"A memory has room for {MAX_CHARACTERS:,} characters.", "Make several memories of it, one fact each.")
    return fact


def _check_there(connection: sqlite3.Connection, conversation: int | None) -> None:
    row = connection.execute("SELECT 1 FROM conversations WHERE id = ? AND deleted IS NULL", (conversation,)).fetchone()
    if conversation is not None and row is None:
        raise StoreError("This conversation no longer exists.")


def _place(connection: sqlite3.Connection, character: str, text: str, writer: Writer) -> tuple[int, Outcome]:
    """Find the memory that says the same, or less, and let it say this; else make a new one."""
    for number, likeness, author in _alike(connection, character, text):
        if likeness == "more" and author == "person" and writer == "model":
            continue
        if likeness == "more" or (likeness == "same" and writer == "person"):
            _reword(connection, number, text, writer)
        return number, "updated" if likeness == "more" else "known"
    added = connection.execute(
        "INSERT INTO memories (character, text, writer, created) VALUES (?, ?, ?, ?)", (character, text, writer, time.time())
    )
    return int(added.lastrowid or 0), "added"


def _alike(
    connection: sqlite3.Connection, character: str, text: str, *, deleted: bool = False
) -> list[tuple[int, Likeness, Writer]]:
    """Memories that say the same, more or less, the same ones first; who wrote their words."""
    exact = connection.execute(
        "SELECT id FROM memories WHERE character = ? AND text = ? AND (deleted NOT NULL) = ?", (character, text, deleted)
    ).fetchall()
    parts = [*exact_parts(found := terms(text)), *loose_parts(found)]
    near = by_words(connection, character, parts, _CANDIDATES, deleted=deleted)
    alike: list[tuple[int, Likeness, Writer]] = []
    for number in dict.fromkeys([*(row[0] for row in exact), *near]):
        known, author = connection.execute("SELECT text, writer FROM memories WHERE id = ?", (number,)).fetchone()
        likeness = compare(known, text)
        if likeness is not None:
            alike.append((number, likeness, author))
    return sorted(alike, key=lambda entry: ("same", "less", "more").index(entry[1]))


def _reword(connection: sqlite3.Connection, memory: int, text: str, writer: Writer) -> bool:
    """New words for a memory; a vector was that of the old ones."""
    connection.execute("DELETE FROM memory_vectors WHERE memory = ?", (memory,))
    done = connection.execute("UPDATE memories SET text = ?, writer = ? WHERE id = ? AND deleted IS NULL", (text, writer, memory))
    return done.rowcount == 1


def _support(connection: sqlite3.Connection, memory: int, text: str, conversation: int | None, message: int | None) -> None:
    """One source per conversation, in the words that say most."""
    rows = connection.execute(
        "SELECT id, text FROM memory_sources WHERE memory = ? AND conversation IS ?", (memory, conversation)
    ).fetchall()
    for source, known in rows:
        if compare(known, text) in ("same", "less"):
            return
        connection.execute("DELETE FROM memory_sources WHERE id = ?", (source,))
    connection.execute(
        "INSERT INTO memory_sources (memory, conversation, message, text) VALUES (?,"
        " (SELECT id FROM conversations WHERE id = ?), (SELECT id FROM messages WHERE id = ?), ?)",
        (memory, conversation, message, text),
    )


def _numbers(connection: sqlite3.Connection, condition: str, character: str, limit: int) -> list[int]:
    rows = connection.execute(
        f"SELECT id FROM memories WHERE character = ? AND deleted IS NULL AND {condition} LIMIT ?",  # noqa: S608
        (character, max(0, limit)),
    )
    return [int(row[0]) for row in rows]


def _newest_first(connection: sqlite3.Connection, memories: set[int]) -> Places:
    """By when they were learned or last told."""
    marks = ", ".join("?" * len(memories))
    rows = connection.execute(
        f"SELECT id, max(created, used) AS moment FROM memories WHERE id IN ({marks}) ORDER BY moment DESC",  # noqa: S608
        tuple(memories),
    )
    return places(rows)


def _memory(row: Sequence[Any]) -> Memory:
    number, character, text, conversation, message, pinned, writer, created, used = row
    return Memory(
        id=number,
        character=character,
        text=text,
        conversation=conversation,
        message=message,
        pinned=bool(pinned),
        writer=writer,
        created=created,
        used=used,
    )
