"""The SQLite file of the conversations: opened, checked, and every failure of SQLite turned into a StoreError.

A damaged file is set aside and a fresh one begins with what could be saved. WAL with synchronous=NORMAL: a killed program
loses nothing that was committed, a power cut at most the last moments, and neither can damage the file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from companion.core.errors import StoreError
from companion.core.files import set_aside
from companion.core.paths import HOME_VARIABLE, PRIVATE_FILE
from companion.core.storage import memory_search, search_index
from companion.core.storage.migrations import migrate, refuse_newer, version_of
from companion.core.storage.salvage import salvage

_BUSY_SECONDS = 2.0
"""How long the window may stand still when another program holds the file."""

LONGEST_PATH = 500
"""Bytes: SQLite for Unix is built with room for 512, and adds an ending to the name."""

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class _DamagedError(Exception):
    """The file opens but cannot be trusted. (Python raises UnicodeDecodeError when SQLite's message about a damaged
    schema quotes the damage.)"""


class Database:
    """One connection, used from the thread that opened it. Raises StoreError, and only that, when the file fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notice = ""
        """A full sentence when a damaged file was set aside, else empty."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # SQLite would let everybody read it
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE_FILE))
            try:
                self._connection = _open(path)
            except (_DamagedError, UnicodeDecodeError, sqlite3.DatabaseError) as error:
                if isinstance(error, sqlite3.DatabaseError) and not _means_damage(error):
                    raise
                self._connection, self.notice = _start_afresh(path)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise _store_error(error, path) from error
        except OSError as error:
            raise StoreError(f"The conversations cannot be opened ({error.strerror}).", f"Check “{path}”.") from error

    def close(self) -> None:
        with self._translated():
            self._connection.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.reading() as connection:
            return connection.execute(sql, parameters).fetchall()

    def change(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """One statement in a transaction of its own; returns how many rows it changed."""
        with self.transaction() as connection:
            return connection.execute(sql, parameters).rowcount

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._translated():
            yield self._connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is written, or nothing."""
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself rolls back when the disk is full
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise  # a mistake of ours, not of the disk
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if _code(error) == sqlite3.SQLITE_CORRUPT:
                self._mend_search()
            raise _store_error(error, self.path) from error

    def _mend_search(self) -> None:
        """The check at the start does not look into the search index; if that is what broke, the next attempt works."""
        with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
            _rebuild_search(self._connection)


