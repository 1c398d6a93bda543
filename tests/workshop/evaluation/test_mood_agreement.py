"""Mood agreement: what is read of replies that were written, and one pass with the starter model."""

from __future__ import annotations

import itertools
from collections import Counter
from types import SimpleNamespace

import pytest

from companion.core.character_library import built_in_character
from companion.core.moods import EKMAN, EKMAN_GROUPS, LABELS
from companion.core.recipes.evaluate import Mood, Replies
from companion.mood.classifier import MoodReader
from companion.workshop.evaluation import mood_agreement
from companion.workshop.evaluation.mood_agreement import Felt, Wish, asked_for, by_chance, read
from companion.workshop.evaluation.scripted import read_lines, shipped
from tests.workshop.evaluation.canned import reply, situation, values


@pytest.fixture(scope="module")
def reader() -> MoodReader:
    return MoodReader.load()


@pytest.mark.parametrize(
    ("mood", "text", "agrees"),
    [
        ("joy", "The kettle is on the table. I'm so happy that you are here!", True),
        ("anger", "I'm so happy that you are here!", False),
        ("anger", "I hate this, it makes me so angry!", True),
        ("sadness", "I'm so sad that it is over, I could cry.", True),
        ("joy", "", False),
    ],
)
def test_a_reply_agrees_when_one_of_its_sentences_has_the_mood(reader, mood, text, agrees):
    assert read(reader, Wish("w", mood, "Hello."), reply(text)).agrees is agrees


def test_what_is_read_most_strongly_is_neutral_only_when_nothing_is_felt(reader):
    felt = read(reader, Wish("w", "joy", "Hello."), reply("The door is open. I am so happy and glad!"))
    assert felt.strongest == "joy"
    assert felt.groups == {"joy"}
    assert read(reader, Wish("w", "joy", "Hello."), reply("The door is open.")).groups == {"neutral"}


def test_chance_is_the_mean_over_all_ways_to_deal_the_wishes_out():
    groups = [frozenset({"joy"}), frozenset({"joy", "anger"}), frozenset({"neutral"}), frozenset()]
    wishes = [Wish(str(n), mood, "x") for n, mood in enumerate(["joy", "anger", "joy", "fear"])]
    felt = [Felt(wish, reply("x"), found, "neutral") for wish, found in zip(wishes, groups, strict=True)]
    shares = []
    for order in itertools.permutations(wishes):
        dealt = [one._replace(wish=wish) for one, wish in zip(felt, order, strict=True)]
        shares.append(sum(one.agrees for one in dealt) / len(dealt))
    assert by_chance(felt) == pytest.approx(sum(shares) / len(shares))


def test_the_mood_is_asked_for_right_before_what_was_said(starter_opened):
    wish = Wish("w", "anger", "The train was late.")
    talk = asked_for(wish, built_in_character(), starter_opened)
    assert [turn.role for turn in talk.messages[-2:]] == ["system", "user"]
    assert talk.messages[-2].content == "Hoshi answers in this mood now: anger."
    bare = asked_for(wish, None, starter_opened)
    assert [turn.role for turn in bare.messages] == ["system", "user"]


def test_a_model_with_control_tags_gets_its_tag():
    tagged = SimpleNamespace(model=SimpleNamespace(vocabulary=SimpleNamespace(control_tokens={"<anger>": 5})))
    talk = asked_for(Wish("w", "anger", "The train was late."), None, tagged)
    assert talk.messages[0].content.endswith("<anger>")
    talk = asked_for(Wish("w", "joy", "The train was early."), None, tagged)
    assert "<" not in talk.messages[0].content


def test_the_shipped_wishes_are_of_all_groups_in_any_number():
    wishes = read_lines(shipped(mood_agreement.PROMPTS), Wish)
    assert len({wish.id for wish in wishes}) == len(wishes) == 36
    assert all(wish.mood in LABELS for wish in wishes)
    for most in (12, 24, 36):
        counts = Counter(EKMAN[wish.mood] for wish in wishes[:most])
        assert set(counts) == set(EKMAN_GROUPS) - {"neutral"}


def test_the_starter_is_asked_and_read(starter_opened):
    section = mood_agreement.measure(situation(opened=starter_opened, mood=Mood(prompts=6), replies=Replies(tokens=12)))
    found = values(section)
    assert 0 <= found["agreement"] <= 1
    assert 0 <= found["by_chance"] <= 1
    table = section.tables[0]
    assert sum(int(cell) for row in table.rows for cell in row[1:]) == 6
    assert all(len(row) == len(table.header) for row in table.rows)
    assert len(section.samples) == 6
