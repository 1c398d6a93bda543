"""The knapsack: against all possibilities where they can be counted, and against the clock of its promise where not."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.workshop.quantization.allocation import GAP, Choice, Limits, NoAllocation, allocate, supported

NUMBERS = st.integers(1, 1000).map(float)
CHOICES = st.lists(
    st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS).map(lambda each: Choice("t", *each)), min_size=1, max_size=4),
    min_size=1,
    max_size=4,
)


def best(choices, goal, limits):
    """By trying every combination."""
    found = []
    for taken in itertools.product(*choices):
        sums = {name: sum(getattr(choice, name) for choice in taken) for name in ("bytes", "damage", "seconds")}
        if all(getattr(limits, name) is None or sums[name] <= getattr(limits, name) for name in sums):
            found.append(sums[goal])
    return min(found, default=None)


@settings(deadline=None, max_examples=60)
@given(
    choices=CHOICES,
    goal=st.sampled_from(["bytes", "damage", "seconds"]),
    limit=st.sampled_from(["bytes", "damage", "seconds"]),
    share=st.floats(0.2, 1.2),
)
def test_no_combination_is_better(choices, goal, limit, share):
    most = share * sum(max(getattr(choice, limit) for choice in each) for each in choices)
    limits = Limits(**{limit: most})
    expected = best(choices, goal, limits)
    if expected is None:
        with pytest.raises(NoAllocation):
            allocate(choices, goal, limits)
        return
    found = allocate(choices, goal, limits)
    assert getattr(found, limit) <= most * (1 + 1e-6)
    assert getattr(found, goal) <= expected * (1 + GAP) + 1e-6


def test_three_hundred_matrices_and_fifteen_types_are_solved_to_the_promised_gap():
    chance = random.Random(1)
    choices = []
    for _ in range(300):
        weights, sensitivity = chance.uniform(1e5, 3e7), chance.lognormvariate(0, 2)
        bits = sorted(chance.uniform(2, 16) for _ in range(15))
        choices.append(
            [Choice(str(b), weights * b / 8, sensitivity * 4.0**-b * chance.uniform(0.7, 1.4), weights * b) for b in bits]
        )
    most = sum(each[5].bytes for each in choices)
    found = allocate(choices, "damage", Limits(bytes=most))
    assert found.gap <= GAP
    assert 0.995 * most <= found.bytes <= most
    assert len(found.kinds) == 300


@settings(deadline=None, max_examples=40)
@given(choices=CHOICES)
def test_what_prices_find_is_the_best_of_its_size_and_speed(choices):
    found = supported(choices)
    assert found
    for each in found:
        least = best(choices, "damage", Limits(bytes=each.bytes, seconds=each.seconds))
        assert each.damage == pytest.approx(least)


def test_prices_reach_from_the_smallest_to_the_best():
    chance = random.Random(2)
    choices = [
        [Choice(str(b), size * b, matters * 4.0**-b, size * b) for b in (2, 3, 4, 5, 6, 8)]
        for size, matters in ((chance.uniform(1e5, 1e7), chance.lognormvariate(0, 2)) for _ in range(200))
    ]
    found = sorted(supported(choices), key=lambda each: each.bytes)
    assert len(found) > 60
    assert found[0].bytes == pytest.approx(sum(each[0].bytes for each in choices))
    assert found[-1].damage < 1.1 * sum(each[-1].damage for each in choices)
