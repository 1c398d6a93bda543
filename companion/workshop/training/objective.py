"""What is made small in a training, and what is measured of it; plain learning from dialogues is one of these."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from companion.core.recipes.parts import Loss
from companion.workshop.data.batch import Batch
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.training.held_out import held_out_loss
from companion.workshop.training.source import Source

Tell = Callable[[float], None]
"""Called with the share that is done; may raise to give up."""


class Tally(NamedTuple):
    """Sums over what an objective counts: supervised tokens, or units of preferences."""

    loss: float = 0.0
    correct: float = 0.0
    """Pairs in which the better reply has gained more."""
    margin: float = 0.0
    pairs: int = 0

    def plus(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))  # type: ignore[arg-type]

    @property
    def accuracy(self) -> float | None:
        return self.correct / self.pairs if self.pairs else None

    @property
    def mean_margin(self) -> float | None:
        return self.margin / self.pairs if self.pairs else None


class RowLoss(NamedTuple):
    """Of one row, summed over what is counted."""

    total: Tensor
    """With a graph; `backward()` it after dividing by the count of the step."""
    tally: Tally


class Measurement(NamedTuple):
    """What was held out, measured; what is None is not measured by this objective."""

    loss: float
    accuracy: float | None = None
    margin: float | None = None
    likelier: float | None = None
    chosen_loss: float | None = None


NOTHING = Measurement(math.nan)
"""Nothing is held out, or nothing was measured yet."""


class Objective(Protocol):
    """What the steps of a training make small."""

    def begin_step(self, decoder: Decoder, rows: Sequence[Sequence[int]]) -> None:
        """Whatever a loss needs to know of its whole step, without a graph."""
        ...

    def count(self, row: Sequence[int], batch: Batch) -> int:
        """What the loss of a step is the mean over: how many of them a row holds."""
        ...

    def row(self, decoder: Decoder, row: Sequence[int], batch: Batch, seed: int) -> RowLoss:
        """The loss of one row; dropout and noise come from `seed`."""
        ...

    def measure(self, decoder: Decoder, micro_batch_tokens: int, device: torch.device, tell: Tell) -> Measurement:
        """What was held out, without a graph and without dropout."""
        ...


class Supervised:
    """Plain learning: every supervised token counts alike."""

    def __init__(self, data: Source, loss: Loss) -> None:
        self._data, self._loss = data, loss

    def begin_step(self, decoder: Decoder, rows: Sequence[Sequence[int]]) -> None:
        pass

    def count(self, row: Sequence[int], batch: Batch) -> int:
        return len(batch.targets)

    def row(self, decoder: Decoder, row: Sequence[int], batch: Batch, seed: int) -> RowLoss:
        result = supervised_loss(decoder, batch, self._loss, seed)
        return RowLoss(result.total, Tally(loss=result.cross_entropy))

    def measure(self, decoder: Decoder, micro_batch_tokens: int, device: torch.device, tell: Tell) -> Measurement:
        return Measurement(held_out_loss(decoder, self._data, micro_batch_tokens, device, tell))
