"""How likely a model finds given tokens: the negative log-likelihood through llama.cpp, as training and perplexity count it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from companion.llama.context import Context
from companion.llama.scoring import Run, cleared, log_probabilities

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

    The context must have room for all tokens; what its cache held is dropped. Raises EngineError when llama.cpp cannot
    decode or the model computes what is no number.
    """
    targets = [token if learned else -1 for token, learned in zip(tokens[1:], learn[1:], strict=True)]
    with cleared(context):
        values = log_probabilities(context, [Run(tokens[:-1], targets)])
    return Likelihood(float(-values.sum()), len(values))
