"""Examples that are ready to be learned from: which are, which are measured, in which order, in which rows."""

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
from companion.workshop.data.token_file import TokenFile

TOKENS_FILE: Final = "tokens.bin"


class SamplePrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt to answer while training goes on: what was said last, and what the dialogue answered."""

    said: str
    answer: str
    tokens: tuple[int, ...]
    """The whole prompt, ending where her reply begins."""


class PreparedData:
    """Numbers of examples index the token file. `train` holds replay too; `held_out` never does."""

    def __init__(self, file: TokenFile, data: Data) -> None:
        details = file.details
        self._file, self._data = file, data
        held = np.asarray(details["held_out"], dtype=np.int64)
        is_held = np.isin(file.owners, held)
        self.train: NDArray[np.int64] = np.flatnonzero(~is_held)
        self.held_out: NDArray[np.int64] = np.flatnonzero(is_held)
        self.lengths: NDArray[np.int64] = file.lengths
        """(examples,) tokens of each."""
        self.supervised: NDArray[np.int64] = file.supervised
        """(examples,) targets of each."""
        self.held_out_dialogues = len(held)
        self.dialogues: int = details["dialogues"] - len(held)
        """Dialogues that are learned from, replay not counted."""
        self.replay_examples = int(np.count_nonzero(file.owners < 0))
        self.counted = "dialogues"
        self.tokens = int(self.lengths[self.train].sum())
        """Tokens of one epoch."""
        self.supervised_tokens = int(self.supervised[self.train].sum())
        """Targets of one epoch."""
        self.fingerprint: str = hashlib.sha256(bytes.fromhex(file.fingerprint) + held.tobytes()).hexdigest()
        """SHA-256 of the tokens and masks in their order, and of the split."""
        self.left_out: tuple[str, ...] = tuple(details["left_out"])
        """Sentences about what could not be used as it was."""
        self.notices: tuple[str, ...] = tuple(details["notices"])
        """Sentences about what was decided."""

    def example(self, index: int) -> Example:
        return self._file.example(index)._replace(replay=bool(self._file.owners[index] < 0))

    def order(self, epoch: int, seed: int) -> NDArray[np.int64]:
        """The examples of one epoch; another order in each, the same for the same seed. Without shuffling, as they came."""
        if not self._data.shuffle:
            return self.train
        return np.random.default_rng([seed, epoch]).permutation(self.train)

    def batch(self, examples: Sequence[int]) -> Batch:
        """One row of these examples."""
        return batch_of(self._file, examples)

    def sample_prompts(self, count: int) -> tuple[SamplePrompt, ...]:
        """Prompts of held-out dialogues (of learned ones when none are held out), always the same."""
        return tuple(msgspec.convert(each, SamplePrompt) for each in self._file.details["samples"][:count])
