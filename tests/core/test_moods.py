from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.moods import (
    EKMAN,
    EKMAN_GROUPS,
    LABELS,
    NEUTRAL,
    Mood,
    MoodOverTime,
    SentenceStream,
    split_sentences,
)

JOY = Mood("joy", 0.9, 0.8, 0.5)
ANGER = Mood("anger", 0.9, -0.5, 0.6)


def test_every_label_has_its_group():
    assert len(LABELS) == len(set(LABELS)) == 28
    assert LABELS[-1] == NEUTRAL.label
    assert set(EKMAN) == set(LABELS)
    assert set(EKMAN.values()) == set(EKMAN_GROUPS)
    assert JOY.group == "joy"
    assert Mood("remorse", 1, 0, 0).group == "sadness"


# Over time


def test_the_first_feeling_shows_at_once():
    mood = MoodOverTime().add(JOY, 100.0)
    assert mood.label == "joy"
    assert 0 < mood.valence < JOY.valence


def test_one_odd_sentence_does_not_change_the_face_and_two_do():
    moods = MoodOverTime()
    for second in range(3):
        moods.add(JOY, float(second))
    assert moods.add(ANGER, 3.0).label == "joy"
    assert moods.add(ANGER, 4.0).label == "anger"


def test_a_plain_sentence_leaves_the_mood_and_several_end_it():
    moods = MoodOverTime()
    moods.add(JOY, 0.0)
    assert moods.add(NEUTRAL, 1.0).label == "joy"
    assert moods.add(NEUTRAL, 2.0).label == "neutral"


def test_a_mood_fades_by_half_in_a_half_life_and_ends_neutral():
    moods = MoodOverTime(half_life=10.0)
    start = moods.add(JOY, 5.0)
    later = moods.at(15.0)
    assert later.label == "joy"
    assert later.score == pytest.approx(start.score / 2)
    assert later.valence == pytest.approx(start.valence / 2)
    end = moods.at(300.0)
    assert (end.label, end.valence) == ("neutral", pytest.approx(0, abs=1e-6))


def test_a_clock_that_goes_back_changes_nothing():
    moods = MoodOverTime()
    before = moods.add(JOY, 50.0)
    assert moods.at(10.0) == before


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.floats(0, 1), st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1e6))))
def test_whatever_is_read_the_mood_stays_a_mood(readings):
    moods = MoodOverTime()
    for label, score, valence, arousal, now in readings:
        mood = moods.add(Mood(label, score, valence, arousal), now)
        assert mood.label in LABELS
        assert 0 <= mood.score <= 1
        assert -1 <= mood.valence <= 1
        assert -1 <= mood.arousal <= 1


# Sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n ", []),
        ("Hello there! How are you?", ["Hello there!", "How are you?"]),
        ("i love it. you are great", ["i love it.", "you are great"]),
        ("Well... maybe. I… guess so.", ["Well... maybe.", "I… guess so."]),
        ("Wait... What?", ["Wait...", "What?"]),
        ("Dr. Who met Mr. Bean, e.g. in London. J. R. Smith too.", ["Dr. Who met Mr. Bean, e.g. in London.", "J. R. Smith too."]),
        ("So do I. Yes.", ["So do I.", "Yes."]),
        ("No. I won't. It is no. 5.", ["No.", "I won't.", "It is no. 5."]),
        ("It costs 3.50 now. Ok.", ["It costs 3.50 now.", "Ok."]),
        ("*She smiles softly.* Hi!", ["*She smiles softly.*", "Hi!"]),
        ("*smiles* Hello. *waves!* Bye.", ["*smiles* Hello.", "*waves!*", "Bye."]),
        ("“Stop!” she said. “Why?” He left.", ["“Stop!” she said.", "“Why?”", "He left."]),
        ("Great! 😊 You came. :) <3 Sit down.", ["Great! 😊", "You came. :) <3", "Sit down."]),
        ("one\ntwo\n\nthree", ["one", "two", "three"]),
        ("你好。今天好吗？好！", ["你好。", "今天好吗？", "好！"]),
        ("What?! No!!! Ok", ["What?!", "No!!!", "Ok"]),
    ],
)
def test_sentences(text, expected):
    assert split_sentences(text) == expected


def test_a_sentence_comes_as_soon_as_the_next_has_begun():
    stream = SentenceStream()
    assert stream.add("I missed you! Where ") == ["I missed you!"]
    assert stream.add("were you?") == []
    assert stream.finish() == ["Where were you?"]
    assert stream.finish() == []


TEXTS = st.text(st.sampled_from("ab AI1.!?…*\"'”\n😊:)<3D-。 \ud800"), max_size=60) | st.text(max_size=60)


@given(TEXTS, st.lists(st.integers(1, 7)))
def test_however_a_reply_is_cut_its_sentences_are_the_same(text, sizes):
    stream, found, at = SentenceStream(), [], 0
    for size in sizes:
        found += stream.add(text[at : at + size])
        at += size
    found += stream.add(text[at:]) + stream.finish()
    assert found == split_sentences(text)
    assert "".join("".join(found).split()) == "".join(text.split()), "nothing is lost"


@pytest.mark.parametrize("text", ["." * 100_000, "a" * 100_000, "! " * 50_000, "😊" * 100_000, "\n" * 100_000, '."' * 50_000])
def test_long_and_odd_texts_come_to_an_end(text):
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())
