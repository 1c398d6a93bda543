"""Is what this build computes on this machine right? A few logits against llama.cpp's plainest CPU path."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from companion.llama.context import Context, ContextOptions, floats
from companion.llama.model import Model

PROBE = "The night sky is clear. She counts the stars: one, two, three, four. Hello! 你好, привет 🌟"
STEPS = 4
NONSENSE_KL = 0.1
"""Mean KL divergence in nats above which a path counts as wrong. Repacked and GPU paths measure below 0.001; a broken
kernel is far above 1."""


class Logits(NamedTuple):
    """Logits (positions, vocab) after the probe and after each of the tokens that followed it."""

    values: Any
    followed_by: tuple[int, ...]


def probe_logits(model: Model, threads: int, follow: tuple[int, ...] | None = None) -> Logits:
    """Decode the probe and a few more tokens: `follow`, or else the most likely ones."""
    tokens = model.vocabulary.tokenize(PROBE)[:64] or [0]
    taken: list[int] = []
    with Context(model, ContextOptions(tokens=256, threads=threads, batch=128)) as context:
        context.read(tokens)
        rows = [floats(context.logits(), model.vocabulary.size).copy()]
        for step in range(STEPS - 1):
            taken.append(follow[step] if follow else int(np.argmax(rows[-1])))
            context.add(taken[-1])
            rows.append(floats(context.logits(), model.vocabulary.size).copy())
    return Logits(np.stack(rows), tuple(taken))


def divergence(reference: Any, candidate: Any) -> float:
    """Mean KL(reference || candidate) in nats over positions; infinite when either holds anything but numbers."""
    if not (np.isfinite(reference).all() and np.isfinite(candidate).all()):
        return float("inf")
    log_p, log_q = _log_softmax(reference), _log_softmax(candidate)
    return float((np.exp(log_p) * (log_p - log_q)).sum(axis=-1).mean())


def _log_softmax(logits: Any) -> Any:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
