"""Cleaning: everything found is counted and shown, nothing is taken that was not asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.dataset_findings import CleaningOptions
from companion.core.errors import DatasetError
from companion.workshop.data.cleaning.pipeline import Cleaning
from companion.workshop.data.cleaning.texts import mask_emails, mask_keys, mask_phones, without_markers
from companion.workshop.data.telling_words import telling_words
from tests.workshop.data.conftest import talk

TALES = ("the wind over the hills", "a lighthouse and its keeper", "three foxes in the snow", "an old map of the harbour")


def tale(number: int, **more):
    """Ordinary dialogues, all different."""
    subject = TALES[number % 4]
    told = f"Once, in the year {number * 37}, there was {subject}; the {number}th night brought {number * 7} small surprises."
    return talk(f"Tell me tale number {number}, please.", told, **more)


def cleaned(path, **options):
    cleaning = Cleaning([str(path)], CleaningOptions(**options))
    kept = [found.dialogue for found in cleaning.dialogues()]
    return kept, {finding.step: finding for finding in cleaning.findings()}


def texts(dialogue):
    return [turn.content for turn in dialogue.messages]


def test_sound_dialogues_stay_as_they_are(write):
    path = write("data.jsonl", *[tale(n) for n in range(40)])
    kept, findings = cleaned(path, language="en", mask=("email", "phone", "key"))
    assert len(kept) == 40
    assert findings == {}


def test_only_equal_dialogues_are_copies_where_nothing_less_is_asked_for(write):
    twice, varied = tale(1), tale(1)
    varied["messages"][-1]["content"] += " Indeed."
    path = write("data.jsonl", tale(1), twice, varied)
    assert len(cleaned(path)[0]) == 1
    assert len(cleaned(path, similar=1.0)[0]) == 2


def test_empty_turns_and_dialogues_without_a_reply_go(write):
    path = write("data.jsonl", tale(1), talk("Hi!", "  ", "You there?", "Yes."), talk("Hello?", ""), talk("Hello?"))
    kept, findings = cleaned(path)
    assert [len(dialogue.messages) for dialogue in kept] == [2, 3]
    assert findings["empty"].sentence == "2 turns hold no word."
    assert findings["silent"].count == 2
    assert findings["silent"].cases[0].place == "Line 3 of “data.jsonl”"


def test_what_cannot_be_read_is_counted_and_passed_over(write):
    kept, findings = cleaned(write("data.jsonl", tale(1), "{broken", {"messages": [{"role": "robot", "content": "x"}]}, tale(2)))
    assert len(kept) == 2
    assert findings["broken"].count == 2
    case = findings["broken"].cases[0]
    assert case.place == "Line 2 of “data.jsonl”"
    assert case.before.startswith("is not JSON")


def test_damaged_encoding_is_mended(write):
    kept, findings = cleaned(write("data.jsonl", talk("SchÃ¶n, dass du da bist â€“ wirklich!", "Danke schön – gern.")))
    assert texts(kept[0]) == ["Schön, dass du da bist – wirklich!", "Danke schön – gern."]
    assert findings["encoding"].count == 1
    assert "Schön" in findings["encoding"].cases[0].after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Hello<|im_end|>", "Hello"),
        ("<|im_start|>assistant\nHi</s>", "assistant\nHi"),
        ("[INST] Hi [/INST]", "Hi"),
        ("<start_of_turn>Hi<end_of_turn>", "Hi"),
        ("\x1b[31mred\x1b[0m and \x07bell", "red and bell"),
        ("zero\u200bwidth", "zerowidth"),
        ("a < b | c > d, <3 and [1] stay", "a < b | c > d, <3 and [1] stay"),
        ("family 👨\u200d👩\u200d👧 stays", "family 👨\u200d👩\u200d👧 stays"),
    ],
)
def test_control_tokens_and_invisible_characters_go(before, after):
    assert without_markers(before) == after


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_cleaning_a_text_twice_changes_nothing_more(text):
    once = without_markers(mask_phones(mask_emails(mask_keys(text))))
    assert without_markers(mask_phones(mask_emails(mask_keys(once)))) == once


def test_copies_go_and_the_first_stays(write):
    near = tale(3)
    near["messages"][1]["content"] += " Indeed."
    kept, findings = cleaned(write("data.jsonl", tale(1), tale(3), tale(1), near))
    assert len(kept) == 2
    assert findings["copies"].count == 1
    assert findings["near-copies"].cases[0].after == "(like line 2 of “data.jsonl”)"


def test_short_dialogues_are_no_near_copies(write):
    kept, _ = cleaned(write("data.jsonl", *[talk(f"Hi, I am {name}.", f"Hello, {name}!") for name in ("Ann", "Ben", "Cleo")]))
    assert len(kept) == 3


def test_unusual_lengths_go(write):
    long = talk("Tell me all.", "And then the sea rose over the quiet town once more. " * 400)
    kept, findings = cleaned(write("data.jsonl", *[tale(n) for n in range(40)], long))
    assert len(kept) == 40
    assert "longest reply" in findings["lengths"].cases[0].before


def test_boilerplate_is_cut_and_the_rest_of_the_reply_stays(write):
    lines = [tale(n) for n in range(40)]
    for line in lines[:12]:
        line["messages"][1]["content"] += " As an AI language model I do not have any feelings."
    alone = talk("What are you?", "As an AI language model I do not have any feelings.")
    kept, findings = cleaned(write("data.jsonl", *lines, alone))
    assert findings["boilerplate"].count == 12
    assert not any("language model" in texts(dialogue)[1] for dialogue in kept[:12])
    assert texts(kept[-1]) == ["What are you?", "As an AI language model I do not have any feelings."]


def test_another_language_goes_only_when_one_is_asked_for(write):
    german = talk("Wie war dein Tag heute, mein lieber Freund?", "Ganz ruhig; ich habe lange in den Himmel geschaut.")
    path = write("data.jsonl", tale(1), german)
    assert len(cleaned(path)[0]) == 2
    kept, findings = cleaned(path, language="en")
    assert len(kept) == 1
    assert findings["language"].cases[0].before.startswith("de (")
    with pytest.raises(DatasetError, match="no language"):
        cleaned(path, language="klingon")


@pytest.mark.parametrize(
    ("mask", "before", "after"),
    [
        (mask_emails, "Write to ann.b+c@mail.example.org, please.", "Write to [e-mail], please."),
        (mask_emails, "an @mention and a@b stay", "an @mention and a@b stay"),
        (mask_phones, "Call +49 170 1234567 or (030) 123-4567.", "Call [phone] or [phone]."),
        (mask_phones, "Call 555-123-4567.", "Call [phone]."),
        (mask_phones, "On 2024-05-06, 12.05.2024, 1999-2003 or 1,234,567 and 3.14159265", None),
        (mask_phones, "It costs 12345678 yen and 100 000 won at 12:30.", None),
        (mask_keys, "key sk-abcdEFGH1234567890abcd and ghp_" + "a1" * 15, "key [key] and [key]"),
        (mask_keys, "AKIAABCDEFGHIJKLMNOP", "[key]"),
        (mask_keys, "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", "[key]"),
        (mask_keys, "task-oriented risk-free skill", None),
    ],
)
def test_masks_hide_what_they_are_for_and_nothing_else(mask, before, after):
    assert mask(before) == (before if after is None else after)


def test_masks_are_off_unless_asked_for(write):
    path = write("data.jsonl", talk("I am ann@example.org", "Hello, Ann, at ann@example.org!"))
    assert "ann@example.org" in texts(cleaned(path)[0][0])[0]
    kept, findings = cleaned(path, mask=("email",))
    assert texts(kept[0]) == ["I am [e-mail]", "Hello, Ann, at [e-mail]!"]
    assert findings["email"].count == 2


def test_imbalance_is_reported_and_nothing_taken(write):
    lines = [tale(n, topic="sea" if n < 36 else "sky") for n in range(40)]
    kept, findings = cleaned(write("data.jsonl", *lines, talk("Hm.", "So. " * 20)), skip=("lengths",))
    assert len(kept) == 41
    assert findings["labels"].sentence == "90% of the dialogues have “sea” as their topic."
    assert findings["speakers"].count == 1
    assert not findings["labels"].changes


def test_a_single_topic_is_named_by_what_stands_in_it(write):
    stars = [talk(f"What is star {n}?", f"Star {n} is a bright sun.") for n in range(30)]
    hellos = [talk("Good evening, Hoshi!", f"Good evening, Otto. {n}", user="Otto", assistant="Hoshi") for n in range(5)]
    _, findings = cleaned(write("data.jsonl", *stars, *hellos), skip=("copies", "lengths", "boilerplate"))
    assert findings["topics"].sentence == "86% of the dialogues seem to be about one thing: bright, star, sun."


def test_what_has_nothing_in_common_is_no_topic(write):
    lines = [talk("And then?", " ".join(f"word{chr(97 + n)}{chr(97 + k)}" for k in range(9))) for n in range(26)]
    _, findings = cleaned(write("data.jsonl", *lines), skip=("copies",))
    assert "topics" not in findings


def test_groups_are_named_by_what_tells_them_apart_without_numbers():
    texts = [f"Matey, a grand sight tonight: star {n}" for n in range(20)] + [
        f"Matey, a grand soup, {n} onions" for n in range(20)
    ]
    labels = np.array([0] * 20 + [1] * 20)
    names = telling_words(texts, labels, 4)
    assert names == {0: ("sight", "star", "tonight"), 1: ("onions", "soup")}


def test_steps_can_be_left_out(write):
    kept, findings = cleaned(write("data.jsonl", tale(1), tale(1)), skip=("copies",))
    assert len(kept) == 2
    assert findings == {}
    with pytest.raises(DatasetError, match="no step called “polish”"):
        Cleaning(["x"], CleaningOptions(skip=("polish",)))
    with pytest.raises(DatasetError, match="no mask called “name”"):
        Cleaning(["x"], CleaningOptions(mask=("name",)))


def test_what_was_done_is_a_record(write):
    cleaning = Cleaning([str(write("data.jsonl", tale(1), tale(1)))], CleaningOptions(mask=("email",), skip=("lengths",)))
    list(cleaning.dialogues())
    assert cleaning.sentences() == (
        "Cleaned: 1 of 2 dialogues kept (email masked, without lengths).",
        "1 dialogue is a copy of an earlier one.",
    )
