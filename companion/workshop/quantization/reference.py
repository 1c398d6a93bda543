"""What a model says of some next words before it is changed: divergences are measured from that, on the same tokens each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.decoder import Decoder, Trace
from companion.workshop.nn.losses import CHUNK_BYTES


class Reference:
    """A decoder's chances, and its trace, from which a changed one can go on."""

    def __init__(self, decoder: Decoder, examples: Sequence[Example], rows: int) -> None:
        """`rows` next words are looked at, spread over the second halves of the examples: where builds are measured, too."""
        self._decoder = decoder
        self.batch = pack([Example(each.tokens, [False] * len(each.tokens)) for each in examples]).to(decoder.device)
        usable = np.concatenate([np.arange((a + b) // 2, b - 1) for a, b in pairwise(self.batch.starts)])
        chosen = usable[np.linspace(0, len(usable) - 1, min(rows, len(usable))).astype(np.int64)]
        self.rows = torch.from_numpy(chosen).to(decoder.device)
        self.trace: Trace = decoder.trace(self.batch, self.rows)
        self._chances = list(self._log_chances(self.trace.hidden))

    def divergence(self, hidden: Tensor) -> float:
        """Mean nats per token of Kullback–Leibler, of what `hidden` (rows, width) says from what was said before."""
        total = 0.0
        for ours, theirs in zip(self._log_chances(hidden), self._chances, strict=True):
            total += float((theirs.exp() * (theirs - ours)).sum(dtype=torch.float64))
        return max(total / len(self.rows), 0.0)

    def _log_chances(self, hidden: Tensor) -> Iterator[Tensor]:
        head = self._decoder.head
        with torch.no_grad():
            weight = head.dense()
            rows = max(1, CHUNK_BYTES // (4 * weight.shape[0]))
            for at in range(0, len(hidden), rows):
                yield head.logits(hidden[at : at + rows], weight).log_softmax(-1)
