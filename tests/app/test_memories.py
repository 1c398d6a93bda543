"""What the person does with her memories, and what the chat asks of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.core.conversation import Conversation, Message
from companion.core.paths import database_file
from tests.app.conftest import Household


class Desk(Household):
    def __init__(self) -> None:
        super().__init__()
        self.changes = 0
        self.memories.changed.connect(self._changed)

    def _changed(self) -> None:
        self.changes += 1

    def texts(self) -> list[str]:
        return [memory.text for memory in self.memories.all("")]

    def talk(self, *texts: str) -> tuple[Conversation, list[Message]]:
        conversation = self.store.create_conversation(character="", character_name="Hoshi", greetings=["Hello"])
        parent = conversation.active
        for text in texts:
            parent = self.store.add_message(conversation.id, parent=parent, role="user", text=text).id
        return conversation, [step.message for step in self.store.path(conversation.id)]


@pytest.fixture
def desk(qapp) -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


def test_the_person_writes_edits_and_pins(desk: Desk):
    memory = desk.memories.add("", "Sam sings")
    assert memory is not None
    assert desk.memories.edit(memory.id, "Sam sings badly")
    desk.memories.pin(memory.id, True)
    (found,) = desk.memories.all("")
    assert (found.text, found.pinned, found.writer) == ("Sam sings badly", True, "person")
    assert (desk.memories.count(""), desk.changes) == (1, 3)
    assert desk.memories.search("", " ") == desk.memories.search("", "bad") == (found,)
    assert desk.told == []


def test_what_cannot_be_kept_is_told(desk: Desk):
    assert desk.memories.add("", "  ") is None
    assert not desk.memories.edit(999, "Sam sings")
    assert [notice.what for notice in desk.told] == ["A memory needs some words.", "This memory no longer exists."]
    assert desk.changes == 0


def test_deleting_has_a_way_back(desk: Desk):
    memory = desk.memories.add("", "Sam sings")
    assert memory is not None
    desk.memories.delete(memory.id)
    assert desk.texts() == []
    (notice,) = desk.told
    assert (notice.what, notice.action) == ("The memory was deleted.", "Undo")
    assert notice.act is not None
    notice.act()
    assert desk.texts() == ["Sam sings"]
    assert desk.changes == 3


def test_the_model_learns_what_is_new_and_what_it_cannot_keep_is_passed_over(desk: Desk):
    conversation, messages = desk.talk("My cat is called Miso, and I live in Porto")
    proposed = ["Sam's cat is called Miso.", "", "x" * 5000, "Sam lives in Porto", "sam's cat is called miso"]
    news = desk.memories.learn("", proposed, conversation.id, messages[-1].id)
    assert [memory.text for memory in news] == ["Sam's cat is called Miso.", "Sam lives in Porto"]
    assert [(m.conversation, m.message) for m in news] == [(conversation.id, messages[-1].id)] * 2
    assert (desk.changes, desk.told) == (1, [])
    assert desk.memories.learn("", ["Sam lives in Porto."], conversation.id, messages[-1].id) == ()
    assert desk.changes == 1


def test_what_is_told_in_one_conversation_is_recalled_in_the_next(desk: Desk):
    conversation, messages = desk.talk("My cat is called Miso")
    desk.memories.learn("", ["Sam's cat is called Miso.", "Sam lives in Porto."], conversation.id, messages[-1].id)
    _, later = desk.talk("What is my cat called?")
    recalled = desk.memories.recall("", later, "Sam")
    assert recalled == ("Sam's cat is called Miso.",)
    assert all(memory.used == 0 for memory in desk.memories.all(""))
    desk.memories.told([*recalled, "something else"])
    assert {memory.text: memory.used > 0 for memory in desk.memories.all("")} == {
        "Sam's cat is called Miso.": True,
        "Sam lives in Porto.": False,
    }


def test_a_reply_is_written_without_memories_when_they_cannot_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    desk.memories.add("", "Sam sings")
    _, messages = desk.talk("Do I sing?")
    desk.store._database._connection.execute("DROP TABLE memories_search")
    assert desk.memories.recall("", messages, "Sam") == ()


def test_memories_leave_as_a_lorebook(desk: Desk, tmp_path: Path):
    path = tmp_path / "book.json"
    assert not desk.memories.export("", "Hoshi", path)
    desk.memories.add("", "Sam's cat is called Miso.")
    assert desk.memories.export("", "Hoshi", path)
    book = json.loads(path.read_bytes())
    assert [(entry["content"], "Miso" in entry["keys"]) for entry in book["data"]["entries"]] == [
        ("Sam's cat is called Miso.", True)
    ]
    assert book["data"]["name"] == "What Hoshi remembers"
    assert not desk.memories.export("", "Hoshi", tmp_path)
    assert [notice.what for notice in desk.told][:2] == ["There is nothing to export yet.", "1 memory is saved as “book.json”."]
    assert "cannot be written" in desk.told[2].what


def test_a_conversation_is_forgotten_with_what_was_learned(desk: Desk):
    conversation, messages = desk.talk("I have a quartz cat")
    desk.memories.learn("", ["Sam has a quartz cat"], conversation.id, messages[-1].id)
    assert desk.memories.forget_conversation(conversation.id)
    assert desk.texts() == []
    assert desk.store.conversation(conversation.id) is None
    for path in database_file().parent.rglob("*"):
        assert not path.is_file() or b"quartz" not in path.read_bytes()
    assert not desk.memories.forget_conversation(conversation.id)
    assert [notice.what for notice in desk.told] == [
        "The conversation is forgotten, with all that was learned in it.",
        "This conversation no longer exists.",
    ]


def test_memories_are_found_by_the_name_that_they_are_read_with(desk: Desk):
    desk.memories.add("", "{{user}}'s cat is called Miso.")
    desk.memories.add("", "Berlin is cold.")

    def found(text: str, person: str) -> list[str]:
        return [memory.text for memory in desk.memories.search("", text, person)]

    cat = ["{{user}}'s cat is called Miso."]
    assert found("sam", "Sam") == found("Sa cat", "Sam") == found("person", "") == cat
    assert found("Sam Berlin", "Sam") == found("Sam", "Ana") == []
    assert len(found(" ", "Sam")) == 2