def _open(path: Path) -> sqlite3.Connection:
    _check_header(path)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # Bad bytes inside a text must not make the whole list unreadable.
    connection.text_factory = _decode
    version = version_of(connection)
    refuse_newer(version)
    objects = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if version < 0 or (version == 0 and objects):
        raise _DamagedError
    if objects and connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise _DamagedError
    search_index.connect_search(connection)
    memory_search.connect_memories(connection)
    connection.execute("PRAGMA trusted_schema = ON")  # some builds of SQLite forbid our functions in triggers otherwise
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
    migrate(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 16777216")
    if not _can_be_written(connection):
        _rebuild_search(connection)
        if not _can_be_written(connection):
            raise _DamagedError


def _can_be_written(connection: sqlite3.Connection) -> bool:
    """Write a message and a memory and take them back: damage in a trigger or in a search index shows here, and not in
    quick_check."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _TRIAL:
                connection.execute(statement)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    except (sqlite3.IntegrityError, UnicodeDecodeError):
        return False
    except sqlite3.DatabaseError as error:
        return not _means_damage(error)  # a full or write-protected disk says nothing about the file
    return True


_TRIAL = (
    "INSERT INTO conversations (id, title, character, character_name, created, updated) VALUES (-1, '', '', '', 0, 0)",
    "INSERT INTO messages (id, conversation, role, text, created, status) VALUES (-1, -1, 'user', 'once', 0, 'complete')",
    "UPDATE messages SET text = 'twice', visited = 1, deleted = 0, deleted_with = -1, active_before = -1 WHERE id = -1",
    "UPDATE conversations SET active = -1, visits = visits + 1, deleted = 0 WHERE id = -1",
    "DELETE FROM messages WHERE id = -1",
    "INSERT INTO memories (id, character, text, writer, created) VALUES (-1, '', 'once', 'model', 0)",
    "INSERT INTO memory_sources (memory, conversation, text) VALUES (-1, -1, 'once')",
    "UPDATE memories SET text = 'twice', deleted = 0 WHERE id = -1",
    "DELETE FROM memories WHERE id = -1",
)


def _rebuild_search(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        search_index.rebuild(connection)
        memory_search.rebuild(connection)
        connection.execute("COMMIT")
    except (sqlite3.Error, UnicodeDecodeError):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")


def _check_header(path: Path) -> None:
    """What SQLite would misread: an empty file makes it delete the log beside it, a bad format number looks read-only."""
    try:
        with path.open("rb") as file:
            header = file.read(20)
    except FileNotFoundError:
        return
    log = path.with_name(path.name + "-wal")
    if not header and log.exists() and log.stat().st_size:
        raise _DamagedError
    if len(header) == 20 and not {header[18], header[19]} <= {1, 2}:
        raise _DamagedError


def _start_afresh(path: Path) -> tuple[sqlite3.Connection, str]:
    try:
        aside = set_aside(path)
        for ending in ("-wal", "-shm"):
            beside = path.with_name(path.name + ending)
            if beside.exists():
                beside.replace(aside.with_name(aside.name + ending))
    except OSError as error:
        raise StoreError(
            f"The file with the conversations is damaged and cannot be set aside ({error.strerror}).",
            f"Close other programs that use it, or move “{path}” elsewhere, and start again.",
        ) from error
    connection = _open(path)
    recovered = salvage(aside, connection) if aside.stat().st_size else 0  # SQLite deletes the log of an empty file
    saved = {0: "none could be recovered", 1: "1 conversation was recovered"}.get(recovered, f"{recovered} were recovered")
    return connection, f"The file with the conversations was damaged and is kept as “{aside.name}”; {saved}."


def _code(error: Exception) -> int:
    """The primary result code; 0 when the error does not come from the library."""
    if isinstance(error, UnicodeDecodeError):
        return sqlite3.SQLITE_CORRUPT
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _means_damage(error: sqlite3.Error) -> bool:
    """Only what cannot be cured by waiting, space or permissions: a healthy file is never set aside."""
    if _code(error) == sqlite3.SQLITE_ERROR:  # such as "unsupported file format"
        return "no such module" not in str(error)
    return _code(error) in _DAMAGE


def _store_error(error: Exception, path: Path) -> StoreError:
    sentences = {
        sqlite3.SQLITE_FULL: ("The disk is full, so nothing could be saved.", "Free some space and try again."),
        sqlite3.SQLITE_READONLY: ("The conversations are write-protected.", f"Allow writing to “{path}”."),
        sqlite3.SQLITE_BUSY: ("Another program is using the conversations.", "Close it and try again."),
        sqlite3.SQLITE_LOCKED: ("Another program is using the conversations.", "Close it and try again."),
        sqlite3.SQLITE_IOERR: ("The disk failed while conversations were read or saved.", "Check the disk and its free space."),
        sqlite3.SQLITE_CANTOPEN: ("The conversations cannot be opened.", f"Check that “{path}” can be read and written."),
        sqlite3.SQLITE_PERM: ("The conversations cannot be opened.", f"Check that “{path}” can be read and written."),
        sqlite3.SQLITE_CORRUPT: (
            "The file with the conversations is damaged.",
            "Try again; if that fails, start Companion again and it will save what can be read.",
        ),
    }
    if _code(error) == sqlite3.SQLITE_CANTOPEN and len(os.fsencode(path.absolute())) > LONGEST_PATH:
        what = f"The path of the conversations is too long for their database: “{path}”."
        return StoreError(what, f"It takes {LONGEST_PATH} bytes; set {HOME_VARIABLE} to a folder nearer to the root.")
    unknown = (f"The conversations could not be read or saved ({error}).", "Start Companion again.")
    return StoreError(*sentences.get(_code(error), unknown))
