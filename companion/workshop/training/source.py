"""What the training side asks of prepared data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from companion.workshop.data.batch import Batch


class Source(Protocol):
    """Examples by number; `PreparedData` is one."""

    train: NDArray[np.int64]
    """Numbers of the examples that are learned from."""
    held_out: NDArray[np.int64]
    """Numbers of those that are only measured."""
    lengths: NDArray[np.int64]
    """(examples,) tokens of each."""

    def order(self, epoch: int, seed: int) -> NDArray[np.int64]:
        """The examples of one epoch, always in the same order for the same seed."""
        ...

    def batch(self, examples: Sequence[int]) -> Batch:
        """One row of these examples."""
        ...
