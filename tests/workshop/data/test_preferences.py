"""Feedback becomes data: what a person marked, wrote over or chose, and pairs that others wrote into files."""

from __future__ import annotations

import json

import pytest

from companion import cli
from companion.core.dataset import Preference
from companion.core.errors import DatasetError
from companion.core.paths import database_file
from companion.core.storage.store import Store
from companion.workshop.data.preferences import praised, read_preferences
from companion.workshop.data.sources.reading import read, recognise


@pytest.fixture
def store():
    opened = Store(database_file())
    yield opened
    opened.close()


@pytest.fixture
def talk(store):
    """Greeting, “Hi!”, and a reply: ids by name, and a way to say more."""
    conversation = store.create_conversation(character="", character_name="Hoshi", greetings=["Come in."], title="Stars")
    ids = {"conversation": conversation.id}
    ids["hi"] = store.add_message(conversation.id, parent=conversation.active, role="user", text="Hi!").id
    ids["hello"] = reply(store, ids, "Hello.")
    return ids


def reply(store, talk, text, *, edited=False, feedback=0):
    added = store.add_message(talk["conversation"], parent=talk["hi"], role="assistant", text=text, model="tiny", edited=edited)
    store.set_feedback(added.id, feedback)
    return added.id


def goes_on(store, talk, message):
    store.add_message(talk["conversation"], parent=message, role="user", text="And then?")


def found(talk):
    return read_preferences([f"conversation:{talk['conversation']}"])


def pairs(talk):
    return {(each.preference.chosen, each.preference.rejected, each.preference.why) for each in found(talk).pairs}


def test_an_edit_beats_what_it_replaced(store, talk):
    reply(store, talk, "Hello, you!", edited=True)
    assert pairs(talk) == {("Hello, you!", "Hello.", "edit")}
    (only,) = found(talk).pairs
    assert [turn.content for turn in only.preference.messages] == ["Come in.", "Hi!"]
    assert not any(turn.train for turn in only.preference.messages)
    assert only.preference.labels["character"] == "Hoshi"


def test_the_alternate_that_the_talk_went_on_from_beats_those_that_were_left(store, talk):
    second, _ = reply(store, talk, "Hey."), reply(store, talk, "Oh.")
    assert pairs(talk) == set(), "that one is shown says nothing yet"
    goes_on(store, talk, second)
    store.show_message(second)
    assert pairs(talk) == {("Hey.", "Hello.", "alternate"), ("Hey.", "Oh.", "alternate")}


def test_an_alternate_from_which_a_talk_went_on_too_is_no_worse(store, talk):
    other = reply(store, talk, "Hey.")
    goes_on(store, talk, other)
    goes_on(store, talk, talk["hello"])
    assert pairs(talk) == set()


def test_a_thumb_up_beats_a_thumb_down(store, talk):
    reply(store, talk, "Go away.", feedback=-1)
    store.set_feedback(talk["hello"], 1)
    assert pairs(talk) == {("Hello.", "Go away.", "thumbs")}


def test_what_was_said_openly_comes_before_a_choice(store, talk):
    """The person wrote over her reply, and went on from the old one all the same: the edit counts, and no pair says both."""
    reply(store, talk, "Hello, you!", edited=True)
    goes_on(store, talk, talk["hello"])
    assert pairs(talk) == {("Hello, you!", "Hello.", "edit")}
    store.set_feedback(talk["hello"], 1)
    assert pairs(talk) == set(), "both are praised"


def test_thumbs_without_a_rival_stay_single(store, talk):
    store.set_feedback(talk["hello"], -1)
    reading = found(talk)
    assert not reading.pairs
    (only,) = reading.thumbs
    assert (only.preference.chosen, only.preference.rejected) == ("", "Hello.")
    assert reading.sentence == "0 pairs of a better and a worse reply, and 1 single thumb (0 up, 1 down)."


def test_the_greeting_and_unfinished_replies_are_judged_by_nobody(store, talk):
    store.set_feedback(store.path(talk["conversation"])[0].message.id, -1)
    added = store.add_message(talk["conversation"], parent=talk["hi"], role="assistant", text="Hel", status="interrupted")
    store.set_feedback(added.id, -1)
    reading = found(talk)
    assert not reading.pairs
    assert not reading.thumbs


def test_praised_replies_and_edits_are_learned_from(store, talk):
    reply(store, talk, "Hey.", feedback=1)
    reply(store, talk, "Hello, you!", edited=True)
    reply(store, talk, "No.", edited=True, feedback=-1)
    learned = list(praised([f"conversation:{talk['conversation']}"]))
    assert [dialogue.messages[-1].content for dialogue in learned] == ["Hey.", "Hello, you!"]
    assert all([turn.train for turn in dialogue.messages] == [False, False, True] for dialogue in learned)


