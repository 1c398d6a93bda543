"""What was held back, measured: the loss on dialogues that are never trained on, and how far a teacher is there."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import NamedTuple

import torch

from companion.core.recipes.parts import Loss
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.lanes import deal, side_by_side
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.teacher import Apart, Teacher
from companion.workshop.training.order import micro_batches
from companion.workshop.training.source import Source

PLAIN = Loss()
"""Cross-entropy, whatever is trained with: numbers of different recipes can be compared."""


class HeldOut(NamedTuple):
    """Means in nats per supervised token, without dropout or noise."""

    loss: float
    """Cross-entropy."""
    teacher_loss: float = math.nan
    """The teacher's own, NaN without one."""
    divergence: float = math.nan
    """KL(teacher ‖ student) at temperature 1, NaN without a teacher."""

    def wanted(self, share: float) -> float:
        """What is to become small: the teacher counts as much as in training."""
        return self.loss if math.isnan(self.divergence) else (1 - share) * self.loss + share * self.divergence


UNMEASURED = HeldOut(math.nan)


def measure_held_out(
    decoder: Decoder,
    data: Source,
    micro_batch_tokens: int,
    device: torch.device,
    between: Callable[[float], None] = lambda done: None,
    teacher: Teacher | None = None,
) -> HeldOut:
    """`between` is called from this thread, after some rows, with the share that is done, and may raise to give up."""
    lanes = teacher.lanes(decoder) if teacher is not None else decoder.lanes()
    rows = micro_batches(data.held_out, data.lengths, micro_batch_tokens // lanes)
    dealt = deal([int(data.lengths[row].sum()) for row in rows], lanes)

    def measured(row: list[int]) -> Apart:
        batch = data.batch(row).to(device)
        if teacher is not None:
            return teacher.apart_from(decoder, batch)
        result = supervised_loss(decoder, batch, PLAIN)
        return Apart(result.cross_entropy, math.nan, math.nan, result.count)

    def measure(mine: list[int], tell: Callable[[float], None], failed: threading.Event) -> list[Apart]:
        found = []
        for number, row in enumerate(mine, start=1):
            if not failed.is_set():
                found.append(measured(rows[row]))
                tell(number / len(mine))
        return found

    was_training = decoder.training
    decoder.eval()
    try:
        with torch.no_grad():
            found = side_by_side([partial(measure, mine, _silent if lane else between) for lane, mine in enumerate(dealt)])
    finally:
        decoder.train(was_training)
    loss, teacher_loss, divergence, tokens = map(sum, zip(*chain.from_iterable(found), strict=True))
    return HeldOut(loss / max(tokens, 1), teacher_loss / max(tokens, 1), divergence / max(tokens, 1))


def _silent(done: float) -> None:
    """Lanes beside the first say nothing."""
