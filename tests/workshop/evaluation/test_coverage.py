"""Do 95 % intervals hold the truth in 93 to 97 of 100 evaluations? `coverage_simulation` prints the large table."""

from __future__ import annotations

import pytest

from companion.core.recipes.evaluate import Certainty
from tests.workshop.evaluation.coverage_simulation import SITUATIONS, Situation, measure

SAMPLES = 400
"""By chance alone the share of a sample this large differs by 2.2 per cent."""
NAMES = (
    "held-out loss, unequal lengths",
    "share of 5%",
    "share, several answers each",
    "difference of losses",
    "difference of shares",
)


def title(situation: Situation) -> str:
    return f"{situation.name}, {situation.units} units"


@pytest.mark.parametrize("situation", [each for each in SITUATIONS if each.name in NAMES and each.units <= 40], ids=title)
def test_intervals_hold_the_truth_about_as_often_as_they_say(situation):
    found = measure(situation, SAMPLES, Certainty(draws=400))
    assert 0.915 < found.held < 0.99


@pytest.mark.slow
@pytest.mark.parametrize("situation", SITUATIONS, ids=title)
def test_intervals_hold_the_truth_in_93_to_97_of_100_evaluations(situation):
    found = measure(situation, 4000, Certainty(draws=1000))
    assert 0.925 < found.held < 0.985
