"""Which matrix is packed as which type: a multiple-choice knapsack, solved to a proven gap by HiGHS (Huangfu and Hall 2018).

Every matrix takes exactly one of its types. Bytes, damage (nats per token) and seconds per token each add up over the
matrices; one of them is made small and the others may be limited.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from typing import Final, Literal, NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

GAP: Final = 1e-3
"""Share by which a better choice may exist at most."""
SECONDS: Final = 10.0
Measure = Literal["bytes", "damage", "seconds"]
MEASURES: Final[tuple[Measure, ...]] = ("bytes", "damage", "seconds")
SIZES, SPEEDS = 96, 8
"""Prices that are tried of a byte, and of a second beside it."""
NEVER: Final = 1e30
"""Damage of what cannot be chosen."""
LEAST_PRICE, MOST_PRICE = 1e-6, 1e2
"""From where nothing but damage counts to where it hardly does."""
NO_MATTER_WHAT: Final = 1e9
"""The price that makes the smallest and the fastest allocation."""


class NoAllocation(Exception):
    """Nothing is within the limits."""


class Choice(NamedTuple):
    """A type for one matrix."""

    kind: str
    bytes: float
    damage: float
    seconds: float


class Limits(NamedTuple):
    """What the sums may be at most; None limits nothing."""

    bytes: float | None = None
    damage: float | None = None
    seconds: float | None = None


class Allocation(NamedTuple):
    """`kinds[i]` is the type of matrix i; the rest are sums over all."""

    kinds: tuple[str, ...]
    bytes: float
    damage: float
    seconds: float
    gap: float
    """By how much, of its goal, a better allocation could exist at most."""


def allocate(choices: Sequence[Sequence[Choice]], goal: Measure, limits: Limits) -> Allocation:
    """The allocation with the smallest sum of `goal` within `limits`. Raises NoAllocation when there is none."""
    choices = [_worth(each) for each in choices] if goal != "seconds" and limits.seconds is None else [list(c) for c in choices]
    flat = [choice for each in choices for choice in each]
    starts = np.cumsum([0, *(len(each) for each in choices)])
    columns = {name: np.array([getattr(choice, name) for choice in flat], np.float64) for name in MEASURES}
    scales = {name: max(float(values.max(initial=0.0)), 1e-30) for name, values in columns.items()}
    one_each = sparse.csr_matrix(
        (np.ones(len(flat)), (np.repeat(np.arange(len(choices)), np.diff(starts)), np.arange(len(flat)))),
        shape=(len(choices), len(flat)),
    )
    constraints = [LinearConstraint(one_each, 1, 1)]
    for name in MEASURES:
        most = getattr(limits, name)
        if most is not None:
            constraints.append(LinearConstraint(columns[name][None, :] / scales[name], -np.inf, most / scales[name]))
    found = milp(
        columns[goal] / scales[goal],
        constraints=constraints,
        integrality=np.ones(len(flat)),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": GAP, "time_limit": SECONDS},
    )
    if found.x is None:
        raise NoAllocation
    picked = [int(np.argmax(found.x[a:b])) for a, b in pairwise(starts)]
    taken = [each[number] for each, number in zip(choices, picked, strict=True)]
    return allocation_of(taken, float(found.mip_gap or 0.0))


def allocation_of(taken: Sequence[Choice], gap: float = 0.0) -> Allocation:
    """One choice for each matrix, added up."""
    sums = {name: sum(getattr(choice, name) for choice in taken) for name in MEASURES}
    return Allocation(tuple(choice.kind for choice in taken), **sums, gap=gap)


def supported(choices: Sequence[Sequence[Choice]]) -> list[Allocation]:
    """Some hundred allocations of which none is beaten by another in bytes, damage and seconds at once, without a solver.

    At a price for every byte and every second each matrix chooses for itself, and what comes out is the best allocation of its
    own size and speed (Everett 1963, generalized Lagrange multipliers). Between two prices the knapsack may find better ones.
    """
    shape = (len(choices), max(map(len, choices)))
    table = {name: np.full(shape, NEVER if name == "damage" else 0.0) for name in MEASURES}
    for row, each in enumerate(choices):
        for name, values in table.items():
            values[row, : len(each)] = [getattr(choice, name) for choice in each]
    span = {name: sum(np.ptp([getattr(choice, name) for choice in each]) for each in choices) or 1.0 for name in MEASURES}
    found: dict[tuple[str, ...], Allocation] = {}
    for byte, second in _prices():
        worth = byte * table["bytes"] / span["bytes"] + second * table["seconds"] / span["seconds"]
        picked = (table["damage"] + span["damage"] * worth).argmin(axis=1)
        made = allocation_of([each[number] for each, number in zip(choices, picked, strict=True)])
        found.setdefault(made.kinds, made)
    sums = np.array([[getattr(each, name) for name in MEASURES] for each in found.values()])
    return [
        each
        for each, own in zip(found.values(), sums, strict=True)
        if not ((sums <= own).all(axis=1) & (sums < own).any(axis=1)).any()
    ]


def _prices() -> list[tuple[float, float]]:
    """Of a byte and of a second, as shares of what all damage is worth: size alone finely, speed beside it coarsely."""
    alone = [(float(byte), LEAST_PRICE) for byte in np.geomspace(LEAST_PRICE, MOST_PRICE, SIZES)]
    both = product(np.geomspace(LEAST_PRICE, MOST_PRICE, SIZES // 4), np.geomspace(1e-4, MOST_PRICE, SPEEDS))
    ends = [(NO_MATTER_WHAT, LEAST_PRICE), (LEAST_PRICE, NO_MATTER_WHAT)]
    return [*ends, *alone, *((float(byte), float(second)) for byte, second in both)]


def _worth(choices: Sequence[Choice]) -> list[Choice]:
    """Without those that take as many bytes as another and do more damage."""
    kept: list[Choice] = []
    for choice in sorted(choices, key=lambda each: (each.bytes, each.damage)):
        if not kept or choice.damage < kept[-1].damage:
            kept.append(choice)
    return kept
