"""Preferences that are ready to be learned from, in units: a pair with its two replies, or one reply that was judged alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from companion.core.recipes.parts import Data
from companion.workshop.data.batch import Batch, Example
from companion.workshop.data.packing import batch_of
from companion.workshop.data.prepared import SamplePrompt
from companion.workshop.data.token_file import TokenFile

NONE: Final = -1
"""Stands for a reply that a unit does not have."""


class Unit(msgspec.Struct, frozen=True, array_like=True):
    """What is learned from at once: numbers of examples in the token file."""

    better: int
    worse: int
    other: int = NONE
    """The same words with somebody else's reply, by which KTO measures how far the model has moved."""
    pair: int = NONE
    """Which preference it is one side of."""

    @property
    def replies(self) -> tuple[int, ...]:
        """The better one first."""
        return tuple(reply for reply in (self.better, self.worse) if reply != NONE)


class PreparedPreferences:
    """As `PreparedData`, but what it numbers are units; the token file holds every reply with all that was said before it."""

    def __init__(self, file: TokenFile, data: Data) -> None:
        details = file.details
        self._file, self._data = file, data
        self.units: list[Unit] = msgspec.convert(details["units"], list[Unit])
        held = np.zeros(len(self.units), dtype=np.bool_)
        held[np.asarray(details["held_out"], dtype=np.int64)] = True
        self.train: NDArray[np.int64] = np.flatnonzero(~held)
        self.held_out: NDArray[np.int64] = np.flatnonzero(held)
        self.lengths: NDArray[np.int64] = np.asarray(details["lengths"], dtype=np.int64)
        """(units,) tokens that are computed for each; what both replies of a pair answer counts once."""
        self.dialogues = len(self.train)
        self.held_out_dialogues = len(self.held_out)
        self.counted = "pairs" if all(len(unit.replies) == 2 for unit in self.units) else "judged replies"
        self.tokens = int(self.lengths[self.train].sum())
        self.supervised_tokens = sum(int(file.supervised[reply]) for unit in self.train for reply in self.units[unit].replies)
        self.fingerprint: str = hashlib.sha256(bytes.fromhex(file.fingerprint) + self.held_out.tobytes()).hexdigest()
        self.left_out: tuple[str, ...] = tuple(details["left_out"])
        self.notices: tuple[str, ...] = tuple(details["notices"])

    @property
    def examples(self) -> int:
        """How many replies there are in the token file."""
        return len(self._file)

    @property
    def reply_tokens(self) -> NDArray[np.int64]:
        """(examples,) tokens of each reply."""
        return self._file.supervised

    @property
    def reply_lengths(self) -> NDArray[np.int64]:
        """(examples,) tokens of each reply with all that was said before it."""
        return self._file.lengths

    def order(self, epoch: int, seed: int) -> NDArray[np.int64]:
        """The units of one epoch; another order in each, the same for the same seed."""
        return np.random.default_rng([seed, epoch]).permutation(self.train) if self._data.shuffle else self.train

    def batch(self, examples: Sequence[int]) -> Batch:
        """One row of these units, both replies of a pair side by side: what they answer is computed once (`nn/alignment`)."""
        return self.replies([reply for unit in examples for reply in self.units[unit].replies])

    def replies(self, numbers: Sequence[int]) -> Batch:
        """One row of these examples of the token file."""
        return batch_of(self._file, numbers)

    def better(self, units: NDArray[np.int64]) -> list[Example]:
        """The better replies of these units, those of worse ones where a unit has no other."""
        return [self._file.example(self.units[unit].replies[0]) for unit in units.tolist()]

    def sample_prompts(self, count: int) -> tuple[SamplePrompt, ...]:
        """Prompts of held-out units (of learned ones when none are held out), always the same."""
        return tuple(msgspec.convert(each, SamplePrompt) for each in self._file.details["samples"][:count])
