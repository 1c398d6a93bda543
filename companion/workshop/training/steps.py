"""One optimizer step: the gradients of its examples gathered row by row, shortened, and taken.

The loss is the mean over all supervised tokens of the step, not of its rows, so that how it is cut into rows changes
nothing but rounding. Chance (dropout, noise) is a function of the seed and the step: a resumed run has the same.
"""

from __future__ import annotations

import gc
import math
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from companion.core.recipes.parts import Loss
from companion.core.recipes.parts import Optimizer as OptimizerOptions
from companion.workshop.data.batch import Batch
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.lanes import deal, side_by_side
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.teacher import Teacher
from companion.workshop.training.optimizers import set_rates, shrink_l1
from companion.workshop.training.order import micro_batches
from companion.workshop.training.source import Source

SMALLEST_MICRO_BATCH = 128
"""Tokens; below this a row of its own for each example is all that is left to try."""


class NotANumber(Exception):
    """The loss, or the gradient, of a step is infinite or no number; nothing was changed by it."""


class NoRoom(Exception):
    """Even the smallest micro-batch does not fit into memory."""


class Taken(NamedTuple):
    """One step that was taken; `norm` is the gradient's before it was shortened."""

    loss: float
    """Plain cross-entropy in nats per supervised token, whatever else is made small."""
    norm: float
    tokens: int
    data_seconds: float
    shrunk: bool
    """Whether the micro-batch had to become smaller on the way."""


