"""Forgetting a conversation: what was said in it, and what was learned from it, is nowhere in the data folder afterwards.

Gone are its messages on every branch, its note, its summaries, the memories that no other conversation and no word of the
person supports, and their places in the search indexes. SQLite leaves old text in unused parts of its file, so the file is
written anew, and the log beside it emptied. The automatic backups are rewritten without the conversation; one that cannot be
rewritten is deleted. So are damaged databases that were set aside: nobody can say what stands in them.

Copies come first and the conversation last: when the program is killed in between, it is still there to be forgotten again.
What the person has exported is the person's. It takes 0.9 s for 50,000 messages (64 MB), and as long for each backup.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from companion.core.errors import StoreError
from companion.core.storage import memory_search, search_index
from companion.core.storage.database import Database

_INDEXES = ("messages_search", "memories_search")


def forget(database: Database, conversation: int) -> None:
    """Raises StoreError when there is no such conversation, or a copy of it can be neither rewritten nor deleted."""
    rows = database.rows("SELECT created FROM conversations WHERE id = ?", (conversation,))
    if not rows:
        raise StoreError("This conversation no longer exists.")
    for copy in _copies(database.path):
        if not _forget_in_copy(copy, database.path, conversation, rows[0][0]):
            for ending in ("", "-wal", "-shm", "-journal"):
                _delete(copy.with_name(copy.name + ending))
    with database.transaction() as connection:
        _erase(connection, conversation)
    with database.reading() as connection:
        _rewrite(connection)


def _erase(connection: sqlite3.Connection, conversation: int) -> None:
    """Inside an open transaction; foreign keys take messages and summaries along, triggers the search."""
    if _has_table(connection, "memory_sources"):
        learned = connection.execute("SELECT DISTINCT memory FROM memory_sources WHERE conversation = ?", (conversation,))
        memories = [int(row[0]) for row in learned]
        connection.execute("DELETE FROM memory_sources WHERE conversation = ?", (conversation,))
        for memory in memories:
            _keep_what_others_support(connection, memory)
    connection.execute("DELETE FROM conversations WHERE id = ?", (conversation,))


def _keep_what_others_support(connection: sqlite3.Connection, memory: int) -> None:
    """Words that came from the forgotten conversation go, also when the person has changed them since."""
    rows = connection.execute(
        "SELECT text FROM memory_sources WHERE memory = ? ORDER BY length(text) DESC, id DESC", (memory,)
    ).fetchall()
    if not rows:
        connection.execute("DELETE FROM memories WHERE id = ?", (memory,))
        return
    changed = connection.execute(
        "UPDATE memories SET text = ?1 WHERE id = ?2 AND text NOT IN (SELECT text FROM memory_sources WHERE memory = ?2)",
        (rows[0][0], memory),
    )
    if changed.rowcount:
        connection.execute("DELETE FROM memory_vectors WHERE memory = ?", (memory,))


def _rewrite(connection: sqlite3.Connection) -> None:
    """Nothing of what was deleted before is left in the file after this, nor in its log."""
    for index in _INDEXES:
        if _has_table(connection, index):  # deleted rows leave marks in it until its parts are joined
            connection.execute(f"INSERT INTO {index} ({index}) VALUES ('optimize')")  # noqa: S608
    connection.execute("VACUUM")
    if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        raise StoreError(
            "The conversation is forgotten, but another program still reads the file it was in.",
            "Close that program, then start Companion again.",
        )


def _copies(path: Path) -> Iterator[Path]:
    """Everything beside the database that may hold what was said."""
    with contextlib.suppress(OSError):
        yield from sorted(path.parent.glob(f"{path.stem} damaged *"))
        yield from sorted((path.parent / "backups").glob(f"{path.stem} *"))


def _forget_in_copy(copy: Path, path: Path, conversation: int, created: float) -> bool:
    """Whether the copy is a sound backup that now knows nothing of it. Ids can have been given anew after a damage."""
    if copy.parent == path.parent or copy.suffix != path.suffix:
        return False
    try:
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            _prepare(connection)
            known = connection.execute("SELECT created FROM conversations WHERE id = ?", (conversation,)).fetchone()
            if known is not None and known[0] == created:
                connection.execute("BEGIN IMMEDIATE")
                _erase(connection, conversation)
                connection.execute("COMMIT")
                _rewrite(connection)
    except (sqlite3.Error, UnicodeDecodeError, StoreError):
        return False
    return True


def _prepare(connection: sqlite3.Connection) -> None:
    search_index.connect_search(connection)
    memory_search.connect_memories(connection)
    for pragma in ("trusted_schema = ON", "foreign_keys = ON", "secure_delete = ON", "journal_mode = DELETE"):
        connection.execute(f"PRAGMA {pragma}")


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is not None


def _delete(copy: Path) -> None:
    try:
        copy.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"The copy “{copy.name}” may hold what was said and cannot be deleted ({error.strerror}); nothing was forgotten.",
            f"Delete it yourself in “{copy.parent}” and try again.",
        ) from error
