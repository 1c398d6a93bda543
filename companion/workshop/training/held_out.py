"""What was held back, measured: the loss on dialogues that are never trained on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import torch

from companion.core.recipes.parts import Loss
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.lanes import deal, side_by_side
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.training.order import micro_batches
from companion.workshop.training.source import Source

PLAIN = Loss()
"""Cross-entropy, whatever is trained with: numbers of different recipes can be compared."""


def held_out_loss(
    decoder: Decoder,
    data: Source,
    micro_batch_tokens: int,
    device: torch.device,
    between: Callable[[float], None] = lambda done: None,
) -> float:
    """Mean cross-entropy in nats per supervised token, without dropout or noise.

    `between` is called from this thread, after some rows, with the share that is done, and may raise to give up.
    """
    lanes = decoder.lanes()
    rows = micro_batches(data.held_out, data.lengths, micro_batch_tokens // lanes)
    dealt = deal([int(data.lengths[row].sum()) for row in rows], lanes)

    def measure(mine: list[int], tell: Callable[[float], None], failed: threading.Event) -> tuple[float, int]:
        total, count = 0.0, 0
        for number, row in enumerate(mine, start=1):
            if not failed.is_set():
                result = supervised_loss(decoder, data.batch(rows[row]).to(device), PLAIN)
                total += result.cross_entropy
                count += result.count
                tell(number / len(mine))
        return total, count

    was_training = decoder.training
    decoder.eval()
    try:
        with torch.no_grad():
            sums = side_by_side([partial(measure, mine, _silent if lane else between) for lane, mine in enumerate(dealt)])
    finally:
        decoder.train(was_training)
    return sum(total for total, _ in sums) / max(sum(count for _, count in sums), 1)


def _silent(done: float) -> None:
    """Lanes beside the first say nothing."""
