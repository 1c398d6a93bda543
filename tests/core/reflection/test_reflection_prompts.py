"""What a model proposes at quiet moments counts only when the person's own words bear it out."""

from __future__ import annotations

import pytest

from companion.core.conversation import Message
from companion.core.reflection.reflection_prompts import (
    CHUNK_BYTES,
    LONGEST_SUMMARY,
    LONGEST_TURN,
    NO_NAME,
    accepted_fact,
    accepted_summary,
    chunks,
    fact_turns,
    summary_turns,
)


@pytest.mark.parametrize(
    ("said", "proposal", "kept"),
    [
        ("We have two dogs.", "Sam has two dogs.", "{{user}} has two dogs."),
        ("Our daughter's name is Ida", " Sam's daughter's name is Ida. ", "{{user}}'s daughter's name is Ida."),
        ("I love working with my hands", "Sam loves working with his hands.", "{{user}} loves working with their hands."),
        ("I don't like coffee", "Sam doesn't like coffee", "{{user}} doesn't like coffee."),
        ("I used to study law", "Sam used to study law.", "{{user}} used to study law."),
    ],
)
def test_what_was_said_is_kept_in_the_models_words(said, proposal, kept):
    assert accepted_fact(proposal, said, "Sam") == kept


@pytest.mark.parametrize(
    ("said", "proposal"),
    [
        ("I don't like coffee", "Sam likes coffee."),
        ("I used to study law", "Sam studies law."),
        ("I want to be a teacher", "Sam is a teacher."),
        ("I have a sister", "Sam has a sister, and Sam is scared of spiders."),
        ("I'm a life coach", "Sam is a life coach, and Sam is a life coach."),
        ("I am from Iowa", "Sam's name is Sam."),
        ("I have two dogs", "Sam has three dogs."),
        ("I live in Graz", "Sam lives in Vienna."),
        ("I live in a small village near Graz with my aunt", "Sam lives."),
        ("We're getting married in June", "Sam's wife is getting married in June."),
        ("I have a cat", "I have a cat."),
        ("I have a cat", "Sam has a cat. You are welcome!"),
        ("I have a cat", "Sam says: “I have a cat”"),
        ("I have a cat", "Samantha has a cat."),
        ("I have a cat", "Sam has a {{char}} cat."),
        ("I have a cat", ""),
        ("I have a cat", "Sam"),
        ("My boss is strict", "Sam says she is strict with his boss"),
    ],
)
def test_what_nobody_said_is_not_kept(said, proposal):
    assert accepted_fact(proposal, said, "Sam") is None


def test_a_person_without_a_name_gets_one_only_while_the_model_writes():
    turns = fact_turns("We have two dogs.", "")
    assert turns[-1].text == f"{NO_NAME} says: We have two dogs."
    assert accepted_fact(f"{NO_NAME} has two dogs.", "We have two dogs.", "") == "{{user}} has two dogs."


def said(*texts: str) -> list[Message]:
    roles = ("user", "assistant")
    return [
        Message(id=n + 1, conversation=1, parent=n or None, role=roles[n % 2], text=text, created=0.0)
        for n, text in enumerate(texts)
    ]


TALK = said("I have a cat called Miso and we walked to the harbour.", "The harbour is lovely in winter.", "It snowed a lot.")


def test_a_summary_that_keeps_to_what_was_said_is_believed():
    text = "Sam has a cat called Miso. Sam walked to the harbour. Hoshi finds the harbour lovely in winter. It snowed."
    assert accepted_summary(f"{text} And the", "", TALK, "Sam", "Hoshi") == text


@pytest.mark.parametrize(
    "proposal", ["", "Sam flew to Mars and married a dragon there.", "Sam has a cat. Sam has a cat.", "x" * 5000, "…", "no end"]
)
def test_an_invented_summary_gives_way_to_what_rules_find(proposal):
    assert (
        accepted_summary(proposal, "Sam lives in Oslo.", TALK, "Sam", "Hoshi") == "Sam lives in Oslo. Sam has a cat called Miso."
    )


def test_a_summary_never_outgrows_its_room():
    earlier = "Sam lives in Oslo. " * 100
    kept = accepted_summary("", earlier, TALK, "Sam", "Hoshi")
    assert len(kept) <= LONGEST_SUMMARY
    assert kept.endswith("Sam has a cat called Miso.")


def test_long_talks_are_summed_up_in_portions_in_order():
    messages = said(*("long " * 400 if n % 3 else "短い" * 500 for n in range(30)))
    portions = chunks(messages)
    assert [message for portion in portions for message in portion] == messages
    for portion in portions:
        text = summary_turns("Before.", portion, "Sam", "Hoshi")[-1].text
        assert len(text.encode()) < CHUNK_BYTES + LONGEST_TURN + 500
