"""A forgotten conversation is nowhere: not in the database, its log, its backups, or a damaged copy."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from companion.core.errors import StoreError
from companion.core.storage.migrations import MIGRATIONS, back_up, migrate
from companion.core.storage.search_index import connect_search
from companion.core.storage.store import Store
from tests.core.talks import begin, chain

SECRET = "zanzibarquartz"
"""A word nobody says by chance; the search index holds parts of it, the file as a whole must not."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "companion.sqlite3"


def traces(file: Path, word: str = SECRET) -> list[str]:
    """Files of the data folder that hold the word, in any case and as UTF-8 or UTF-16."""
    found = []
    for path in sorted(file.parent.rglob("*")):
        content = path.read_bytes().lower() if path.is_file() else b""
        if any(word.encode(encoding) in content for encoding in ("utf-8", "utf-16-le", "utf-16-be")):
            found.append(path.name)
    return found


def tell_secret(store: Store) -> int:
    """A conversation that holds the secret wherever something can be held; returns its number."""
    conversation = begin(store, f"Hello {SECRET}", f"Or {SECRET}", title=f"About {SECRET}")
    talk = chain(store, conversation.id, *[f"{n} {SECRET} " + "and so on " * 900 for n in range(8)], parent=conversation.active)
    reply = store.add_message(conversation.id, parent=talk[-1].id, role="assistant", text="", status="streaming")
    for length in range(1, 30):
        store.save_text(reply.id, f"{SECRET} " * length * 20)
    store.finish_message(reply.id, text=f"{SECRET}!", status="complete")
    store.delete_message(talk[5].id)
    store.set_note(conversation.id, f"Speak of {SECRET}.")
    store.memories.add_summary(conversation.id, talk[2].id, f"They spoke of {SECRET}.")
    learned = store.memories.add(
        "", f"Sam likes {SECRET}", writer="model", conversation=conversation.id, message=talk[0].id
    ).memory
    store.memories.set_vector(learned.id, "model", [1.0, 2.0])
    gone = store.memories.add("", f"Sam hates {SECRET}", writer="model", conversation=conversation.id).memory
    store.memories.delete(gone.id)
    edited = store.memories.add("", "Sam has a secret", writer="model", conversation=conversation.id).memory
    store.memories.edit(edited.id, f"Sam has a secret {SECRET}")
    return conversation.id


def other_talk(store: Store) -> int:
    conversation = begin(store, "Good evening")
    chain(store, conversation.id, *["Something else entirely. " * 50] * 6, parent=conversation.active)
    store.memories.add("", "Sam plays chess", writer="model", conversation=conversation.id)
    return conversation.id


def test_what_was_said_and_learned_is_nowhere(file: Path) -> None:
    store = Store(file)
    first = other_talk(store)
    secret = tell_secret(store)
    last = other_talk(store)
    assert traces(file)
    before = store.tree(first), store.tree(last), store.memories.all("")[-1]
    store.forget_conversation(secret)
    assert traces(file) == []
    assert store.conversation(secret) is None
    assert store.search("zanzibar") == store.memories.search("", "zanzibar") == ()
    assert (store.tree(first), store.tree(last), *store.memories.all("")) == before
    assert store.memories.retrieve("", [SECRET], vector=[1.0, 2.0], vector_model="model") == store.memories.all("")
    store.close()
    assert traces(file) == []


def test_nothing_is_left_in_unused_parts_of_the_file(file: Path) -> None:
    """Builds of SQLite differ in whether what is deleted is overwritten; old versions of this program left it to them."""
    store = Store(file)
    store._database._connection.execute("PRAGMA secure_delete = OFF")
    other_talk(store)
    secret = tell_secret(store)
    store._database._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.forget_conversation(secret)
    assert traces(file) == []
    store.close()


def test_not_even_the_search_index_knows_its_words(file: Path) -> None:
    """Deleted rows leave their words in an FTS index until its parts are joined."""
    store = Store(file)
    other_talk(store)
    secret = tell_secret(store)
    store.forget_conversation(secret)
    connection = store._database._connection
    for name in ("messages_search", "memories_search"):
        connection.execute(f"CREATE VIRTUAL TABLE temp.{name}_words USING fts5vocab(main, {name}, row)")
        known = {row[0] for row in connection.execute(f"SELECT term FROM temp.{name}_words")}
        assert known
        assert not {"zan", "nzi", SECRET} & known
        stored = b"".join(bytes(row[0]) for row in connection.execute(f"SELECT block FROM {name}_data"))
        assert b"zan" not in stored
        assert b"quartz" not in stored
        connection.execute(f"DROP TABLE temp.{name}_words")
    store.close()


def test_a_deleted_conversation_can_be_forgotten_too(file: Path) -> None:
    store = Store(file)
    secret = tell_secret(store)
    store.delete_conversation(secret)
    store.forget_conversation(secret)
    assert traces(file) == []
    with pytest.raises(StoreError, match="no longer exists"):
        store.forget_conversation(secret)
    store.close()


