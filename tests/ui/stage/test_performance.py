from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.ui.stage.drawn_figure import EYES_AREA, HEAD_AREA, MOUTH_AREA, changed_areas, moved
from companion.ui.stage.face import Face
from companion.ui.stage.motion import Blinking, Gaze, Spring, breath
from companion.ui.stage.performance import BLEND_S, Performance
from companion.ui.stage.posture import HAIR, HEAD, Posture

HAPPY = Face(eye_open=0, eye_happy=1, mouth_open=12, tilt=3)


def run(performance: Performance, seconds: float) -> None:
    for _ in range(round(seconds * 60)):
        performance.tick(1 / 60)


def test_a_new_face_comes_gradually_and_completely():
    performance = Performance(Face(), Random(1))
    performance.show(HAPPY)
    assert performance.face == Face()
    run(performance, BLEND_S / 2)
    assert Face().mouth_open < performance.face.mouth_open < HAPPY.mouth_open
    run(performance, BLEND_S)
    assert performance.face == HAPPY


def test_a_change_in_the_middle_of_a_change_starts_from_what_is_seen():
    performance = Performance(Face(), Random(1))
    performance.show(HAPPY)
    run(performance, BLEND_S / 2)
    between = performance.face
    performance.show(Face())
    assert performance.face == between
    run(performance, BLEND_S * 1.5)
    assert performance.face == Face()


def test_settling_ends_every_motion():
    performance = Performance(Face(), Random(1))
    performance.show(HAPPY)
    performance.speech.hear("hello")
    run(performance, 0.1)
    performance.settle()
    assert not performance.lively
    face, posture = performance.frame()
    assert face == HAPPY._replace(gaze_x=0, gaze_y=0)
    assert posture._replace(steam=0) == Posture(tilt=3)


def test_she_blinks_at_irregular_times_and_sometimes_twice():
    blinking = Blinking(Random(3))
    starts, before, time = [], 0.0, 0.0
    for _ in range(60 * 120):
        lids = blinking.tick(1 / 60)
        time += 1 / 60
        if lids > 0 and before == 0:
            starts.append(time)
        assert 0 <= lids <= 1
        before = lids
    pauses = [b - a for a, b in pairwise(starts)]
    assert 15 < len(starts) < 60
    assert min(pauses) < 0.6, "a double blink"
    assert max(pauses) > 4
    assert len({round(pause, 1) for pause in pauses}) > 10


def test_the_gaze_follows_the_pointer_and_wanders_when_it_rests():
    gaze = Gaze(Random(5))
    gaze.point((0.5, -0.2))
    assert gaze.tick(0.1) == (0.5, -0.2)
    seen = set()
    for _ in range(1000):
        gaze.point((0.5, -0.2))
        seen.add(gaze.tick(0.05))
    assert len(seen) > 5
    gaze.point((-0.5, 0.1))
    assert gaze.tick(0.1) == (-0.5, 0.1)
    gaze.point(None)
    assert gaze.tick(10.0) != (-0.5, 0.1)


def test_an_embarrassed_gaze_is_not_drawn_to_the_pointer():
    shy, open_ = Performance(Face(gaze_x=-0.85), Random(1)), Performance(Face(), Random(1))
    for performance in (shy, open_):
        for step in range(60):
            performance.gaze.point((0.9, 0.001 * step))
            performance.tick(1 / 60)
    assert shy.frame().face.gaze_x < -0.5
    assert open_.frame().face.gaze_x > 0.7


@given(st.lists(st.floats(0.0001, 0.1), min_size=1, max_size=100), st.floats(1, 30), st.floats(0.2, 1))
def test_a_spring_never_explodes(beats: list[float], pace: float, damping: float):
    spring = Spring(pace, damping)
    spring.goal = 1.0
    for beat in beats:
        assert abs(spring.tick(beat)) < 2.2


@given(st.floats(0, 10000))
def test_breath_goes_from_empty_to_full(time: float):
    assert 0 <= breath(time) <= 1
    assert breath(0) == pytest.approx(0)


@given(
    *(st.floats(-1, 1) for _ in range(3)),
    st.floats(-10, 10),
    st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
)
def test_the_parts_of_her_hair_meet(turn: float, nod: float, lean: float, tilt: float, swing: tuple[float, float]):
    posture = Posture(turn=turn, nod=nod, tilt=tilt, lean=lean, front=swing, behind=swing)
    for layer, (first, second, _) in HAIR.items():
        top, middle, bottom = posture.hair(layer)
        for x in (100.0, 320.0, 540.0):
            for upper, lower, y in ((top, middle, first), (middle, bottom, second)):
                one, other = upper.map(x, y), lower.map(x, y)
                assert one == pytest.approx(other, abs=1e-6)


def test_the_upright_head_lies_where_the_portrait_has_it():
    x, y = HEAD.map(265.0, 304.0)
    assert (x, y) == (pytest.approx(260.3, abs=0.2), pytest.approx(286.9, abs=0.2))  # the left eye of portrait.svg


def test_only_what_looks_different_is_painted_again():
    face = Face()
    assert changed_areas(face, face, 1.0) == []
    assert changed_areas(face, face._replace(eye_open=0.5), 1.0) == [EYES_AREA]
    assert changed_areas(face, face._replace(mouth_open=5), 1.0) == [MOUTH_AREA]
    assert changed_areas(face, face._replace(blush=2), 1.0) == [HEAD_AREA]
    assert changed_areas(face, face._replace(mouth_open=0.1), 1.0) == [], "less than a quarter of a pixel"
    assert changed_areas(face, face._replace(mouth_open=0.1), 4.0) == [MOUTH_AREA]
    assert not moved(Posture(), Posture(rise=0.15), 1.0)
    assert moved(Posture(), Posture(rise=0.3), 1.0)
    assert moved(Posture(), Posture(behind=(0, 0.4)), 1.0)
