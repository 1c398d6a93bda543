"""What is asked for after a build that missed."""

from __future__ import annotations

import pytest

from companion.core.errors import RecipeError
from companion.core.job import Proven
from companion.core.recipes.quantize import Budget
from companion.workshop.quantization.aim import Aim
from companion.workshop.quantization.builds import Foreseen
from companion.workshop.quantization.speed import Pace

REST = ("bits_per_weight", "dialogues", "general", "same_top", "perplexity", "source_perplexity", "read", "source_read")


def proven(**fields) -> Proven:
    figures = {"bytes": 100, "divergence": 0.02, "write": 100.0, "source_write": 50.0} | fields
    return Proven(**dict.fromkeys(REST, 1.0), **figures)


class Shelf:
    """Builds that write 100, 110, ... tokens per second; the faster one is, the further it moves."""

    def best(self, budget: Budget, *, correction: float) -> Foreseen:
        for speed in range(100, 200, 10):
            divergence = (speed - 90) / 1000 * correction
            if speed >= budget.speed and (not budget.divergence or divergence <= budget.divergence):
                return Foreseen({"m": str(speed)}, 1000 - speed, divergence, Pace(1000.0, float(speed)))
        raise RecipeError("No build keeps within all these limits at once.")


def test_after_one_that_is_slower_than_was_wished_for_a_faster_one_is_asked_for():
    aim = Aim(Budget(speed=100))
    first = aim.next(Shelf())
    assert aim.learn(first, proven(write=80.0))
    assert aim.next(Shelf()).pace.write == 130
    assert aim.prefers(proven(write=101.0, divergence=0.04), proven(write=80.0, divergence=0.01))


@pytest.mark.parametrize("measured", [{"write": 96.0}, {"write": 20.0, "other_cores": 1.5}])
def test_noise_is_no_reason_for_another_build(measured):
    aim = Aim(Budget(speed=100))
    assert not aim.learn(aim.next(Shelf()), proven(**measured))


def test_where_nothing_is_so_fast_no_build_is_foreseen():
    aim = Aim(Budget(speed=100))
    assert aim.learn(aim.next(Shelf()), proven(write=10.0))
    with pytest.raises(RecipeError):
        aim.next(Shelf())


def test_of_those_that_are_fast_enough_the_closest_to_the_source_is_best():
    aim = Aim(Budget(speed=100))
    assert aim.prefers(proven(write=100.0, divergence=0.01), proven(write=150.0, divergence=0.02))


def test_one_that_moves_too_far_is_followed_by_one_that_is_foreseen_to_move_less():
    aim = Aim(Budget(divergence=0.05, prefer="size"))
    first = aim.next(Shelf())
    missed = proven(divergence=0.1)
    assert not aim.keeps_close(missed)
    assert aim.learn(first, missed)
    aim = Aim(Budget(divergence=0.05))
    assert not aim.learn(first, proven(divergence=0.049)), "what is allowed is used"
