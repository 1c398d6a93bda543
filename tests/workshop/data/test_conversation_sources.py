"""Conversations of the app: what the person marked decides what is learned."""

from __future__ import annotations

from pathlib import Path

import pytest

from companion.core.conversation_files import export_conversation
from companion.core.dataset_findings import learned_words
from companion.core.errors import DatasetError
from companion.core.paths import database_file
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.fine_tune import FineTune
from companion.core.storage.store import Store
from companion.workshop.data.inspection import inspect
from companion.workshop.data.prepare import prepare
from companion.workshop.data.sources.reading import read, recognise
from companion.workshop.evaluation.material import read_material


@pytest.fixture
def store():
    opened = Store(database_file())
    yield opened
    opened.close()


def learned(dialogue):
    return [turn.content for turn in dialogue.messages if turn.role == "assistant" and turn.train]


def told(dialogue):
    return [turn.content for turn in dialogue.messages]


@pytest.fixture
def talk(store):
    """Greeting, question, a reply, another question, a reply; ids by name."""
    conversation = store.create_conversation(character="", character_name="Hoshi", greetings=["Come in."], title="Stars")
    ids = {"conversation": conversation.id, "greeting": conversation.active}
    parent = conversation.active
    for name, role, text in (
        ("hi", "user", "Hi!"),
        ("hello", "assistant", "Hello."),
        ("why", "user", "Why?"),
        ("so", "assistant", "So."),
    ):
        model = "tiny" if role == "assistant" else ""
        parent = ids[name] = store.add_message(conversation.id, parent=parent, role=role, text=text, model=model).id
    return ids


def dialogues(talk):
    return [found.dialogue for found in read(f"conversation:{talk['conversation']}", person="Sam")]


def test_the_active_path_is_learned_without_the_greeting(talk):
    (found,) = dialogues(talk)
    assert told(found) == ["Come in.", "Hi!", "Hello.", "Why?", "So."]
    assert learned(found) == ["Hello.", "So."]
    assert found.labels == {"conversation": str(talk["conversation"]), "character": "Hoshi", "user": "Sam"}


def test_a_reply_with_a_thumb_down_is_not_learned(store, talk):
    store.set_feedback(talk["hello"], -1)
    (found,) = dialogues(talk)
    assert learned(found) == ["So."]
    assert "Hello." in told(found)


def test_a_better_alternate_is_learned_and_the_bad_one_is_rejected(store, talk):
    better = store.add_message(talk["conversation"], parent=talk["hi"], role="assistant", text="Hey, you!", model="tiny")
    store.set_feedback(talk["hello"], -1)
    store.show_message(talk["so"])
    path, branch = dialogues(talk)
    assert learned(path) == ["So."]
    assert told(branch) == ["Come in.", "Hi!", "Hey, you!"]
    assert learned(branch) == ["Hey, you!"]
    assert branch.rejected == ("Hello.",)
    assert branch.id == f"conversation-{talk['conversation']}-{better.id}"


def test_every_reply_is_learned_at_most_once(store, talk):
    """The chosen reply has a rejected alternate in the middle: it moves to a dialogue of its own, which can name it."""
    worse = store.add_message(talk["conversation"], parent=talk["hi"], role="assistant", text="Go away.", model="tiny")
    store.set_feedback(worse.id, -1)
    store.show_message(talk["so"])
    path, branch = dialogues(talk)
    assert learned(path) == ["So."]
    assert learned(branch) == ["Hello."]
    assert branch.rejected == ("Go away.",)


def test_an_edit_is_preferred_to_what_it_replaced(store, talk):
    edit = store.add_message(
        talk["conversation"], parent=talk["why"], role="assistant", text="Because of the stars.", model="tiny", edited=True
    )
    (found,) = dialogues(talk)
    assert learned(found) == ["Hello.", edit.text]
    assert found.rejected == ("So.",)


def test_a_praised_reply_on_another_branch_is_learned(store, talk):
    question = store.add_message(talk["conversation"], parent=talk["hello"], role="user", text="Tell me more.")
    more = store.add_message(talk["conversation"], parent=question.id, role="assistant", text="There is more.", model="tiny")
    store.set_feedback(more.id, 1)
    store.show_message(talk["so"])
    path, branch = dialogues(talk)
    assert learned(path) == ["Hello.", "So."]
    assert learned(branch) == ["There is more."]


def test_what_was_never_finished_is_not_learned(store, talk):
    store.finish_message(talk["so"], text="So I w", status="interrupted")
    assert learned(dialogues(talk)[0]) == ["Hello."]


def test_what_does_not_exist_is_told(store):
    with pytest.raises(DatasetError, match="There is no conversation 99"):
        list(read("conversation:99"))
    with pytest.raises(DatasetError, match="names no conversation"):
        list(read("conversation:first"))


def test_without_a_database_there_is_a_sentence(home: Path):
    with pytest.raises(DatasetError, match="There are no conversations yet"):
        list(read("conversation:1"))


@pytest.mark.parametrize("form", ["companion", "sillytavern"])
def test_an_exported_conversation_is_the_same_dialogues(store, talk, tmp_path: Path, form):
    better = store.add_message(talk["conversation"], parent=talk["hi"], role="assistant", text="Hey, you!", model="tiny")
    store.set_feedback(better.id, 1)
    store.set_feedback(talk["hello"], -1)
    store.show_message(talk["so"])
    path = tmp_path / "Stars.jsonl"
    export_conversation(store, talk["conversation"], path, form, person="Sam")
    assert recognise(path) == form
    expected = [(told(each), learned(each), each.rejected) for each in dialogues(talk)]
    found = [each.dialogue for each in read(str(path))]
    assert [(told(each), learned(each), each.rejected) for each in found] == expected
    assert found[0].labels["character"] == "Hoshi"


@pytest.fixture
def alternates(store, talk):
    """Two other first replies that were praised, and a last one in the person's own words."""
    for text in ("Hey, you!", "Good day."):
        added = store.add_message(talk["conversation"], parent=talk["hi"], role="assistant", text=text, model="tiny")
        store.set_feedback(added.id, 1)
    store.set_feedback(talk["hello"], 1)
    store.set_feedback(talk["so"], -1)
    own = {"text": "Because.", "model": "tiny", "edited": True}
    store.add_message(talk["conversation"], parent=talk["why"], role="assistant", **own)
    return f"conversation:{talk['conversation']}"


def test_whatever_branches_repeat_is_counted_once(alternates, talk):
    assert len(dialogues(talk)) == 3
    found = inspect([alternates])
    assert (found.conversations, found.from_conversations, found.versions) == (1, 3, 2)
    assert found.learned_replies == 4
    assert found.turns == 7, "a greeting, two questions, and four replies"
    assert found.words == 10, "Come in. Hi! Hello. Why? Because. Hey, you! Good day."


def test_a_lesson_says_what_it_learns_from_as_the_person_counts_it(alternates, base, tmp_path: Path):
    recipe = FineTune(data_files=(alternates,))
    data = prepare(recipe, base, tmp_path / "data")
    assert data.told == "1 conversation, with 2 other versions of replies"
    assert prepare(recipe, base, tmp_path / "data").told == data.told, "also of data that were kept"
    assert learned_words(12, 2, 0) == "2 conversations and 12 dialogues"


def test_branches_ask_what_they_share_once(alternates):
    asked = [
        [turn.content for turn in prompt.dialogue.messages]
        for prompt in read_material(Evaluate(data_files=(alternates,)), print).prompts
    ]
    assert len(asked) == len({tuple(each) for each in asked})
    assert all(each[-1] in ("Hi!", "Why?") for each in asked)
