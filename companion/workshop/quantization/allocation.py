"""Which matrix is packed as which type: a multiple-choice knapsack, solved to a proven gap by HiGHS (Huangfu and Hall 2018).

Every matrix takes exactly one of its types. Bytes, damage (nats per token) and seconds per token each add up over the
matrices; one of them is made small and the others may be limited.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

GAP: Final = 1e-3
"""Share by which a better choice may exist at most."""
SECONDS: Final = 10.0
Measure = Literal["bytes", "damage", "seconds"]


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
    columns = {name: np.array([getattr(choice, name) for choice in flat], np.float64) for name in ("bytes", "damage", "seconds")}
    scales = {name: max(float(values.max(initial=0.0)), 1e-30) for name, values in columns.items()}
    one_each = sparse.csr_matrix(
        (np.ones(len(flat)), (np.repeat(np.arange(len(choices)), np.diff(starts)), np.arange(len(flat)))),
        shape=(len(choices), len(flat)),
    )
    constraints = [LinearConstraint(one_each, 1, 1)]
    for name in ("bytes", "damage", "seconds"):
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
    sums = {name: sum(getattr(choice, name) for choice in taken) for name in columns}
    return Allocation(tuple(choice.kind for choice in taken), **sums, gap=float(found.mip_gap or 0.0))


def _worth(choices: Sequence[Choice]) -> list[Choice]:
    """Without those that take as many bytes as another and do more damage."""
    kept: list[Choice] = []
    for choice in sorted(choices, key=lambda each: (each.bytes, each.damage)):
        if not kept or choice.damage < kept[-1].damage:
            kept.append(choice)
    return kept
