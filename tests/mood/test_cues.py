from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.moods import LABELS
from companion.mood.cues import cue


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Hello 😊", "joy"),
        ("😂😂 no 😭", "sadness"),
        ("See you ❤️", "love"),
        ("ok :(", "sadness"),
        ("*chuckles*", "amusement"),
        ("*smiling, she nods* Hello", "joy"),
        ("*cries softly*", "sadness"),
        ("*She nods.* *Sighs*", "disappointment"),
        ("*blushes* 😊", "joy"),
        ("She laughs.", None),
        ("*a human being*", None),
        ("2 * 3 * 4", None),
        ("Plain.", None),
        ("", None),
    ],
)
def test_signs(text, label):
    assert cue(text) == label


@given(st.text())
def test_any_text_has_a_known_sign_or_none(text):
    assert cue(text) in {None, *LABELS}
    assert cue(f"*{text}*") in {None, *LABELS}


def test_a_sign_speaks_where_words_say_nothing_and_not_against_them(reader):
    signed, plain, against = reader.read(["*chuckles*", "*nods*", "I hate you 😊"])
    assert (signed.label, plain.label) == ("amusement", "neutral")
    assert signed.score >= 0.6
    assert signed.valence > plain.valence
    assert against.valence < 0
