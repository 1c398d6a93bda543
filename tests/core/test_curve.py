from __future__ import annotations

import random

import pytest

from companion.core.curve import BLOCK, Curve


@pytest.mark.parametrize("count", [1, 5, BLOCK, BLOCK + 1, 10 * BLOCK + 3])
def test_extremes_are_those_of_all_numbers_wherever_one_looks(count):
    chance = random.Random(count)
    curve = Curve()
    for x in range(count):
        curve.add(x, chance.gauss(0, 1))
    for _ in range(200):
        begin = chance.randrange(count)
        end = chance.randint(begin + 1, count)
        assert curve.extremes(begin, end) == (min(curve.ys[begin:end]), max(curve.ys[begin:end]))


def test_what_is_no_number_is_left_out_and_steps_never_fall():
    curve = Curve()
    for x, y in ((1, 2.0), (2, float("nan")), (3, float("inf")), (4, 1.0), (2, 5.0)):
        curve.add(x, y)
    assert list(curve.xs) == [1, 4, 4]
    assert list(curve.ys) == [2.0, 1.0, 5.0]
