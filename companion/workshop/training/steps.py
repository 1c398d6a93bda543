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
from functools import partial, reduce
from typing import NamedTuple

import torch
from torch import Tensor

from companion.core.recipes.parts import Optimizer as OptimizerOptions
from companion.workshop.data.batch import Batch
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.lanes import deal, side_by_side
from companion.workshop.training.consolidation import Anchor
from companion.workshop.training.objective import Objective, Tally, trained_weights
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
    """Plain cross-entropy in nats per supervised token, whatever else is made small; of preferences their loss."""
    norm: float
    tokens: int
    data_seconds: float
    shrunk: bool
    """Whether the micro-batch had to become smaller on the way."""
    accuracy: float | None = None
    margin: float | None = None


class _Gathered(NamedTuple):
    """Of all rows of a step; both are means over what the objective counts."""

    total: float
    """What is made small."""
    tally: Tally

    @property
    def loss(self) -> float:
        return self.tally.loss


class _Rows(NamedTuple):
    """The examples of a step, row by row."""

    examples: list[list[int]]
    batches: list[Batch]
    counted: int
    """What their loss is the mean over."""


class Stepper:
    """Takes steps with one decoder and one optimizer. `micro_batch_tokens` becomes smaller when memory runs out."""

    def __init__(
        self,
        decoder: Decoder,
        optimizer: torch.optim.Optimizer,
        data: Source,
        objective: Objective,
        options: OptimizerOptions,
        seed: int,
        micro_batch_tokens: int,
        device: torch.device,
        anchor: Anchor | None = None,
    ) -> None:
        self.micro_batch_tokens = micro_batch_tokens
        self._decoder, self._optimizer = decoder, optimizer
        self._data = data
        self._objective, self._options = objective, options
        self._seed, self._device, self._anchor = seed, device, anchor
        self._lanes = objective.lanes(decoder)
        self._parameters: list[Tensor] = list(trained_weights(decoder, objective).values())

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
        found = self._rows(examples)
        batches = [self._data.batch(row) for row in found]
        rows = _Rows(found, batches, sum(map(self._objective.count, found, batches)))
        data_seconds = time.perf_counter() - began
        many = isinstance(self._optimizer, torch.optim.LBFGS)
        tally, norm = self._many_evaluations(step, rows) if many else self._one_evaluation(step, rows, between)
        self._forget_gradients()
        shrink_l1(self._optimizer, self._options.l1)
        # torch's fused kernels write without counting; the decoder makes its copies anew when the count has grown
        torch.autograd.graph.increment_version(self._parameters)
        tokens = sum(len(batch.tokens) for batch in batches)
        return Taken(tally.loss, norm, tokens, data_seconds, False, tally.accuracy, tally.mean_margin)

    def _rows(self, examples: Sequence[int]) -> list[list[int]]:
        """The lanes together hold `micro_batch_tokens` at once."""
        return micro_batches(examples, self._data.lengths, self.micro_batch_tokens // self._lanes)

    def _one_evaluation(self, step: int, rows: _Rows, between: Callable[[float], None]) -> tuple[Tally, float]:
        try:
            found = self._gradients(step, rows, between)
            norm = self._clipped_norm()
            if not (math.isfinite(found.loss) and math.isfinite(norm)):
                raise NotANumber
        except BaseException:
            self._forget_gradients()
            raise
        self._optimizer.step()
        return found.tally, norm

    def _many_evaluations(self, step: int, rows: _Rows) -> tuple[Tally, float]:
        """L-BFGS looks along a line: it asks for loss and gradient several times, and must not be left halfway."""
        seen: list[tuple[Tally, float]] = []

        def closure() -> float:
            found = self._gradients(step, rows, lambda done: None)
            seen.append((found.tally, self._norm()))
            return found.total + self._add_decay()

        self._optimizer.step(closure)
        tally, norm = seen[0]
        if not (math.isfinite(tally.loss) and math.isfinite(norm)) or not all(bool(p.isfinite().all()) for p in self._parameters):
            raise NotANumber
        return tally, norm

    def _gradients(self, step: int, rows: _Rows, between: Callable[[float], None]) -> _Gathered:
        """Fill the gradients anew."""
        self._forget_gradients()
        torch.manual_seed((self._seed * 1_000_003 + step) & 0x7FFF_FFFF)
        seeds = torch.randint(1, 2**48, (len(rows.batches),)).tolist()
        dealt = deal([len(batch.tokens) for batch in rows.batches], self._lanes)
        count = max(rows.counted, 1)
        self._objective.begin_step(self._decoder, rows.examples)

        def learn(mine: list[int], first: bool, failed: threading.Event) -> tuple[float, Tally]:
            total, tally = 0.0, Tally()
            for number, index in enumerate(mine, start=1):
                if failed.is_set():
                    break
                batch = rows.batches[index].to(self._device)
                result = self._objective.row(self._decoder, rows.examples[index], batch, seeds[index])
                torch.autograd.backward(result.total / count)
                total += float(result.total.detach())
                tally = tally.plus(result.tally)
                if first:
                    between(number / len(mine))
            return total, tally

        sums = side_by_side([partial(learn, mine, lane == 0) for lane, mine in enumerate(dealt)])
        tally = reduce(Tally.plus, (tally for _, tally in sums))
        pulled = self._anchor.pull() if self._anchor is not None else 0.0
        return _Gathered(sum(total for total, _ in sums) / count + pulled, tally._replace(loss=tally.loss / count))

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
