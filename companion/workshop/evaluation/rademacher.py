"""Empirical Rademacher complexity of a linear head: how well heads no larger than it could fit pure noise on these texts.

For all x ↦ w·x with ‖w‖ ≤ B it is (B / n) · E‖Σ σᵢ xᵢ‖ over random signs σ (Bartlett & Mendelson 2002, JMLR 3), which is
computed by drawing signs; (B / n) · √Σ‖xᵢ‖² bounds it from above.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Rademacher(NamedTuple):
    value: float
    bound: float
    """What it cannot exceed on these texts, whatever the signs."""
    low: float
    high: float
    """What the draws leave open, at the level that was asked for."""


def linear_rademacher(features: Floats, norm: float, *, draws: int, seed: int, z: float = 1.96) -> Rademacher:
    """`features` are (texts, width), `norm` is B; `z` standard errors of the mean over the draws lie on either side."""
    texts = len(features)
    if not texts:
        raise ValueError("there are no texts")
    signs = np.random.default_rng(seed).choice(np.array([-1.0, 1.0]), (draws, texts))
    lengths = norm / texts * np.linalg.norm(signs @ features, axis=1)
    value = float(lengths.mean())
    error = z * float(lengths.std(ddof=1)) / draws**0.5 if draws > 1 else 0.0
    bound = norm / texts * float(np.sqrt((features**2).sum()))
    return Rademacher(value, bound, value - error, value + error)
