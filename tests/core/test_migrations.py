"""A database of any older version becomes a new one, after a backup; one of a newer version is left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from companion.core.errors import StoreError
from companion.core.migrations import BACKUPS_KEPT, MIGRATIONS, back_up, migrate, version_of
from companion.core.store import Store

STEPS = (
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT) STRICT",
    "ALTER TABLE notes ADD COLUMN colour TEXT; UPDATE notes SET colour = 'blue'",
    "CREATE TABLE tags (name TEXT) STRICT; CREATE TRIGGER t AFTER INSERT ON tags BEGIN UPDATE notes SET text = new.name; END",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "companion.sqlite3"


@pytest.fixture
def connection(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as opened:
        yield opened


def backups(file: Path) -> list[Path]:
    return sorted((file.parent / "backups").glob("*"))


def test_a_new_database_gets_every_step_and_needs_no_backup(connection: sqlite3.Connection, file: Path) -> None:
    migrate(connection, file, STEPS)
    assert version_of(connection) == 3
    assert backups(file) == []
    migrate(connection, file, STEPS)
    assert version_of(connection) == 3


def test_an_old_database_is_backed_up_and_gets_the_missing_steps(connection: sqlite3.Connection, file: Path) -> None:
    migrate(connection, file, STEPS[:1])
    connection.execute("INSERT INTO notes (text) VALUES ('keep me')")
    migrate(connection, file, STEPS)
    assert connection.execute("SELECT text, colour FROM notes").fetchall() == [("keep me", "blue")]
    (backup,) = backups(file)
    assert "version 1" in backup.name
    with closing(sqlite3.connect(backup)) as copy:
        assert version_of(copy) == 1
        assert copy.execute("SELECT * FROM notes").fetchall() == [(1, "keep me")]


def test_a_step_that_fails_leaves_the_version_before_it(connection: sqlite3.Connection, file: Path) -> None:
    migrate(connection, file, STEPS[:1])
    connection.execute("INSERT INTO notes (text) VALUES ('keep me')")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, file, (*STEPS[:2], "ALTER TABLE notes ADD COLUMN size INTEGER; SELECT nonsense"))
    assert version_of(connection) == 2
    assert not connection.in_transaction
    assert connection.execute("SELECT * FROM notes").fetchall() == [(1, "keep me", "blue")]
    migrate(connection, file, STEPS)
    assert version_of(connection) == 3


def test_the_last_three_backups_stay(connection: sqlite3.Connection, file: Path) -> None:
    migrate(connection, file, STEPS)
    made = [back_up(connection, file, version) for version in (9, 1, 5, 3, 2)]
    assert backups(file) == made[-BACKUPS_KEPT:]


def test_without_a_backup_nothing_is_changed(connection: sqlite3.Connection, file: Path) -> None:
    migrate(connection, file, STEPS[:1])
    (file.parent / "backups").write_text("in the way")
    with pytest.raises(StoreError, match=r"no backup.*nothing was changed"):
        migrate(connection, file, STEPS)
    assert version_of(connection) == 1


def test_a_database_of_a_newer_version_is_refused_untouched(file: Path) -> None:
    Store(file).close()
    with closing(sqlite3.connect(file, isolation_level=None)) as newer:
        newer.execute("CREATE TABLE of_the_future (x ANY) STRICT")
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = file.read_bytes()
    with pytest.raises(StoreError, match="newer version of Companion"):
        Store(file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.glob("companion*")] == [file.name]


def test_each_version_so_far_opens(tmp_path: Path) -> None:
    """Released steps never change, so every prefix of them is a database somebody has."""
    for version in range(len(MIGRATIONS) + 1):
        path = tmp_path / f"{version}.sqlite3"
        with closing(sqlite3.connect(path, isolation_level=None)) as old:
            migrate(old, path, MIGRATIONS[:version])
        store = Store(path)
        assert store.notice == ""
        conversation = store.create_conversation(character="", character_name="", greetings=["Hello"])
        assert len(store.search("hello")) == 1
        assert store.conversation(conversation.id) == conversation
        store.close()
