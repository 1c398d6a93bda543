"""How often 95 % intervals hold the truth, for situations as evaluations meet them.

    .venv/bin/python -m tests.workshop.evaluation.coverage_simulation [SAMPLES]

Each situation draws the dialogues of an evaluation from a population whose truth is known, thousands of times, and asks
certainty.py for the interval each time. The test beside this takes fewer samples.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from companion.core.recipes.evaluate import Certainty
from companion.core.report import Combine, Items, Metric
from companion.workshop.evaluation.certainty import compare, with_interval
from companion.workshop.evaluation.combine import combined

Vectors = Callable[[int, np.random.Generator], np.ndarray]
POPULATION = 1_000_000


class Situation(NamedTuple):
    name: str
    draw: Vectors
    """(units, numbers); a paired one gives A's numbers, then B's."""
    units: int
    combine: Combine = "ratio"
    unit: str = ""
    paired: bool = False


def lengths(units: int, chance: np.random.Generator) -> np.ndarray:
    """Tokens of dialogues: most are short, some are five times as long."""
    return np.ceil(chance.lognormal(4, 0.7, units))


def losses(units: int, chance: np.random.Generator) -> np.ndarray:
    """Nats and tokens: dialogues differ, and long ones are easier."""
    tokens = lengths(units, chance)
    mean = 3 + 0.4 * chance.standard_normal(units) - 0.15 * (np.log(tokens) - 4)
    return np.stack([tokens * (mean + 1.5 * chance.standard_normal(units) / np.sqrt(tokens)), tokens], 1)


def divergences(units: int, chance: np.random.Generator) -> np.ndarray:
    """Nats and tokens of a KL divergence: never negative, a few dialogues have much of it."""
    tokens = lengths(units, chance)
    return np.stack([tokens * chance.lognormal(-3, 0.5, units), tokens], 1)


def word_counts(units: int, chance: np.random.Generator) -> np.ndarray:
    """Words of a reply, and the reply."""
    return np.stack([1.0 + chance.poisson(chance.gamma(4, 5, units)), np.ones(units)], 1)


def shares(share: float) -> Vectors:
    return lambda units, chance: np.stack([(chance.random(units) < share).astype(float), np.ones(units)], 1)


def grouped_shares(share: float, alike: float) -> Vectors:
    """Several answers of each dialogue; `alike` is how much they resemble each other, 0 to 1."""

    def draw(units: int, chance: np.random.Generator) -> np.ndarray:
        asked = chance.integers(1, 9, units)
        strength = 1 / alike - 1
        own = chance.beta(share * strength, (1 - share) * strength, units)
        return np.stack([chance.binomial(asked, own), asked], 1).astype(float)

    return draw


def hits(units: int, chance: np.random.Generator) -> np.ndarray:
    """True positives, false positives and false negatives of a text."""
    difficulty = chance.beta(2, 2, units)
    found = chance.binomial(6, 0.4 + 0.4 * difficulty)
    return np.stack([found, chance.binomial(6 - found, 0.5), chance.binomial(4, 0.5 * (1 - difficulty))], 1).astype(float)


def paired_losses(units: int, chance: np.random.Generator) -> np.ndarray:
    """The same dialogues: what is hard for A is hard for B, which is 0.1 nats better, more so on some."""
    first = losses(units, chance)
    gain = 0.1 + 0.2 * chance.standard_normal(units)
    return np.concatenate([first, np.stack([first[:, 0] - gain * first[:, 1], first[:, 1]], 1)], axis=1)


def paired_shares(first: float, second: float) -> Vectors:
    """Yes or no of both; half of the questions are answered alike for a reason of their own."""

    def draw(units: int, chance: np.random.Generator) -> np.ndarray:
        common, alike = chance.random(units), chance.random(units) < 0.5
        own = chance.random(units)
        a = common < first
        b = np.where(alike, common, own) < second
        return np.stack([a, np.ones(units), b, np.ones(units)], 1).astype(float)

    return draw


SITUATIONS = (
    *(Situation("held-out loss, unequal lengths", losses, units) for units in (20, 40, 200)),
    *(Situation("perplexity", losses, units, combine="exp-ratio") for units in (20, 40)),
    *(Situation("divergence", divergences, units) for units in (20, 40, 200)),
    *(Situation("words of a reply", word_counts, units) for units in (20, 40)),
    *(Situation("F1", hits, units, combine="f1") for units in (20, 40)),
    *(Situation(f"share of {share:.0%}", shares(share), units, unit="share")
      for units, share in ((20, 0.1), (20, 0.5), (40, 0.05), (40, 0.9), (200, 0.02), (200, 0.5))),
    *(Situation("share, several answers each", grouped_shares(0.2, 0.2), units, unit="share") for units in (20, 40, 200)),
    Situation("share near 0, several answers each", grouped_shares(0.03, 0.1), 40, unit="share"),
    *(Situation("difference of losses", paired_losses, units, paired=True) for units in (20, 40, 200)),
    *(Situation("difference of shares", paired_shares(0.3, 0.4), units, unit="share", paired=True) for units in (20, 40, 200)),
    Situation("difference of shares near 0", paired_shares(0.05, 0.05), 40, unit="share", paired=True),
)  # fmt: skip


class Coverage(NamedTuple):
    situation: Situation
    held: float
    """Share of intervals that hold the truth."""
    below: float
    above: float
    """Shares that lie wholly below and above it."""


def measure(situation: Situation, samples: int, options: Certainty, seed: int = 0) -> Coverage:
    chance = np.random.default_rng([seed, situation.units])
    truth = _population(situation, chance)
    below = above = 0
    for number in range(samples):
        low, high = interval(situation, situation.draw(situation.units, chance), options, number)
        below += high < truth
        above += low > truth
    return Coverage(situation, 1 - (below + above) / samples, below / samples, above / samples)


def interval(situation: Situation, vectors: np.ndarray, options: Certainty, number: int) -> tuple[float, float]:
    if not situation.paired:
        found = with_interval(_metric(situation, vectors, number), options).interval
    else:
        half = vectors.shape[1] // 2
        sides = _metric(situation, vectors[:, :half], number), _metric(situation, vectors[:, half:], number)
        comparison = compare(*sides, "a", "b", options)
        assert comparison is not None
        found = comparison.interval
    assert found is not None
    return found.low, found.high


def _metric(situation: Situation, vectors: np.ndarray, number: int) -> Metric:
    names = tuple(map(str, range(len(vectors))))
    items = Items(names=names, vectors=tuple(map(tuple, vectors.tolist())), combine=situation.combine)
    return Metric(
        key=str(number), title="", value=combined(items), unit=situation.unit, units="dialogues", better="higher", items=items
    )


def _population(situation: Situation, chance: np.random.Generator) -> float:
    sums = situation.draw(POPULATION, chance).sum(axis=0)
    values = [
        combined(Items(names=("",), vectors=(tuple(part.tolist()),), combine=situation.combine))
        for part in (np.split(sums, 2) if situation.paired else [sums])
    ]
    return values[1] - values[0] if situation.paired else values[0]


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    print(f"{samples:,} samples each, 1,000 draws; by chance alone ± {196 * (0.95 * 0.05 / samples) ** 0.5:.1f} per cent")
    for situation in SITUATIONS:
        found = measure(situation, samples, Certainty(draws=1000))
        print(f"{situation.name:<36}{situation.units:>5}{found.held:>9.1%}{found.below:>8.1%}{found.above:>8.1%}", flush=True)


if __name__ == "__main__":
    main()
