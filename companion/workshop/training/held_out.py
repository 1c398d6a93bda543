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


class Measurement(NamedTuple):
    """What was held out, measured without dropout or noise; what is None is not measured by the objective.

    Of dialogues, means in nats per supervised token.
    """

    loss: float
    """Cross-entropy; of preferences their own loss."""
    teacher_loss: float | None = None
    """The teacher's own."""
    divergence: float | None = None
    """KL(teacher ‖ student) at temperature 1."""
    accuracy: float | None = None
    margin: float | None = None
    likelier: float | None = None
    chosen_loss: float | None = None


NOTHING = Measurement(math.nan)
"""Nothing is held out, or nothing was measured yet."""


def measure_held_out(
    decoder: Decoder,
    data: Source,
    micro_batch_tokens: int,
    device: torch.device,
    between: Callable[[float], None] = lambda done: None,
    teacher: Teacher | None = None,
) -> Measurement:
    """`between` is called from this thread, after some rows, with the share that is done, and may raise to give up."""
    lanes = teacher.lanes(decoder) if teacher is not None else decoder.lanes()
    rows = micro_batches(data.held_out, data.lengths, micro_batch_tokens // lanes)
    dealt = deal([int(data.lengths[row].sum()) for row in rows], lanes)

    def measured(row: list[int]) -> Apart:
        batch = data.batch(row).to(device)
        if teacher is not None:
            return teacher.apart_from(decoder, batch)
        result = supervised_loss(decoder, batch, PLAIN)
        return Apart(result.cross_entropy, 0.0, 0.0, result.count)

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
    count = max(tokens, 1)
    if teacher is None:
        return Measurement(loss / count)
    return Measurement(loss / count, teacher_loss / count, divergence / count)


def _silent(done: float) -> None:
    """Lanes beside the first say nothing."""
