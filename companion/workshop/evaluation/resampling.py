"""The bootstrap by whole units: vectors of units are drawn with replacement, summed, and put together anew.

Dialogues are drawn, never tokens: what one dialogue says depends on itself (block bootstrap). Two subjects share the
drawn units, so that what is hard for both does not count as a difference (paired bootstrap, Koehn 2004).

Which interval was chosen by measured coverage (tests/workshop/evaluation/coverage_simulation.py): with 20 dialogues of unequal
length the percentile and the BCa interval miss too often, the studentized one (Efron & Tibshirani 1993, chapter 12.5)
does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""From summed vectors (draws, numbers) to what is estimated (draws,); NaN where it cannot be."""

_CELLS: Final = 1 << 20
"""Draws × units that are held at once."""
_STEP: Final = 1e-5
"""Of the numerical derivative, as a share of all that was counted."""
_LEAST_ERROR: Final = 0.25
"""A draw's standard error is at least this share of the sample's: one in which by chance nothing varies says nothing."""
_USABLE: Final = 0.9
"""Share of draws in which the metric must exist."""
_BEYOND: Final = 10
"""With fewer draws beyond zero than this, their share says little, and the tail is continued as that of Student's t."""


class Pivots(NamedTuple):
    """An estimate, and how (drawn estimate − estimate) ÷ (its standard error) is distributed."""

    estimate: float
    error: float
    """Standard error, by the jackknife."""
    units: int
    values: Floats
    """(draws,) rising."""

    def interval(self, level: float) -> tuple[float, float]:
        low, high = np.quantile(self.values, [(1 - level) / 2, (1 + level) / 2])
        return self.estimate - max(float(high), 0.0) * self.error, self.estimate - min(float(low), 0.0) * self.error

    def p(self) -> float:
        """Two-sided, that the truth is zero: the smallest 1 − level whose interval leaves zero out."""
        if self.error == 0:
            return 0.0 if self.estimate else 1.0
        observed, draws = self.estimate / self.error, len(self.values)
        sorted_values = self.values if observed > 0 else -self.values[::-1]
        beyond = draws - int(np.searchsorted(sorted_values, abs(observed), side="left"))
        if beyond >= _BEYOND:
            return min(1.0, 2 * beyond / draws)
        edge = max(float(sorted_values[-min(_BEYOND, draws)]), 0.0)
        student = stats.t(self.units - 1)
        wider = max(1.0, edge / float(student.isf(_BEYOND / draws))) if draws > 2 * _BEYOND else 1.0
        return min(1.0, 2 * max(float(student.sf(abs(observed) / wider)), 1e-12))


def generator(seed: int, key: str) -> np.random.Generator:
    """The same for the same seed and key, whatever else is measured before it."""
    return np.random.default_rng([seed, int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")])


def counts(units: int, draws: int, random: np.random.Generator) -> Iterator[Floats]:
    """How often each unit is drawn, in blocks (some draws, units)."""
    block = max(1, _CELLS // units)
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        drawn = random.integers(0, units, (rows, units)) + units * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float64)


def studentized(vectors: Floats, of: Statistic, draws: int, random: np.random.Generator) -> Pivots | None:
    """`vectors` (units, numbers). None when the estimate does not exist, or not in most draws."""
    units = len(vectors)
    total = vectors.sum(axis=0)
    estimate = float(of(total[None])[0])
    jackknife = of(total - vectors)
    if not np.isfinite(estimate) or not np.isfinite(jackknife).all():
        return None
    error = float(np.sqrt((units - 1) / units * ((jackknife - jackknife.mean()) ** 2).sum()))
    least = _LEAST_ERROR * float(_errors(np.ones((1, units)), vectors, of)[0])
    if error == 0 or least == 0:
        return Pivots(estimate, 0.0, units, np.zeros(draws))
    found: list[Floats] = []
    for drawn in counts(units, draws, random):
        errors = np.maximum(_errors(drawn, vectors, of), least)
        found.append((of(drawn @ vectors) - estimate) / errors)
    pivots = np.concatenate(found)
    pivots = np.sort(pivots[np.isfinite(pivots)])
    return Pivots(estimate, error, units, pivots) if len(pivots) >= _USABLE * draws else None


def _errors(drawn: Floats, vectors: Floats, of: Statistic) -> Floats:
    """(draws,) standard errors of drawn estimates, from what each unit adds to them (infinitesimal jackknife)."""
    units = len(vectors)
    sums = drawn @ vectors
    counted = np.abs(vectors).sum(axis=0)
    never_negative = vectors.min(axis=0) >= 0
    slopes = np.zeros_like(sums)
    for column in range(sums.shape[1]):
        # Half of what is there at most: what was not counted at all must stay zero, as BLEU treats that apart.
        step = np.full(len(sums), _STEP * counted[column])
        if never_negative[column]:
            step = np.minimum(step, sums[:, column] / 2)
        above, below = sums.copy(), sums.copy()
        above[:, column] += step
        below[:, column] -= step
        with np.errstate(invalid="ignore"):
            slopes[:, column] = np.where(step > 0, (of(above) - of(below)) / np.where(step > 0, 2 * step, 1.0), 0.0)
    added = slopes @ vectors.T
    added -= ((drawn * added).sum(axis=1) / units)[:, None]
    errors: Floats = np.sqrt((drawn * added**2).sum(axis=1) * units / (units - 1))
    return errors


def bias_corrected(estimate: float, drawn: Floats, left_out: Floats, level: float) -> tuple[float, float] | None:
    """The BCa interval (Efron 1987), widened for few units as Student's t is (Hesterberg 2015, “expanded percentile”).

    `drawn` (draws,) are estimates of resampled units, `left_out` (units,) those without each unit. None when they do not
    exist in most draws.
    """
    usable = drawn[np.isfinite(drawn)]
    units = len(left_out)
    if len(usable) < _USABLE * len(drawn) or not np.isfinite(left_out).all():
        return None
    below = ((usable < estimate).sum() + (usable == estimate).sum() / 2) / len(usable)
    bias = float(stats.norm.ppf(np.clip(below, 1 / len(usable), 1 - 1 / len(usable))))
    deviations = left_out.mean() - left_out
    spread = float((deviations**2).sum())
    acceleration = float((deviations**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    wide = float(stats.t.isf((1 - level) / 2, units - 1)) * (units / (units - 1)) ** 0.5
    shifted = bias + np.array([-wide, wide])
    ranks = stats.norm.cdf(bias + shifted / np.maximum(1 - acceleration * shifted, 0.1))
    low, high = np.quantile(usable, ranks)
    return min(float(low), estimate), max(float(high), estimate)
