"""Saving what can still be read from a damaged database of conversations."""

from __future__ import annotations

import contextlib
import sqlite3
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from companion.core.storage.message_tree import leaf_below, set_active

_UNKNOWN_SIZE = 100_000
"""How many ids past the last readable row are tried when the file no longer says how many there were."""

_PLACEHOLDER = "Recovered conversation"


def salvage(damaged: Path, connection: sqlite3.Connection) -> int:
    """Copy everything readable into the fresh database; returns how many conversations came back.

    The damaged file is only read. A message whose parent is lost follows the newest surviving message before it; one
    whose conversation is lost begins a new one; a memory outlives its conversation; what the person had deleted stays
    behind, and vectors, which can be made again. Raises nothing: what cannot be saved is still in the file that was set
    aside.
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{damaged.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as old:
            old.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
            old.execute("PRAGMA writable_schema = ON")  # otherwise SQLite refuses a truncated file as a whole
            connection.execute("BEGIN IMMEDIATE")
            recovered = _copy(old, connection)
            connection.execute("COMMIT")
            return recovered
    except (sqlite3.Error, UnicodeDecodeError):  # the latter when SQLite's message quotes the damage
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return 0


def _copy(old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    _copy_kept(old, new, "personas")
    active: dict[int, Any] = {}
    deleted: set[int] = set()
    for row in _readable_rows(old, new, "conversations"):
        if row["deleted"] is not None:
            deleted.add(row["id"])
        elif _insert(new, "conversations", row | {"active": None}):
            active[row["id"]] = row["active"]
    saved: dict[int, list[int]] = {}
    for row in _readable_rows(old, new, "messages"):
        conversation = row["conversation"]
        if row["deleted"] is not None or conversation is None or conversation in deleted:
            continue
        if conversation not in active:
            if not _insert(new, "conversations", _placeholder(row)):
                continue
            active[conversation] = None
        earlier = saved.setdefault(conversation, [])
        if row["parent"] is not None:
            before = bisect_right(earlier, row["parent"])
            row["parent"] = earlier[before - 1] if before else None
        if _insert(new, "messages", row):
            earlier.append(row["id"])
    for conversation, message in active.items():
        survives = message in saved.get(conversation, ())
        set_active(new, conversation, leaf_below(new, conversation, message if survives else None))
    emptied = [number for number, message in active.items() if message is not None and not saved.get(number)]
    new.executemany("DELETE FROM conversations WHERE id = ?", [(number,) for number in emptied])
    _copy_kept(old, new, "memories")
    _copy_from_conversations(old, new)
    return len(active) - len(emptied)


def _copy_kept(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    for row in _readable_rows(old, new, table):
        if row["deleted"] is None:
            _insert(new, table, row)


def _copy_from_conversations(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    conversations, messages = (
        {row[0] for row in new.execute(f"SELECT id FROM {table}")}  # noqa: S608
        for table in ("conversations", "messages")
    )
    for row in _readable_rows(old, new, "memory_sources"):
        row["conversation"] = row["conversation"] if row["conversation"] in conversations else None
        row["message"] = row["message"] if row["message"] in messages else None
        _insert(new, "memory_sources", row)
    for row in _readable_rows(old, new, "summaries"):
        _insert(new, "summaries", row)


def _placeholder(message: dict[str, Any]) -> dict[str, Any]:
    """A conversation for messages that have lost theirs."""
    created = message["created"] or 0.0
    names = {"title": _PLACEHOLDER, "titled_by_person": 1, "character": "", "character_name": ""}
    return {"id": message["conversation"], **names, "created": created, "updated": created}


def _insert(new: sqlite3.Connection, table: str, row: dict[str, Any]) -> bool:
    """False when damage has made the row impossible."""
    try:
        new.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))  # noqa: S608
    except sqlite3.IntegrityError:
        return False
    return True


def _readable_rows(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """Rows by ascending id: read in one go up to the first bad page, one by one behind it."""
    known, present = _columns(new, table), _columns(old, table)
    names = [name for name in known if name in present]
    if "id" not in names:
        return
    missing = dict.fromkeys({"deleted", "active", "parent", "conversation", "created"} & (set(known) - set(present)))
    query = f"SELECT {', '.join(names)} FROM {table} NOT INDEXED"  # noqa: S608
    last = 0
    try:
        for row in old.execute(f"{query} ORDER BY id"):
            last = row[0]
            yield dict(zip(names, row, strict=True)) | missing
        return
    except sqlite3.DatabaseError:
        pass
    for number in range(last + 1, _last_id(old, table, last) + 1):
        with contextlib.suppress(sqlite3.DatabaseError):
            for row in old.execute(f"{query} WHERE id = ?", (number,)):
                yield dict(zip(names, row, strict=True)) | missing


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _last_id(old: sqlite3.Connection, table: str, last_readable: int) -> int:
    with contextlib.suppress(sqlite3.DatabaseError):
        for (number,) in old.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)):
            return min(int(number), last_readable + 10 * _UNKNOWN_SIZE)
    return last_readable + _UNKNOWN_SIZE