class TestCopies:
    def test_backups_lose_it_and_keep_the_rest(self, file: Path) -> None:
        """One of the first version, as the conversion to the second makes it, and two of this one."""
        old = _first_version(file)
        store = Store(file)
        for version in (2, 3):
            back_up(store._database._connection, file, version)
        assert len(traces(file)) == 4
        store.forget_conversation(old)
        assert traces(file) == []
        backups = sorted((file.parent / "backups").iterdir())
        assert [path.suffix for path in backups] == [".sqlite3"] * 3
        for path in backups:
            with contextlib.closing(sqlite3.connect(path)) as connection:
                assert connection.execute("SELECT text FROM messages").fetchall() == [("harmless",)]
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        store.close()

    def test_another_conversation_of_the_same_number_in_an_old_backup_stays(self, file: Path) -> None:
        store = Store(file)
        secret = tell_secret(store)
        backup = back_up(store._database._connection, file, 2)
        with contextlib.closing(sqlite3.connect(backup, isolation_level=None)) as connection:
            connection.execute("UPDATE conversations SET created = created - 100")
        store.forget_conversation(secret)
        assert traces(file) == [backup.name]
        store.close()

    def test_a_backup_that_cannot_be_read_and_damaged_copies_go(self, file: Path) -> None:
        store = Store(file)
        secret = tell_secret(store)
        folder = file.parent / "backups"
        folder.mkdir()
        for path in (
            folder / "companion 2026-01-01 version 1.sqlite3",
            folder / "companion 2026-01-02 version 1.part",
            folder / "companion 2026-01-03 version 1.sqlite3-journal",
            file.parent / "companion damaged 2026-01-01 10.00.00.sqlite3",
            file.parent / "companion damaged 2026-01-01 10.00.00.sqlite3-wal",
        ):
            path.write_bytes(f"broken {SECRET}".encode())
        (folder / "my own notes.txt").write_text("mine")
        store.forget_conversation(secret)
        assert traces(file) == []
        assert [path.name for path in folder.iterdir()] == ["my own notes.txt"]
        assert not list(file.parent.glob("companion damaged*"))
        store.close()

    def test_when_a_copy_cannot_be_deleted_nothing_is_forgotten(self, file: Path) -> None:
        store = Store(file)
        secret = tell_secret(store)
        (file.parent / "companion damaged by hand").mkdir()
        with pytest.raises(StoreError, match=r"cannot be deleted.*nothing was forgotten.*Delete it yourself"):
            store.forget_conversation(secret)
        assert store.conversation(secret) is not None
        (file.parent / "companion damaged by hand").rmdir()
        store.forget_conversation(secret)
        assert traces(file) == []
        store.close()


class TestLearnedElsewhereToo:
    def test_a_memory_that_another_conversation_supports_stays(self, file: Path) -> None:
        store = Store(file)
        one, two = begin(store, "Hello"), begin(store, "Hello again")
        for conversation in (one, two):
            store.memories.add("", "Sam has a cat", writer="model", conversation=conversation.id, message=conversation.active)
        store.forget_conversation(one.id)
        (memory,) = store.memories.all("")
        assert (memory.text, memory.conversation, memory.message) == ("Sam has a cat", two.id, two.active)
        store.forget_conversation(two.id)
        assert store.memories.all("") == ()
        store.close()

    @pytest.mark.parametrize("edit", [False, True])
    def test_it_goes_back_to_the_words_of_the_other_one(self, file: Path, edit: bool) -> None:
        store = Store(file)
        one, two = begin(store, "Hello"), begin(store, "Hello again")
        store.memories.add("", "Sam has a cat", writer="model", conversation=one.id)
        known = store.memories.add("", f"Sam has a cat called {SECRET}", writer="model", conversation=two.id).memory
        store.memories.set_vector(known.id, "model", [1.0])
        if edit:
            store.memories.edit(known.id, f"Sam has a tom cat called {SECRET}")
        store.forget_conversation(two.id)
        assert [m.text for m in store.memories.all("")] == ["Sam has a cat"]
        assert [m.id for m in store.memories.without_vector("", "model")] == [known.id]
        assert traces(file) == []
        store.close()

    def test_what_the_person_wrote_down_stays(self, file: Path) -> None:
        store = Store(file)
        conversation = begin(store, "Hello")
        store.memories.add("", "Sam has a cat", writer="model", conversation=conversation.id)
        own = store.memories.add("", "Sam has a cat").memory
        store.memories.edit(own.id, "Sam has an old cat")
        store.memories.add("", "Sam has an old cat", writer="model", conversation=conversation.id)
        store.forget_conversation(conversation.id)
        assert [m.text for m in store.memories.all("")] == ["Sam has an old cat"]
        store.close()

    def test_what_a_conversation_that_was_deleted_since_supports_stays(self, file: Path) -> None:
        store = Store(file)
        one, two = begin(store, "Hello"), begin(store, "Hello again")
        for conversation in (one, two):
            store.memories.add("", "Sam has a cat", writer="model", conversation=conversation.id)
        store.delete_conversation(one.id)
        store.purge_deleted(0)
        store.forget_conversation(two.id)
        assert [m.text for m in store.memories.all("")] == ["Sam has a cat"]
        store.close()


def _first_version(file: Path) -> int:
    """A database as the first version wrote it, with the secret in one conversation; returns the number of that one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connect_search(connection)
        migrate(connection, file, MIGRATIONS[:1])
        for title, text in ((SECRET, f"It is {SECRET}"), ("other", "harmless")):
            number = connection.execute(
                "INSERT INTO conversations (title, character, character_name, created, updated) VALUES (?, '', 'Hoshi', 1, 1)",
                (title,),
            ).lastrowid
            message = connection.execute(
                "INSERT INTO messages (conversation, role, text, created, status) VALUES (?, 'user', ?, 1, 'complete')",
                (number, text),
            ).lastrowid
            connection.execute("UPDATE conversations SET active = ? WHERE id = ?", (message, number))
        return 1
