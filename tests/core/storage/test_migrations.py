"""A database of any older version becomes a new one, after a backup; one of a newer version is left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from companion.core.errors import StoreError
from companion.core.storage.migrations import BACKUPS_KEPT, MIGRATIONS, back_up, migrate, version_of
from companion.core.storage.search_index import connect_search
from companion.core.storage.store import Store

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


def test_a_database_of_the_first_version_keeps_everything(tmp_path: Path) -> None:
    """Written with the first step's own SQL, as the first version did."""
    path = tmp_path / "companion.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        connect_search(old)
        migrate(old, path, MIGRATIONS[:1])
        old.execute(
            "INSERT INTO conversations (title, titled_by_person, character, character_name, created, updated, visits)"
            " VALUES ('Stars', 1, 'mira', 'Mira', 10.5, 20.5, 3)"
        )
        old.executemany(
            "INSERT INTO messages (conversation, parent, role, text, created, status, feedback, edited, model, tokens, visited)"
            " VALUES (1, ?, ?, ?, 11, ?, ?, ?, 'smol', 7, ?)",
            [
                (None, "assistant", "Good evening", "complete", 1, 0, 1),
                (1, "user", "Which star is that?", "complete", 0, 0, 2),
                (2, "assistant", "Vega.", "stopped", -1, 1, 3),
                (2, "assistant", "Deneb.", "complete", 0, 0, 0),
            ],
        )
        old.execute("UPDATE messages SET deleted = 30, deleted_with = 4 WHERE id = 4")
        old.execute("UPDATE conversations SET active = 3")
    before = path.read_bytes()
    store = Store(path)
    assert store.notice == ""
    (conversation,) = store.conversations()
    assert (conversation.title, conversation.titled_by_person, conversation.character) == ("Stars", True, "mira")
    assert (conversation.created, conversation.updated, conversation.preview) == (10.5, 20.5, "Vega.")
    assert (conversation.persona, conversation.note, conversation.note_depth) == (0, "", 4)
    assert [(m.text, m.status, m.feedback, m.edited, m.mood) for m in store.tree(1)] == [
        ("Good evening", "complete", 1, False, ""),
        ("Which star is that?", "complete", 0, False, ""),
        ("Vega.", "stopped", -1, True, ""),
    ]
    assert [step.message.text for step in store.path(1)] == ["Good evening", "Which star is that?", "Vega."]
    assert [hit.message for hit in store.search("vega")] == [3]
    assert (store.memories.all("mira"), store.memories.learned(1), store.personas.all()) == ((), 0, ())
    store.restore_message(4)
    assert store.message(4) is not None
    store.close()
    (backup,) = backups(path)
    assert "version 1" in backup.name
    with closing(sqlite3.connect(backup)) as copy, closing(sqlite3.connect(":memory:")) as original:
        original.deserialize(before)
        for table in ("conversations", "messages"):
            rows = f"SELECT * FROM {table}"
            assert copy.execute(rows).fetchall() == original.execute(rows).fetchall()
