"""The population stability index: how far one distribution has come from another, and whether that could be chance.

PSI = Σ (p − q) ln(p / q) over bins, the symmetric form of Kullback and Leibler's divergence (1951). As a rule of thumb less
than 0.1 is no change and 0.25 or more a large one (Siddiqi, Credit Risk Scorecards, 2006). That rule ignores the sample's
size: with few replies PSI is large by chance alone (Yurdakul 2018), so a change also has to be rarer than that.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from math import log
from typing import Final, NamedTuple

SOME: Final = 0.1
LARGE: Final = 0.25
SURE: Final = 0.01
"""A change that would come by chance more often than this is none."""
DRAWS: Final = 199
BREATH_SECONDS: Final = 0.0005
"""After each draw: the window's thread must not wait for a thread that only counts."""
_SMOOTH: Final = 0.5
"""Added to every bin, so that an empty one is possible on the other side."""


class Counted(NamedTuple):
    """What one reply adds to bins, and what it was said together with: whole blocks are drawn, as their replies are alike."""

    block: str
    counts: dict[int, int]


Distance = Callable[[Sequence[float], Sequence[float]], float]
"""Of two histograms with the same bins."""


def stability_index(now: Sequence[float], before: Sequence[float]) -> float:
    """PSI of two histograms of counts with the same bins."""
    bins = len(now)
    here, there = sum(now) + _SMOOTH * bins, sum(before) + _SMOOTH * bins
    shares = [((a + _SMOOTH) / here, (b + _SMOOTH) / there) for a, b in zip(now, before, strict=True)]
    return sum((p - q) * log(p / q) for p, q in shares)


def histogram(counted: Sequence[Counted], bins: int) -> list[float]:
    found = [0.0] * bins
    for each in counted:
        for place, count in each.counts.items():
            found[place] += count
    return found


def chance(now: Sequence[Counted], before: Sequence[Counted], bins: int, distance: Distance = stability_index) -> float:
    """How often chance alone makes a distance at least as large: (hits + 1) ÷ (draws + 1), Phipson and Smyth (2010).

    Whole blocks are dealt out anew, as many as there were on each side.
    """
    sides = [_by_block(side, bins) for side in (now, before)]
    blocks, here = sides[0] + sides[1], len(sides[0])
    whole = [sum(column) for column in zip(*blocks, strict=True)]
    found = distance(*(_sum(side, bins) for side in sides))
    deal, hits = random.Random(1), 0
    for _ in range(DRAWS):
        drawn = _sum(deal.sample(blocks, here), bins)
        rest = [total - part for total, part in zip(whole, drawn, strict=True)]
        hits += distance(drawn, rest) >= found - 1e-12
        time.sleep(BREATH_SECONDS)
    return (hits + 1) / (DRAWS + 1)


def blocks_of(counted: Sequence[Counted]) -> int:
    return len({each.block for each in counted})


def _by_block(counted: Sequence[Counted], bins: int) -> list[list[float]]:
    found: dict[str, list[float]] = {}
    for each in counted:
        row = found.setdefault(each.block, [0.0] * bins)
        for place, count in each.counts.items():
            row[place] += count
    return list(found.values())


def _sum(rows: Sequence[Sequence[float]], bins: int) -> list[float]:
    return [sum(column) for column in zip(*rows, strict=True)] if rows else [0.0] * bins
