"""The index itself, and that chance is told from change."""

from __future__ import annotations

import random
from math import log

import pytest

from companion.core.monitoring import stability
from companion.core.monitoring.signals import lower_end
from companion.core.monitoring.stability import LARGE, SOME, SURE, Counted, chance, histogram, stability_index


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stability, "BREATH_SECONDS", 0)


def drawn(weights: list[float], blocks: int, each: int, seed: int) -> list[Counted]:
    chance = random.Random(seed)
    bins = range(len(weights))
    return [Counted(str(block), {chance.choices(bins, weights)[0]: 1}) for block in range(blocks) for _ in range(each)]


def test_it_is_the_sum_that_siddiqi_gives() -> None:
    one, other = [3000.0, 7000.0], [5000.0, 5000.0]
    expected = (0.3 - 0.5) * log(0.3 / 0.5) + (0.7 - 0.5) * log(0.7 / 0.5)
    assert stability_index(one, other) == pytest.approx(expected, abs=1e-3)
    assert stability_index(one, other) == pytest.approx(stability_index(other, one))
    assert stability_index(one, [3.0, 7.0]) < 0.01, "shares count, not how many there are"
    assert stability_index([0.0, 10.0], [10.0, 0.0]) > LARGE, "an empty bin is no division by zero"


def test_a_change_is_found_and_a_large_index_of_few_replies_is_not_believed() -> None:
    even, skewed = [1.0] * 10, [4.0, 3.0, 2.0, *[1.0] * 7]
    now, before = drawn(skewed, 40, 8, 1), drawn(even, 40, 8, 2)
    assert stability_index(histogram(now, 10), histogram(before, 10)) > SOME
    assert chance(now, before, 10) <= SURE
    few, others = drawn(even, 10, 2, 3), drawn(even, 10, 2, 4)
    assert stability_index(histogram(few, 10), histogram(others, 10)) > SOME, "by the rule of thumb this is a change"
    assert chance(few, others, 10) > 0.05


def test_replies_of_one_talk_count_as_one_draw() -> None:
    """Every talk is of one kind: with five of them on a side, all alike by chance is no rare thing."""

    def side(kinds: list[int]) -> list[Counted]:
        return [Counted(str(number), {kind: 1}) for number, kind in enumerate(kinds) for _ in range(20)]

    assert chance(side([0, 0, 0, 1, 1]), side([0, 0, 1, 1, 1]), 2) > 0.3


def test_without_any_change_few_are_called_one() -> None:
    hits = 0
    for seed in range(40):
        now, before = drawn([1.0] * 8, 20, 5, seed), drawn([1.0] * 8, 20, 5, 1000 + seed)
        hits += chance(now, before, 8) <= 0.1
    assert hits <= 10


def test_wilsons_interval_is_that_of_his_paper() -> None:
    assert lower_end(10, 100) == pytest.approx(0.0552, abs=1e-4)
    assert lower_end(0, 50) == pytest.approx(0.0, abs=1e-12)
