from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF

from companion.ui.stage.drawn_figure import MOUTH_AREA
from companion.ui.stage.face import Face
from companion.ui.stage.mouth import CENTRE, lips
from companion.ui.stage.posture import Posture
from companion.ui.stage.visemes import MOST_WAITING, VISEMES, Speech, seconds_of, viseme_of

SMILE = Face(mouth_width=25, mouth_lift=12)


@pytest.mark.parametrize(
    ("letters", "shape"),
    [("aAáäÅ", "open"), ("eiyEé", "wide"), ("ouwÖ", "round"), ("mbpMBP", "closed"), ("fvtks", "small"), (" .,!?\n*", "closed")],
)
def test_letters_have_the_mouth_that_speaks_them(letters: str, shape: str):
    assert {viseme_of(letter) for letter in letters} == {shape}


@given(st.characters())
def test_any_character_has_a_shape_and_a_length(letter: str):
    assert viseme_of(letter) in VISEMES
    assert 0 <= seconds_of(letter) < 0.5
    if not letter.isalnum() and not letter.isspace():
        assert viseme_of(letter) == "closed" or letter.isprintable()


@given(st.text(max_size=400), st.lists(st.floats(0.001, 0.1), min_size=1, max_size=60))
def test_a_speaking_mouth_is_always_a_mouth(text: str, beats: list[float]):
    speech = Speech()
    speech.hear(text)
    for beat in beats:
        speech.tick(beat)
        face = speech.mouth(SMILE)
        assert 0 <= speech.amount <= 1
        upper, lower = lips(face)
        place = Posture().features()
        assert all(MOUTH_AREA.contains(place.map(QPointF(CENTRE[0] + x, CENTRE[1] + y))) for x, y in upper + lower)
        assert all(low[1] >= high[1] for high, low in zip(upper, lower, strict=True))


def test_the_mouth_moves_while_she_speaks_and_comes_to_rest_in_her_mood():
    speech = Speech()
    assert speech.mouth(SMILE) == SMILE
    speech.hear("A nova is a star that brightens suddenly.")
    openings = []
    for _ in range(100):
        speech.tick(1 / 60)
        openings.append(speech.mouth(SMILE).mouth_open)
    assert max(openings) > 6
    assert min(openings[20:]) < 2
    for _ in range(400):
        speech.tick(1 / 60)
    assert not speech.active
    assert speech.mouth(SMILE) == SMILE


def test_a_model_that_writes_fast_does_not_keep_her_talking_for_minutes():
    speech = Speech()
    for _ in range(200):
        speech.hear("a long answer that comes quickly ")
    seconds = 0.0
    while speech.active:
        speech.tick(0.02)
        seconds += 0.02
    assert seconds < MOST_WAITING * 0.26


def test_stop_closes_the_mouth_soon():
    speech = Speech()
    speech.hear("aaaaaaaaaaaaaaaaaaaaaaaaaaa")
    speech.tick(0.1)
    speech.stop()
    for _ in range(30):
        speech.tick(1 / 60)
    assert not speech.active