def write(path, *values):
    path.write_text("\n".join(map(json.dumps, values)), encoding="utf-8")
    return str(path)


def said(role, content):
    return {"role": role, "content": content}


SAID = [said("user", "Hi!")]
GOOD, BAD = said("assistant", "Hello."), said("assistant", "Go away.")
PAIR = {"messages": SAID, "chosen": "Hello.", "rejected": "Go away."}


def replies(source):
    reading = read_preferences([source])
    return [(each.preference.chosen, each.preference.rejected) for each in (*reading.pairs, *reading.thumbs)]


@pytest.mark.parametrize(
    "value",
    [
        PAIR,
        {"prompt": "Hi!", "chosen": "Hello.", "rejected": "Go away."},
        {"prompt": SAID, "chosen": [GOOD], "rejected": [BAD]},
        {"chosen": [*SAID, GOOD], "rejected": [*SAID, BAD]},
        {"messages": [*SAID, GOOD], "rejected": ["Go away."]},
    ],
)
def test_pairs_of_other_programs_are_read(value, tmp_path):
    source = write(tmp_path / "pairs.jsonl", value)
    (only,) = read_preferences([source]).pairs
    assert (only.preference.chosen, only.preference.rejected) == ("Hello.", "Go away.")
    assert [turn.content for turn in only.preference.messages] == ["Hi!"]
    assert next(read(source)).dialogue.messages[-1].content == "Hello.", "a fine-tuning learns the better side"


def test_single_thumbs_are_read_in_both_forms(tmp_path):
    source = write(
        tmp_path / "thumbs.jsonl",
        {"messages": SAID, "chosen": "Hello."},
        {"messages": SAID, "rejected": "Go away."},
        {"prompt": "Hi!", "completion": "Hey.", "label": True},
        {"prompt": "Hi!", "completion": "What?", "label": False},
    )
    assert recognise(tmp_path / "thumbs.jsonl") == "preferences"
    assert replies(source) == [("Hello.", ""), ("", "Go away."), ("Hey.", ""), ("", "What?")]


def test_copies_equal_sides_and_contradictions_are_left_out_and_told(tmp_path):
    turned = {"messages": SAID, "chosen": "B", "rejected": "A"}
    source = write(
        tmp_path / "pairs.jsonl",
        PAIR, {**PAIR, "chosen": " Hello. "}, {**PAIR, "rejected": "Hello. "}, turned, {**turned, "chosen": "A", "rejected": "B"},
    )  # fmt: skip
    reading = read_preferences([source])
    assert replies(source) == [("Hello.", "Go away.")]
    assert reading.sentence == (
        "1 pair of a better and a worse reply (1 from files). "
        "Left out: 1 copy, 1 with equal sides, 2 contradicted by others."
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"messages": SAID, "chosen": 3, "rejected": "x"}, "instead of text"),
        ({"chosen": [*SAID, GOOD], "rejected": [said("user", "Bye"), BAD]}, "different talks"),
        ({"chosen": [GOOD], "rejected": [BAD]}, "nothing before"),
        ({"messages": SAID, "chosen": SAID, "rejected": "B"}, "no reply at the end"),
    ],
)
def test_a_wrong_pair_is_told_with_its_line(value, why, tmp_path):
    source = write(tmp_path / "pairs.jsonl", PAIR, value)
    with pytest.raises(DatasetError, match=why) as caught:
        read_preferences([source])
    assert "Line 2" in caught.value.what


def test_the_commands_tell_what_was_found_and_write_it(store, talk, tmp_path, capsys):
    reply(store, talk, "Hello, you!", edited=True)
    source = f"conversation:{talk['conversation']}"
    assert cli.run(["data", "inspect", source]) == 0
    assert "1 pair of a better and a worse reply (1 edit)." in " ".join(capsys.readouterr().out.split())
    folder = tmp_path / "feedback"
    assert cli.run(["data", "feedback", source, "--output", str(folder)]) == 0
    assert "1 pair" in capsys.readouterr().out
    assert replies(str(folder / "preferences.jsonl")) == [("Hello, you!", "Hello.")]
    (learned,) = read(str(folder))
    assert learned.dialogue.messages[-1].content == "Hello, you!"


def test_a_conversation_without_judgements_says_what_to_do(talk, capsys):
    assert cli.run(["data", "feedback", f"conversation:{talk['conversation']}"]) == 1
    assert "Nothing was judged" in capsys.readouterr().err


def test_a_preference_is_a_pair_only_with_both_sides():
    assert Preference(messages=(), chosen="a", rejected="b").is_pair
    assert not Preference(messages=(), chosen="a").is_pair
