"""What happens to conversations when the program is killed, the disk is full, or the file is damaged."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from companion.core.errors import StoreError
from companion.core.storage.store import Store

STREAM = """
import sys, time
from pathlib import Path
from companion.core.storage.store import Store
store = Store(Path(sys.argv[1]))
assert not store.notice, store.notice
conversation = store.create_conversation(character="", character_name="Hoshi", greetings=["Hello"])
reply = store.add_message(conversation.id, parent=conversation.active, role="assistant", text="", status="streaming")
print(reply.id, flush=True)
for number in range(100_000):
    store.save_text(reply.id, "word " * number)
    print(number, flush=True)
    time.sleep(0.002)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "companion.sqlite3"


def fill(file: Path, conversations: int = 20) -> None:
    """Conversations of a greeting and six messages, long enough to spread over many pages."""
    store = Store(file)
    for number in range(conversations):
        conversation = store.create_conversation(
            character="", character_name="Hoshi", greetings=["Hello", "Hi"], title=f"number {number}"
        )
        parent = conversation.active
        for turn in range(6):
            text = f"conversation {number}, message {turn}. " + "More words follow here. " * 40
            parent = store.add_message(
                conversation.id, parent=parent, role="user" if turn % 2 == 0 else "assistant", text=text
            ).id
    store.close()


def set_aside(folder: Path) -> list[Path]:
    return sorted(folder.glob("companion damaged *.sqlite3"))


class TestKilled:
    def test_a_killed_program_keeps_every_word_it_saved(self, file: Path) -> None:
        """Stronger than promised (one second): SIGKILL loses nothing that save_text had returned for."""
        chance = random.Random(7)
        for attempt in range(1, 21):
            process = subprocess.Popen(
                [sys.executable, "-c", STREAM, str(file)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
            )
            assert process.stdout is not None
            message = int(process.stdout.readline())
            time.sleep(chance.uniform(0, 0.15))
            process.kill()
            saved = [int(line) for line in process.stdout.read().split("\n") if line]
            process.stdout.close()
            assert process.wait() == -signal.SIGKILL
            store = Store(file)
            assert store.notice == ""
            assert store.recover_interrupted() == 1
            found = store.message(message)
            assert found is not None
            assert found.status == "interrupted"
            # The last line may be cut; the text may be one step further than what was printed.
            assert len(found.text) // 5 >= (saved[-2] if len(saved) > 1 else 0)
            assert len(store.conversations()) == attempt
            store.close()

    def test_the_log_of_a_killed_program_is_not_lost_with_the_file(self, file: Path) -> None:
        """SQLite would delete the log of an empty file."""
        fill(file, 1)
        (file.parent / (file.name + "-wal")).write_bytes(b"the last words")
        file.write_bytes(b"")
        store = Store(file)
        assert "damaged" in store.notice
        store.close()
        (aside,) = set_aside(file.parent)
        assert (file.parent / (aside.name + "-wal")).read_bytes() == b"the last words"


class TestCannotWrite:
    def test_a_full_disk_is_a_sentence_and_the_store_goes_on(self, file: Path) -> None:
        store = Store(file)
        conversation = store.create_conversation(character="", character_name="", greetings=["Hello"])
        connection = store._database._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreError, match=r"disk is full.*Free some space"):
            store.add_message(conversation.id, parent=conversation.active, role="user", text="x" * 100_000)
        assert [step.message.text for step in store.path(conversation.id)] == ["Hello"]
        connection.execute("PRAGMA max_page_count = 1000000")
        store.add_message(conversation.id, parent=conversation.active, role="user", text="x" * 100_000)
        assert len(store.path(conversation.id)) == 2
        store.close()

    def test_a_write_protected_file_is_a_sentence_and_can_be_read(self, file: Path) -> None:
        store = Store(file)
        conversation = store.create_conversation(character="", character_name="", greetings=["Hello"])
        store._database._connection.execute("PRAGMA query_only = ON")
        for action in (
            lambda: store.rename_conversation(conversation.id, "x"),
            lambda: store.save_text(1, "x"),
            store.recover_interrupted,
        ):
            with pytest.raises(StoreError, match="write-protected"):
                action()
        assert len(store.path(conversation.id)) == 1
        store.close()

    def test_a_file_another_program_holds_is_a_sentence(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("companion.core.storage.database._BUSY_SECONDS", 0.05)
        store = Store(file)
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="Another program"):
            store.create_conversation(character="", character_name="")
        other.execute("ROLLBACK")
        other.close()
        store.create_conversation(character="", character_name="")
        store.close()

    def test_a_folder_in_the_way_is_a_sentence(self, file: Path) -> None:
        file.mkdir()
        with pytest.raises(StoreError, match="cannot be opened"):
            Store(file)
        file.rmdir()
        file.write_text("")
        with pytest.raises(StoreError, match="cannot be opened"):
            Store(file / "below" / "companion.sqlite3")

    @pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do everything")
    def test_a_folder_without_permission_is_a_sentence(self, file: Path) -> None:
        file.parent.chmod(0o500)
        try:
            with pytest.raises(StoreError):
                Store(file)
        finally:
            file.parent.chmod(0o700)


