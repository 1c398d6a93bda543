"""The tree of messages in the database: which path is active, and how it moves. Every function needs an open transaction.

What holds after each of them: the active message of a conversation is a leaf that is not deleted (None when nothing is
left), and whatever hangs below a deleted message is deleted too.
"""

from __future__ import annotations

import sqlite3
import time

ACTIVE_PATH = (
    "WITH RECURSIVE up (id, parent) AS (SELECT m.id, m.parent FROM conversations c JOIN messages m ON m.id = c.active"
    " WHERE c.id = ? UNION ALL SELECT m.id, m.parent FROM up JOIN messages m ON m.id = up.parent)"
)
"""How a query begins that reads the active path of a conversation, its first parameter, as the table `up`."""


def leaf_below(connection: sqlite3.Connection, conversation: int, start: int | None) -> int | None:
    """The leaf below `start` (or in the whole conversation) that was active most recently, else the newest."""
    below = (
        "SELECT ?"
        if start is not None
        else "SELECT id FROM messages WHERE conversation = ? AND parent IS NULL AND deleted IS NULL"
    )
    row = connection.execute(
        f"WITH RECURSIVE below (id) AS ({below} UNION ALL"  # noqa: S608
        " SELECT m.id FROM below JOIN messages m ON m.parent = below.id WHERE m.deleted IS NULL)"
        " SELECT m.id FROM below JOIN messages m ON m.id = below.id"
        " WHERE NOT EXISTS (SELECT 1 FROM messages c WHERE c.parent = m.id AND c.deleted IS NULL)"
        " ORDER BY m.visited DESC, m.id DESC LIMIT 1",
        (start if start is not None else conversation,),
    ).fetchone()
    return int(row[0]) if row else None


def set_active(connection: sqlite3.Connection, conversation: int, leaf: int | None) -> None:
    connection.execute("UPDATE conversations SET active = ?, visits = visits + 1 WHERE id = ?", (leaf, conversation))
    connection.execute(
        "UPDATE messages SET visited = (SELECT visits FROM conversations WHERE id = ?) WHERE id = ?", (conversation, leaf)
    )


def siblings(connection: sqlite3.Connection, conversation: int, parent: int | None) -> list[int]:
    """The alternates below one message, oldest first."""
    rows = connection.execute(
        "SELECT id FROM messages WHERE conversation = ? AND parent IS ? AND deleted IS NULL ORDER BY id", (conversation, parent)
    )
    return [int(row[0]) for row in rows]


def show(connection: sqlite3.Connection, conversation: int, message: int) -> None:
    """Lead the active path through `message`; where it already does, it stays the same."""
    set_active(connection, conversation, leaf_below(connection, conversation, message))


def delete_branch(connection: sqlite3.Connection, conversation: int, message: int) -> None:
    """Mark a message and everything below it as deleted; the active path leaves for the alternate before it, else the
    one after it, else its parent."""
    parent = connection.execute("SELECT parent FROM messages WHERE id = ?", (message,)).fetchone()[0]
    alternates = siblings(connection, conversation, parent)
    active = _active(connection, conversation)
    was_shown = active is not None and _runs_through(connection, active, message)
    connection.execute(
        "WITH RECURSIVE below (id) AS (SELECT ? UNION ALL"
        " SELECT m.id FROM below JOIN messages m ON m.parent = below.id WHERE m.deleted IS NULL)"
        " UPDATE messages SET deleted = ?, deleted_with = ? WHERE id IN below",
        (message, time.time(), message),
    )
    if not was_shown:
        return
    connection.execute("UPDATE messages SET active_before = ? WHERE id = ?", (active, message))
    at = alternates.index(message)
    remaining = alternates[at - 1 : at] or alternates[at + 1 : at + 2]
    start = remaining[0] if remaining else parent
    set_active(connection, conversation, None if start is None else leaf_below(connection, conversation, start))


def restore_branch(connection: sqlite3.Connection, conversation: int, message: int) -> None:
    """Undo `delete_branch`. What went with a deleted ancestor comes back with that ancestor; while an ancestor is still
    deleted, the branch waits for it."""
    origin = connection.execute("SELECT deleted_with FROM messages WHERE id = ?", (message,)).fetchone()[0]
    active_before, above, deleted_above = connection.execute(
        "SELECT m.active_before, p.deleted_with, p.deleted FROM messages m LEFT JOIN messages p ON p.id = m.parent"
        " WHERE m.id = ?",
        (origin,),
    ).fetchone()
    connection.execute(
        "UPDATE messages SET deleted = ?, deleted_with = ?, active_before = NULL WHERE deleted_with = ? AND deleted IS NOT NULL",
        (deleted_above, above, origin),
    )
    if above is not None:
        return
    active = _active(connection, conversation)
    start = active if active_before is None else active_before
    leaf = leaf_below(connection, conversation, start)
    if leaf != active:
        set_active(connection, conversation, leaf)


def _active(connection: sqlite3.Connection, conversation: int) -> int | None:
    row = connection.execute("SELECT active FROM conversations WHERE id = ?", (conversation,)).fetchone()
    return int(row[0]) if row and row[0] is not None else None


def _runs_through(connection: sqlite3.Connection, leaf: int, message: int) -> bool:
    """Whether `message` is `leaf` or above it. Parents have smaller ids, so the climb ends early."""
    row = connection.execute(
        "WITH RECURSIVE up (id) AS (SELECT ?1 UNION ALL"
        " SELECT m.parent FROM up JOIN messages m ON m.id = up.id WHERE m.parent >= ?2)"
        " SELECT 1 FROM up WHERE id = ?2 LIMIT 1",
        (leaf, message),
    ).fetchone()
    return row is not None
