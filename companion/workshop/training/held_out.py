"""What was held back, measured: the loss on dialogues that are never trained on."""

from __future__ import annotations

from collections.abc import Callable

import torch

from companion.core.recipes.parts import Loss
from companion.workshop.nn.decoder import Decoder
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

    `between` is called after every row with the share that is done, and may raise to give up.
    """
    rows = micro_batches(data.held_out, data.lengths, micro_batch_tokens)
    total, count = 0.0, 0
    was_training = decoder.training
    decoder.eval()
    try:
        with torch.no_grad():
            for number, row in enumerate(rows, start=1):
                result = supervised_loss(decoder, data.batch(row).to(device), PLAIN)
                total += result.cross_entropy
                count += result.count
                between(number / len(rows))
    finally:
        decoder.train(was_training)
    return total / max(count, 1)
