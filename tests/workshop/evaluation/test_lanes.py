"""Lanes give what one would give, in the same order, and end together."""

from __future__ import annotations

import time

import pytest

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.recipes.evaluate import Evaluate, Replies
from companion.workshop.evaluation.family import Prompt
from companion.workshop.evaluation.lanes import in_lanes, lanes_for
from companion.workshop.evaluation.opened import open_subjects
from companion.workshop.evaluation.replies import answer


@pytest.fixture(scope="module")
def opened(talkative_model):
    with open_subjects(Evaluate(subjects=((str(talkative_model),),))) as (subjects, _):
        yield subjects[0]


def prompts(count: int = 7) -> list[Prompt]:
    said = ["hello", "what is your name", "tell me about the star", "how are you", "is love good", "think", "night"]
    return [Prompt(f"d{i}#1", Dialogue(messages=(DialogueTurn("user", said[i]),))) for i in range(count)]


def test_replies_of_several_lanes_are_those_of_one(opened):
    options = Replies(tokens=8, at_once=2)
    one, three = (
        [reply.text for reply in answer(opened._replace(threads=threads), prompts(), options, 3, lambda share: None)]
        for threads in (1, 3)
    )
    assert one == three


def test_small_work_and_large_models_have_one_lane(opened):
    assert lanes_for(opened._replace(threads=4), 1) == 1
    assert lanes_for(opened._replace(threads=2), 9) == 2


@pytest.mark.parametrize("lane", [0, 1])
def test_what_a_lane_raises_ends_the_others(opened, lane):
    class Enough(Exception):
        pass

    def work(context, part, told):
        if part == [lane]:
            raise Enough
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            told(0.5)
        raise AssertionError("nobody ended this lane")

    with pytest.raises(Enough):
        in_lanes(opened, [0, 1], 2, lambda lane, part: lane.context(64), work, lambda share: None)
