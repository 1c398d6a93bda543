"""What is made small in a training, and what is measured of it; plain learning from dialogues is one of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from companion.core.recipes.parts import Loss
from companion.workshop.data.batch import Batch
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.teacher import Teacher
from companion.workshop.training.held_out import Measurement, measure_held_out
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


class Objective(Protocol):
    """What the steps of a training make small."""

    def trainable(self) -> dict[str, nn.Parameter]:
        """What is learned beside the decoder's weights and not kept."""
        ...

    def lanes(self, decoder: Decoder) -> int:
        """How many dialogues are best computed at once."""
        ...

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

    def wanted(self, found: Measurement) -> float:
        """What of a measurement is to become small."""
        ...


class Supervised:
    """Plain learning: every supervised token counts alike. With a `teacher` its chances stand beside the dialogues."""

    def __init__(self, data: Source, loss: Loss, teacher: Teacher | None = None) -> None:
        self._data, self._loss, self._teacher = data, loss, teacher

    def trainable(self) -> dict[str, nn.Parameter]:
        return self._teacher.trainable() if self._teacher is not None else {}

    def lanes(self, decoder: Decoder) -> int:
        return self._teacher.lanes(decoder) if self._teacher is not None else decoder.lanes()

    def begin_step(self, decoder: Decoder, rows: Sequence[Sequence[int]]) -> None:
        pass

    def count(self, row: Sequence[int], batch: Batch) -> int:
        return len(batch.targets)

    def row(self, decoder: Decoder, row: Sequence[int], batch: Batch, seed: int) -> RowLoss:
        result = supervised_loss(decoder, batch, self._loss, seed, self._teacher)
        return RowLoss(result.total, Tally(loss=result.cross_entropy))

    def measure(self, decoder: Decoder, micro_batch_tokens: int, device: torch.device, tell: Tell) -> Measurement:
        return measure_held_out(decoder, self._data, micro_batch_tokens, device, tell, self._teacher)

    def wanted(self, found: Measurement) -> float:
        """The teacher counts as much as in training."""
        if self._teacher is None or found.divergence is None:
            return found.loss
        share = self._teacher.options.share
        return (1 - share) * found.loss + share * found.divergence


def trained_weights(decoder: Decoder, objective: Objective) -> dict[str, nn.Parameter]:
    """What an optimizer moves, by name: the decoder's weights, and what is learned along with them."""
    return {**decoder.trainable(), **objective.trainable()}
