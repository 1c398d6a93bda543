"""How likely a model finds given tokens: the negative log-likelihood through llama.cpp, as training and perplexity count it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import llama_cpp
import numpy as np

from companion.core.errors import EngineError
from companion.llama.context import Context, floats

ROWS = 128
"""Tokens decoded at once when all their logits are wanted: 25 MB of them for a vocabulary of 49,152."""


class Likelihood(NamedTuple):
    """Sum over the tokens that were looked at."""

    nats: float
    tokens: int

    @property
    def loss(self) -> float:
        """Nats per token."""
        return self.nats / self.tokens if self.tokens else 0.0


def likelihood(context: Context, tokens: Sequence[int], learn: Sequence[bool]) -> Likelihood:
    """Of every token i ≥ 1 with `learn[i]`, predicted from all tokens before it; nothing is added before the first.

    The context must have room for all tokens; what its cache held is dropped. The softmax over whole rows of logits is
    computed in float64. Raises EngineError when llama.cpp cannot decode.
    """
    context.clear()
    nats, count = 0.0, 0
    size, at_once = context.model.vocabulary.size, min(ROWS, context.options.batch)
    batch = llama_cpp.llama_batch_init(at_once, 0, 1)
    try:
        for start in range(0, len(tokens) - 1, at_once):
            part = tokens[start : min(start + at_once, len(tokens) - 1)]
            wanted = [i for i in range(len(part)) if learn[start + i + 1]]
            batch.n_tokens = len(part)
            for i, token in enumerate(part):
                batch.token[i], batch.pos[i] = token, start + i
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
                batch.logits[i] = 0
            for i in wanted or [len(part) - 1]:  # llama.cpp wants at least one
                batch.logits[i] = 1
            if (code := llama_cpp.llama_decode(context.pointer, batch)) != 0:
                raise EngineError(f"llama.cpp could not read the text (code {code}).", "Choose a smaller context.")
            for i in wanted:
                logits = floats(llama_cpp.llama_get_logits_ith(context.pointer, i), size).astype(np.float64)
                top = logits.max()
                nats += float(top + np.log(np.exp(logits - top).sum()) - logits[tokens[start + i + 1]])
            count += len(wanted)
    finally:
        llama_cpp.llama_batch_free(batch)
        context.clear()
    return Likelihood(nats, count)