class TestDamaged:
    @pytest.mark.parametrize("content", [b"not a database at all, but long enough to be one" * 100, b"short"])
    def test_another_kind_of_file_is_set_aside(self, file: Path, content: bytes) -> None:
        file.write_bytes(content)
        store = Store(file)
        (aside,) = set_aside(file.parent)
        assert aside.read_bytes() == content
        assert aside.name in store.notice
        assert "none could be recovered" in store.notice
        assert store.conversations() == ()
        store.create_conversation(character="", character_name="")
        store.close()
        store = Store(file)
        assert store.notice == ""
        assert len(store.conversations()) == 1
        store.close()

    def test_a_database_of_another_program_is_set_aside(self, file: Path) -> None:
        other = sqlite3.connect(file)
        other.execute("CREATE TABLE conversations (id INTEGER PRIMARY KEY, subject TEXT)")
        other.commit()
        other.close()
        store = Store(file)
        assert "damaged" in store.notice
        store.close()

    def test_a_truncated_file_gives_back_what_is_left(self, file: Path) -> None:
        fill(file)
        content = file.read_bytes()
        file.write_bytes(content[: len(content) * 7 // 10])
        store = Store(file)
        assert "recovered" in store.notice
        assert "none" not in store.notice
        found = store.conversations()
        assert len(found) > 5
        assert all(store.path(c.id) for c in found)
        (aside,) = set_aside(file.parent)
        assert aside.read_bytes() == content[: len(content) * 7 // 10]
        again = store.create_conversation(character="", character_name="", greetings=["new"])
        assert again.id not in {c.id for c in found}
        store.close()

    def test_a_bad_page_costs_what_stood_on_it(self, file: Path) -> None:
        """The pages of the messages are overwritten one after the other; the rest comes back every time."""
        fill(file)
        content = file.read_bytes()
        pages = [at for at in range(4096, len(content), 4096) if b"message 3. More words" in content[at : at + 4096]]
        assert len(pages) > 10
        for at in pages[2::5]:
            file.write_bytes(content[:at] + bytes(4096) + content[at + 4096 :])
            store = Store(file)
            if store.notice:  # a page of the search index is not looked at
                assert "20 were recovered" in store.notice
                lengths = [len(store.path(c.id)) for c in store.conversations()]
                assert len(lengths) == 20
                assert sum(lengths) >= 20 * 7 - 16
                assert all(hit.excerpt for hit in store.search("message"))
            store.close()
            for path in file.parent.glob("companion*"):
                path.unlink()

    def test_a_message_whose_parent_is_lost_follows_the_one_before_it(self, file: Path) -> None:
        fill(file, 2)
        whole = Store(file)
        paths = {c.id: [s.message.text for s in whole.path(c.id)] for c in whole.conversations()}
        whole.close()
        broken = sqlite3.connect(file)
        broken.create_function("fold", 1, lambda text: text)
        broken.execute("PRAGMA foreign_keys = OFF")
        broken.execute("DELETE FROM messages WHERE text LIKE 'conversation 1, message 2%'")
        broken.execute("DELETE FROM conversations WHERE title = 'number 0'")
        broken.execute("PRAGMA user_version = 0")  # makes the file count as damaged
        broken.commit()
        broken.close()
        store = Store(file)
        assert "2 were recovered" in store.notice
        titles = {c.id: c.title for c in store.conversations()}
        assert sorted(titles.values()) == ["Recovered conversation", "number 1"]
        for number, texts in paths.items():
            expected = [text for text in texts if not text.startswith("conversation 1, message 2")]
            assert [s.message.text for s in store.path(number)] == expected
        store.close()

    def test_what_was_open_and_what_was_deleted_is_still_so(self, file: Path) -> None:
        store = Store(file)
        conversation = store.create_conversation(character="", character_name="", greetings=["first", "second"])
        assert conversation.active is not None
        store.select_alternate(conversation.active, 1)
        store.select_alternate(conversation.active, -1)
        message = store.add_message(conversation.id, parent=conversation.active + 1, role="user", text="deleted")
        store.delete_message(message.id)
        store.show_message(conversation.active)
        gone = store.create_conversation(character="", character_name="", greetings=["gone"])
        store.delete_conversation(gone.id)
        store._database._connection.execute("UPDATE messages SET visited = 0")
        store._database._connection.execute("PRAGMA user_version = 0")
        store.close()
        store = Store(file)
        assert "1 conversation was recovered" in store.notice
        assert [c.active for c in store.conversations()] == [conversation.active]
        assert [m.text for m in store.tree(conversation.id)] == ["first", "second"]
        store.close()

    def test_no_damaged_byte_makes_the_program_fail(self, file: Path) -> None:
        """Opening either works, or sets aside and begins anew, or says that the file is from a newer version."""
        fill(file, 4)
        content = file.read_bytes()
        chance = random.Random(11)
        heads = [*range(16, 100), *range(100, 130)]
        refused: list[str] = []
        failed: list[str] = []
        places = [*heads, *(chance.randrange(len(content)) for _ in range(60))]
        for at in places:
            damaged = bytearray(content)
            for offset in range(chance.choice((1, 1, 16))):
                damaged[(at + offset) % len(damaged)] ^= chance.randrange(1, 256)
            file.write_bytes(damaged)
            try:
                store = Store(file)
            except StoreError as error:
                refused.append(str(error))
            else:
                for conversation in store.conversations():
                    store.path(conversation.id)
                try:
                    new = store.create_conversation(character="", character_name="", greetings=["a"])
                    assert store.path(new.id)
                    store.search("message")
                except StoreError as error:
                    failed.append(str(error))
                store.close()
            for path in file.parent.glob("companion*"):
                path.unlink()
        assert all("newer version" in sentence for sentence in refused)
        assert all("damaged" in sentence for sentence in failed)
        assert len(refused) + len(failed) < 15

    def test_memories_personas_and_summaries_come_back(self, file: Path) -> None:
        store = Store(file)
        kept, gone, emptied = (
            store.create_conversation(character="", character_name="", greetings=[text]) for text in ("kept", "gone", "lost")
        )
        persona = store.personas.add("Captain Sam", "of the night ship")
        store.set_persona(kept.id, persona.id)
        store.set_note(kept.id, "Rain.", 2)
        store.set_mood(kept.active or 0, "joy")
        for conversation, text in ((kept, "Sam sings"), (gone, "Sam paints"), (emptied, "Sam cooks")):
            store.memories.add("", text, writer="model", conversation=conversation.id, message=conversation.active)
        deleted = store.memories.add("", "Sam lies").memory
        store.memories.delete(deleted.id)
        pinned = store.memories.add("", "Sam dances", pinned=True).memory
        store.memories.set_vector(pinned.id, "model", [1.0])
        store.memories.set_learned(kept.id, 1)
        summary = store.memories.add_summary(kept.id, kept.active or 0, "She greeted.")
        connection = store._database._connection
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM conversations WHERE id = ?", (emptied.id,))
        connection.execute("DELETE FROM messages WHERE conversation IN (?, ?)", (gone.id, emptied.id))
        connection.execute("PRAGMA user_version = 0")  # makes the file count as damaged
        store.close()
        store = Store(file)
        assert "1 conversation was recovered" in store.notice
        (found,) = store.conversations()
        assert (found.persona, found.note, found.note_depth) == (persona.id, "Rain.", 2)
        assert [step.message.mood for step in store.path(found.id)] == ["joy"]
        assert store.personas.all() == (persona,)
        assert (store.memories.summary(found.id), store.memories.learned(found.id)) == (summary, 1)
        assert [(m.text, m.conversation, m.message, m.pinned) for m in store.memories.all("")] == [
            ("Sam dances", None, None, True),
            ("Sam cooks", None, None, False),
            ("Sam paints", None, None, False),
            ("Sam sings", kept.id, kept.active, False),
        ]
        assert [m.text for m in store.memories.retrieve("", ["Who sings?"])][:2] == ["Sam dances", "Sam sings"]
        assert len(store.memories.without_vector("", "model")) == 4
        store.close()

    @pytest.mark.parametrize(
        "damage",
        [
            "DELETE FROM memories_search_data",
            "UPDATE memories_search_data SET block = x'ffffffffff'",
            "DROP TABLE memories_search",
            "DROP TRIGGER memories_search_delete; DROP TABLE memories_search",
        ],
    )
    def test_a_broken_index_of_memories_mends_itself(self, file: Path, damage: str) -> None:
        store = Store(file)
        for n in range(20):
            store.memories.add("", f"Sam has dog number {n}")
        store.close()
        broken = sqlite3.connect(file)
        broken.executescript(damage)
        broken.close()
        store = Store(file)
        assert store.notice == ""
        assert len(store.memories.retrieve("", ["my dogs"], 50)) == 20
        store.close()

    @pytest.mark.parametrize(
        "damage", ["DELETE FROM messages_search_data", "UPDATE messages_search_data SET block = x'ffffffffff'"]
    )
    def test_a_broken_search_index_mends_itself(self, file: Path, damage: str) -> None:
        fill(file, 2)
        broken = sqlite3.connect(file)
        broken.execute(damage)
        broken.commit()
        broken.close()
        store = Store(file)
        assert store.notice == ""
        assert len(store.search("conversation")) == 12
        store.close()

    def test_a_search_index_that_breaks_later_works_at_the_next_attempt(self, file: Path) -> None:
        fill(file, 2)
        store = Store(file)
        store._database._connection.execute("UPDATE messages_search_data SET block = x'ffffffffff'")
        with pytest.raises(StoreError, match="Try again"):
            store.search("conversation")
        assert len(store.search("conversation")) == 12
        store.close()

    def test_a_lost_search_index_is_made_anew(self, file: Path) -> None:
        fill(file, 2)
        broken = sqlite3.connect(file)
        broken.execute("DROP TABLE messages_search")
        broken.commit()
        broken.close()
        store = Store(file)
        assert store.notice == ""
        assert len(store.search("conversation")) == 12
        store.close()

    def test_a_log_beside_the_damaged_file_is_used(self, file: Path, tmp_path: Path) -> None:
        """The newest words are still in the log when a program was killed."""
        fill(file, 6)
        store = Store(file)
        conversation = store.create_conversation(character="", character_name="", greetings=["only in the log"])
        folder = tmp_path / "killed"
        folder.mkdir()
        for path in file.parent.glob("companion.sqlite3*"):
            shutil.copy(path, folder)
        store.close()
        copy = folder / file.name
        content = bytearray(copy.read_bytes())
        content[18] = 9  # a format number that SQLite takes for a write-protected file
        copy.write_bytes(content)
        store = Store(copy)
        assert "damaged" in store.notice
        (aside,) = set_aside(folder)
        assert (folder / (aside.name + "-wal")).exists()
        assert [s.message.text for s in store.path(conversation.id)] in ([], ["only in the log"])
        store.close()
