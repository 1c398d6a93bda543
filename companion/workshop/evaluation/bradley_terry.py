"""Strengths from verdicts of “this one is better”: the model of Bradley & Terry (1952).

A wins against B with the chance 1 ÷ (1 + exp(strength of B − strength of A)); a tie counts as half a win for both. The
strengths are those of greatest likelihood together with a small prior, half a win and half a loss against an imagined
contestant of strength 0, so that who has won everything stays finite. Intervals are Wald's, from the Fisher information.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from companion.core.report import Interval
from companion.workshop.evaluation.shares import wilson

Winner = Literal["a", "b", "tie"]
PRIOR: Final = 0.5
"""Wins, and as many losses, that everyone has beforehand."""
_STEPS: Final = 100
_CLOSE: Final = 1e-10


class Verdict(NamedTuple):
    a: str
    b: str
    winner: Winner


class Strength(NamedTuple):
    """`value` is in logits, 0 in the mean of all; its interval says how far that could be by chance."""

    name: str
    value: float
    interval: Interval
    wins: float
    losses: float


class Duel(NamedTuple):
    """The chance that `b` is preferred to `a`, and that it could be by chance as much (two-sided)."""

    share: float
    interval: Interval
    p: float


def strengths(verdicts: Sequence[Verdict], *, level: float = 0.95) -> list[Strength]:
    """The strongest first; empty without a verdict."""
    names = sorted({name for verdict in verdicts for name in (verdict.a, verdict.b)})
    if not names:
        return []
    wins = _wins(verdicts, {name: number for number, name in enumerate(names)})
    found, covariance = _fitted(wins)
    count = len(names)
    centred = np.eye(count) - 1 / count
    found, covariance = centred @ found, centred @ covariance @ centred
    half = float(stats.norm.isf((1 - level) / 2)) * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    method = f"Fisher information of {len(verdicts):,} verdicts, with a prior of half a win and half a loss"
    every = [
        Strength(
            name,
            float(value),
            Interval(low=float(value - wide), high=float(value + wide), level=level, method=method),
            float(wins[number].sum()),
            float(wins[:, number].sum()),
        )
        for number, (name, value, wide) in enumerate(zip(names, found, half, strict=True))
    ]
    return sorted(every, key=lambda strength: (-strength.value, strength.name))


def duel(verdicts: Sequence[Verdict], a: str, b: str, *, level: float = 0.95) -> Duel | None:
    """How often `b` is preferred to `a`, ties half; None when the two never met.

    Wilson's interval and the score test go together: a half is outside exactly when p is below 1 − level. Ties make both
    a little too careful.
    """
    score = met = 0.0
    for one in verdicts:
        if {one.a, one.b} == {a, b} and a != b:
            met += 1
            score += 0.5 if one.winner == "tie" else float((one.winner == "b") == (one.b == b))
    if not met:
        return None
    share = score / met
    p = 2 * float(stats.norm.sf(abs(share - 0.5) / math.sqrt(0.25 / met)))
    low, high = wilson(score, met, level)
    return Duel(share, Interval(low=low, high=high, level=level, method=f"Wilson interval of {int(met):,} verdicts"), p)


def _wins(verdicts: Sequence[Verdict], number: Mapping[str, int]) -> NDArray[np.float64]:
    """(names, names): how often the row's was preferred to the column's."""
    wins = np.zeros((len(number), len(number)))
    for one in verdicts:
        a, b = number[one.a], number[one.b]
        if a == b:
            continue
        won = {"a": 1.0, "b": 0.0, "tie": 0.5}[one.winner]
        wins[a, b] += won
        wins[b, a] += 1 - won
    return wins


def _fitted(wins: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(names,) strengths by Newton's method, which the prior makes concave with one maximum, and their covariance."""
    met = wins + wins.T
    found = np.zeros(len(wins))
    for _ in range(_STEPS):
        chance = special.expit(found[:, None] - found)
        own = special.expit(found)
        slope = wins.sum(axis=1) - (met * chance).sum(axis=1) + PRIOR * (1 - 2 * own)
        varying = met * chance * (1 - chance)
        information = np.diag(varying.sum(axis=1) + 2 * PRIOR * own * (1 - own)) - varying
        step = np.linalg.solve(information, slope)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), _CLOSE))  # far from the maximum a full step may overshoot
        found += step
        if float(np.abs(step).max()) < _CLOSE:
            break
    return found, np.linalg.inv(information)
