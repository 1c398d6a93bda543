"""What the training side asks of prepared data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from companion.workshop.data.batch import Batch
from companion.workshop.data.prepared import SamplePrompt


class Source(Protocol):
    """Examples by number; `PreparedData` and `PreparedPreferences` are such."""

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


class Prepared(Source, Protocol):
    """A source with what a person is told of it, and what a resumed job recognises it by."""

    dialogues: int
    """That are learned from; of preferences, units."""
    held_out_dialogues: int
    counted: str
    """What these are, in words."""
    tokens: int
    """Of one epoch."""
    supervised_tokens: int
    fingerprint: str
    left_out: tuple[str, ...]
    """Sentences about what could not be used as it was."""
    notices: tuple[str, ...]
    """Sentences about what was decided."""

    def sample_prompts(self, count: int) -> tuple[SamplePrompt, ...]:
        """Prompts to answer while training goes on, always the same."""
        ...
