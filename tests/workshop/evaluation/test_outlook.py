"""How long an evaluation still takes, told from its beginning on and corrected by what it has taken."""

from __future__ import annotations

import pytest

from companion.core.recipes.evaluate import Evaluate, Likelihood, Replies
from companion.workshop.evaluation.outlook import ANSWERING, USUAL, Outlook

PARTS = ("likelihood", "talk", "persona", "cost")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def outlook(clock: Clock, recipe: Evaluate | None = None, size: int = 100_000_000) -> Outlook:
    return Outlook(recipe or Evaluate(subjects=(("a.gguf",),)), PARTS, 40, size, clock)


def usual() -> dict[str, float]:
    return {ANSWERING: 40.0} | {part: USUAL[part](Evaluate()) for part in PARTS}


def test_before_anything_is_known_it_is_what_is_usual_for_a_model_of_this_size():
    assert outlook(Clock()).at(0).seconds_left == pytest.approx(sum(usual().values()), abs=0.1)
    assert outlook(Clock(), size=700_000_000).at(0).seconds_left == pytest.approx(7 * sum(usual().values()), abs=0.1)


@pytest.mark.parametrize("slower", [0.5, 3.0])
def test_what_it_took_so_far_tells_of_the_rest(slower: float):
    clock = Clock()
    ahead, fractions = outlook(clock), []
    whole = slower * sum(usual().values())
    for step, seconds in usual().items():
        ahead.begin(0, step)
        for part in range(11):
            found = ahead.at(part / 10)
            fractions.append(found.fraction)
            if found.fraction > 0.5:
                assert found.seconds_left == pytest.approx(whole * (1 - found.fraction), rel=0.25, abs=0.2)
            clock.now += slower * seconds / 10 if part < 10 else 0
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_what_an_earlier_run_has_done_is_not_waited_for():
    ahead = outlook(Clock())
    for step in (ANSWERING, "likelihood", "talk", "persona"):
        ahead.skip(0, step)
    assert ahead.at(0).seconds_left == pytest.approx(usual()["cost"], abs=0.1)
    assert ahead.at(0).fraction == pytest.approx(1 - usual()["cost"] / sum(usual().values()), abs=1e-6), "the bar stays"


def test_the_first_of_two_is_not_compared_with_itself():
    recipe = Evaluate(subjects=(("a.gguf",), ("b.gguf",)), likelihood=Likelihood(dialogues=10), replies=Replies(dialogues=1))
    two = Outlook(recipe, ("likelihood", "divergence"), 0, 100_000_000, Clock())
    expected = 2 * USUAL["likelihood"](recipe) + USUAL["divergence"](recipe)
    assert two.at(0).seconds_left == pytest.approx(expected, abs=0.1)


def test_parts_that_nothing_is_known_of_are_counted_too():
    ahead = Outlook(Evaluate(subjects=(("a.gguf",),)), ("tasks",), 0, 100_000_000, Clock())
    assert ahead.at(0).seconds_left > 10
    ahead.begin(0, "tasks")
    assert ahead.at(1.0).fraction == 1.0
