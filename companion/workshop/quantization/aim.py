"""What is asked of the planner for a budget, and how that changes with what is measured of builds."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from companion.core.job import Proven
from companion.core.recipes.quantize import Budget
from companion.workshop.quantization.builds import Foreseen, Planner

USED: Final = 0.9
"""Share of the allowed divergence that a build has to use."""
SAFETY: Final = 1.02
"""By so much less than what is allowed is aimed at after a miss."""
CAUTION: Final = 1.25
"""By so much less again, as long as that leads to the same build."""
NOISE: Final = 0.95
"""A speed that is measured so many times another one may be the same."""


class Aim:
    """Begins with the budget as it is."""

    def __init__(self, wanted: Budget) -> None:
        self._wanted = wanted
        self._speed, self._correction = wanted.speed, 1.0

    def next(self, planner: Planner) -> Foreseen:
        """Raises RecipeError when no build is foreseen to do what is asked for by now."""
        return planner.best(replace(self._wanted, speed=self._speed), correction=self._correction)

    def keeps_close(self, proven: Proven) -> bool:
        """Whether a build keeps within the divergence; all do when there is no limit."""
        return not self._wanted.divergence or proven.divergence <= self._wanted.divergence

    def is_fast(self, proven: Proven) -> bool:
        """Whether a build writes as fast as is wished for, but for noise."""
        return proven.write >= NOISE * self._wanted.speed

    def prefers(self, one: Proven, other: Proven) -> bool:
        """Whether a build is better than another one, by what was asked for."""
        if not (self.is_fast(one) and self.is_fast(other)):
            return one.write > other.write
        if not self._wanted.divergence:
            return one.divergence < other.divergence
        return one.write > other.write if self._wanted.prefer == "speed" else one.bytes < other.bytes

    def learn(self, foreseen: Foreseen, proven: Proven) -> bool:
        """Take in what became of a build; whether another one may be better."""
        limit = self._wanted.divergence
        is_used = self.keeps_close(proven) and proven.divergence > USED * limit
        corrects = limit > 0 and foreseen.divergence > 0 and not is_used
        if corrects:
            self._correction *= SAFETY * proven.divergence / foreseen.divergence
        is_fastest = limit > 0 and self._wanted.prefer == "speed"  # of those that keep close, which is all that can be asked for
        hurries = self.keeps_close(proven) and not (self.is_fast(proven) or proven.is_disturbed or is_fastest)
        if hurries:
            self._speed = SAFETY * self._wanted.speed * foreseen.pace.write / proven.write
        return corrects or hurries

    def avoid(self, planner: Planner, missed: Foreseen) -> None:
        """Ask for less divergence until another build is foreseen than the one that missed; the source's own types are always
        left."""
        while self.next(planner).kinds == missed.kinds:
            self._correction *= CAUTION