class Stepper:
    """Takes steps with one decoder and one optimizer. `micro_batch_tokens` becomes smaller when memory runs out."""

    def __init__(
        self,
        decoder: Decoder,
        optimizer: torch.optim.Optimizer,
        data: Source,
        loss: Loss,
        options: OptimizerOptions,
        seed: int,
        micro_batch_tokens: int,
        device: torch.device,
        teacher: Teacher | None = None,
    ) -> None:
        self.micro_batch_tokens = micro_batch_tokens
        self._decoder, self._optimizer, self._teacher = decoder, optimizer, teacher
        self._data = data
        self._loss, self._options = loss, options
        self._seed, self._device = seed, device
        self._lanes = teacher.lanes(decoder) if teacher is not None else decoder.lanes()
        self._parameters: list[Tensor] = list(trained_weights(decoder, teacher).values())

    def take(self, step: int, examples: Sequence[int], learning_rate: float, between: Callable[[float], None]) -> Taken:
        """`between` is called after some rows with the share that is done, and may raise to give the step up.

        Raises NotANumber and NoRoom; weights and optimizer are then as they were before (L-BFGS excepted).
        """
        set_rates(self._optimizer, learning_rate)
        rows_before = self.micro_batch_tokens
        while True:
            try:
                taken = self._try(step, examples, between)
                return taken._replace(shrunk=self.micro_batch_tokens < rows_before)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
            self._forget_gradients()
            free_memory()
            rows = self._rows(examples)
            fullest = self._lanes * int(max(self._data.lengths[row].sum() for row in rows))
            self.micro_batch_tokens = min(self.micro_batch_tokens, fullest) // 2
            if self.micro_batch_tokens < SMALLEST_MICRO_BATCH and all(len(row) == 1 for row in rows):
                raise NoRoom

    def _try(self, step: int, examples: Sequence[int], between: Callable[[float], None]) -> Taken:
        began = time.perf_counter()
        rows = self._rows(examples)
        batches = [self._data.batch(row) for row in rows]
        count = sum(len(batch.targets) for batch in batches)
        tokens = sum(len(batch.tokens) for batch in batches)
        data_seconds = time.perf_counter() - began
        if isinstance(self._optimizer, torch.optim.LBFGS):
            loss, norm = self._many_evaluations(step, batches, count)
        else:
            loss, norm = self._one_evaluation(step, batches, count, between)
        self._forget_gradients()
        shrink_l1(self._optimizer, self._options.l1)
        # torch's fused kernels write without counting; the decoder makes its copies anew when the count has grown
        torch.autograd.graph.increment_version(self._parameters)
        return Taken(loss, norm, tokens, data_seconds, shrunk=False)

    def _rows(self, examples: Sequence[int]) -> list[list[int]]:
        """The lanes together hold `micro_batch_tokens` at once."""
        return micro_batches(examples, self._data.lengths, self.micro_batch_tokens // self._lanes)

    def _one_evaluation(
        self, step: int, batches: list[Batch], count: int, between: Callable[[float], None]
    ) -> tuple[float, float]:
        try:
            _, loss = self.gradients(step, batches, count, between)
            norm = self._clipped_norm()
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise NotANumber
        except BaseException:
            self._forget_gradients()
            raise
        self._optimizer.step()
        return loss, norm

    def _many_evaluations(self, step: int, batches: list[Batch], count: int) -> tuple[float, float]:
        """L-BFGS looks along a line: it asks for loss and gradient several times, and must not be left halfway."""
        seen: list[tuple[float, float]] = []

        def closure() -> float:
            total, loss = self.gradients(step, batches, count, lambda done: None)
            seen.append((loss, self._norm()))
            return total + self._add_decay()

        self._optimizer.step(closure)
        loss, norm = seen[0]
        if not (math.isfinite(loss) and math.isfinite(norm)) or not all(bool(p.isfinite().all()) for p in self._parameters):
            raise NotANumber
        return loss, norm

    def gradients(self, step: int, batches: list[Batch], count: int, between: Callable[[float], None]) -> tuple[float, float]:
        """Fill the gradients anew; returns what is made small, and the plain cross-entropy, both per supervised token."""
        self._forget_gradients()
        torch.manual_seed((self._seed * 1_000_003 + step) & 0x7FFF_FFFF)
        seeds = torch.randint(1, 2**48, (len(batches),)).tolist()
        dealt = deal([len(batch.tokens) for batch in batches], self._lanes)

        def learn(mine: list[int], first: bool, failed: threading.Event) -> tuple[float, float]:
            total = plain = 0.0
            for number, index in enumerate(mine, start=1):
                if failed.is_set():
                    break
                batch = batches[index].to(self._device)
                result = supervised_loss(self._decoder, batch, self._loss, seeds[index], self._teacher)
                torch.autograd.backward(result.total / max(count, 1))
                total += float(result.total.detach())
                plain += result.cross_entropy
                if first:
                    between(number / len(mine))
            return total, plain

        sums = side_by_side([partial(learn, mine, lane == 0) for lane, mine in enumerate(dealt)])
        return sum(total for total, _ in sums) / max(count, 1), sum(plain for _, plain in sums) / max(count, 1)

    def _add_decay(self) -> float:
        """The L2 penalty, added to the gradients of matrices too: torch's L-BFGS has none of its own."""
        strength, penalty = self._options.weight_decay, 0.0
        for parameter in self._parameters if strength else ():
            if parameter.grad is not None and parameter.dim() > 1:
                values = parameter.detach()
                parameter.grad.add_(values, alpha=strength)
                penalty += strength / 2 * float(values.square().sum())
        return penalty

    def _clipped_norm(self) -> float:
        """The norm of all gradients, which are shortened to the recipe's when they are longer."""
        if not self._options.clip_norm:
            return self._norm()
        return float(torch.nn.utils.clip_grad_norm_(self._parameters, self._options.clip_norm))

    def _norm(self) -> float:
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        return float(torch.nn.utils.get_total_norm(gradients)) if gradients else 0.0

    def _forget_gradients(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None


def trained_weights(decoder: Decoder, teacher: Teacher | None) -> dict[str, Tensor]:
    """What an optimizer moves, by name: the decoder's, and what is learned along with a teacher."""
    return {**decoder.trainable(), **(teacher.trainable() if teacher is not None else {})}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed: torch has a class for it on CUDA and only words elsewhere."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory", "failed to allocate")
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)


def free_memory() -> None:
    """Give back what torch keeps for later."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
