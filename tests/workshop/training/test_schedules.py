"""Schedules: their shapes, their warm-up, and the plateau that is remembered across a checkpoint."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.recipes.parts import Schedule as Options
from companion.core.recipes.parts import ScheduleName
from companion.workshop.training.schedules import Schedule

NAMES = get_args(ScheduleName)


def factors(steps=100, **options):
    schedule = Schedule(Options(**options), steps)
    return [schedule.factor(step) for step in range(steps)]


@given(st.sampled_from(NAMES), st.integers(1, 300), st.floats(0, 90), st.floats(0, 1), st.integers(0, 10))
def test_a_factor_is_always_between_nothing_and_all(name, steps, warmup, final, restarts):
    for factor in factors(steps, name=name, warmup_percent=warmup, final=final, restarts=restarts):
        assert 0 <= factor <= 1


@pytest.mark.parametrize("name", [name for name in NAMES if name != "one-cycle"])
def test_the_warm_up_rises_to_the_full_rate(name):
    found = factors(name=name, warmup_percent=10)
    assert found[:10] == sorted(found[:10])
    assert found[0] < 0.2
    assert found[10] == pytest.approx(1.0)


def test_shapes_of_the_schedules():
    assert set(factors(name="constant", warmup_percent=0)) == {1.0}
    cosine = factors(name="cosine", warmup_percent=0)
    assert cosine[50] == pytest.approx(0.5)
    assert cosine == sorted(cosine, reverse=True)
    assert factors(name="linear", warmup_percent=0, final=0.2)[50] == pytest.approx(0.6)
    step = factors(name="step", warmup_percent=0, step_percent=30, factor=0.5)
    assert (step[29], step[30], step[60]) == (1.0, 0.5, 0.25)
    exponential = factors(name="exponential", warmup_percent=0, final=0.01)
    assert exponential[50] == pytest.approx(0.1)


def test_the_cosine_starts_again_as_often_as_asked():
    found = factors(steps=90, name="cosine-restarts", warmup_percent=0, restarts=2)
    assert [i for i in range(1, 90) if found[i] > found[i - 1]] == [30, 60]


def test_one_cycle_rises_to_its_peak_and_ends_at_nearly_nothing():
    found = factors(name="one-cycle", warmup_percent=0)
    assert max(range(100), key=found.__getitem__) == 30
    assert found[0] == pytest.approx(0.04)
    assert found[-1] < 0.01


def test_a_plateau_lowers_the_rate_and_a_checkpoint_remembers_it():
    schedule = Schedule(Options(name="reduce-on-plateau", warmup_percent=0, factor=0.1, plateau_patience=2), 100)
    assert [schedule.observe(loss) for loss in (2.0, 1.5, 1.4999)] == [False, False, False]
    again = Schedule(schedule.options, 100)
    again.load_state_dict(schedule.state_dict())
    assert again.observe(1.6)
    assert again.factor(50) == pytest.approx(0.1)
    assert not math.isnan(again.factor(10_000))
