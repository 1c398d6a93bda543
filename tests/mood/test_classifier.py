from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from companion.core.moods import EKMAN, LABELS
from companion.mood.classifier import weights_file

PLAIN = """
The train leaves at nine.
I put the keys on the table.
My sister lives in Hamburg.
It is Tuesday today.
The shop opens at eight in the morning.
We had pasta for dinner.
I work in an office.
The meeting is in room four.
There are two cups in the kitchen.
He is reading a book.
She parked the car behind the house.
Water boils at 100 degrees.
I'm going to the store later.
The report is on your desk.
My phone has a black case.
It rained a little yesterday.
The bus stops near the library.
I usually get up at seven.
They moved to a new flat in May.
The file is in the second folder.
Let me check the calendar.
I am at home.
*She sits down at the table.*
Paris is the capital of France.
The cat sleeps on the sofa.
I took the bus to work.
You can find it on page twelve.
The window is open.
I have a brother and a sister.
He said he would call at five.
""".strip().splitlines()

FELT = {
    "I love you so much!": "love",
    "Thank you, that really helped me.": "gratitude",
    "I'm so sad today.": "sadness",
    "I'm scared of the dark.": "fear",
    "That's disgusting!": "disgust",
    "You make me so angry!": "anger",
    "haha that was hilarious": "amusement",
    "Wow, I didn't expect that!": "surprise",
    "I'm so sorry, it was my fault.": "remorse",
    "I don't understand, I'm confused.": "confusion",
    "I hope everything goes well tomorrow.": "optimism",
    "I can't wait for the concert!!": "excitement",
    "I'm so happy!": "joy",
    "That was so embarrassing.": "embarrassment",
    "I wish I had a dog.": "desire",
    "What a beautiful painting, you are very talented.": "admiration",
    "I was really disappointed by the ending.": "disappointment",
}


def test_the_weights_are_small():
    assert weights_file().stat().st_size < 6_000_000


def test_plain_statements_are_neutral(reader):
    wrong = {text: mood.label for text, mood in zip(PLAIN, reader.read(PLAIN), strict=True) if mood.label != "neutral"}
    assert not wrong


def test_plain_statements_are_near_the_middle_of_the_circumplex(reader):
    moods = reader.read(PLAIN)
    assert sum(abs(mood.valence) for mood in moods) / len(moods) < 0.15
    assert sum(abs(mood.arousal) for mood in moods) / len(moods) < 0.15


@pytest.mark.parametrize(("text", "label"), FELT.items())
def test_plain_feelings_are_read(reader, text, label):
    assert reader.read([text])[0].label == label


@pytest.mark.parametrize(
    ("pleasant", "unpleasant"),
    [("I love this.", "I hate this."), ("What a great day!", "What a terrible day!"), ("Thank you :)", "Leave me alone :(")],
)
def test_pleasant_and_unpleasant_are_told_apart(reader, pleasant, unpleasant):
    good, bad = reader.read([pleasant, unpleasant])
    assert good.valence > 0.2
    assert bad.valence < -0.1


def test_fear_is_more_aroused_than_sadness(reader):
    fear, sadness = reader.read(["I'm terrified!!", "I feel so sad and tired."])
    assert fear.arousal > 0.2 > sadness.arousal


@settings(deadline=None)
@given(st.text() | st.text(st.characters(categories=["Cs", "So", "Sk", "Mn", "Lu"])))
@example("")
@example("\ud83d")
@example("😊" * 3)
@example("a" * 100_000)
@example("!" * 100_000)
@example("x " * 50_000)
@example("'" * 100_000)
@example("T_" * 50_000)
@example("I'" * 50_000)
@example("\x00\x01")
def test_any_text_has_a_mood(reader, text):
    (mood,) = reader.read([text])
    assert mood.label in LABELS
    assert len(mood.scores) == len(LABELS)
    assert all(0 <= score <= 1 for score in mood.scores)
    assert 0 <= mood.score <= 1
    assert -1 <= mood.valence <= 1
    assert -1 <= mood.arousal <= 1
    assert mood.group == EKMAN[mood.label]
    assert mood == reader.read([text])[0]


def test_no_texts_have_no_moods(reader):
    assert reader.read([]) == []
