"""How far one model's next words are from another's, over the same tokens: both decoded side by side, chunk by chunk.

The tokens are those that perplexity scores. Kullback–Leibler divergence of the candidate Q from the reference P is
Σ p (log p − log q) over the whole vocabulary, in nats; logits are never kept beyond their batch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from companion.core.errors import ModelError
from companion.llama.context import Context
from companion.llama.model import Model
from companion.llama.scoring import Rows, Softmax, Tell, log_sums, refuse_nonsense, refuse_too_short, text_rows


class Divergence(NamedTuple):
    """Of every scored token, (chunks, tokens per chunk) each."""

    kl: NDArray[np.float64]
    """Nats."""
    same_top: NDArray[np.bool_]
    """Whether both find the same token likeliest."""
    reference: NDArray[np.float64]
    candidate: NDArray[np.float64]
    """Log-probability in nats of the true token with either, as `scoring.TextScore`."""

    @property
    def change(self) -> NDArray[np.float64]:
        """Probability of the true token with the candidate, less that with the reference."""
        return np.exp(self.candidate) - np.exp(self.reference)


def divergence(
    reference: Context, candidate: Context, tokens: Sequence[int], *, chunk: int = 512, tell: Tell = lambda share: None
) -> Divergence:
    """Two contexts of the same size, of models with the same vocabulary. Raises ModelError for different vocabularies, else as
    `scoring.perplexity`."""
    return divergences(reference, [candidate], tokens, chunk=chunk, tell=tell)[0]


def divergences(
    reference: Context, candidates: Sequence[Context], tokens: Sequence[int], *, chunk: int = 512, tell: Tell = lambda share: None
) -> list[Divergence]:
    """`divergence` of each, for which the reference decodes once."""
    for candidate in candidates:
        refuse_other_vocabulary(reference.model, candidate.model)
    refuse_too_short(tokens, chunk)
    found: list[list[NDArray[np.float64]]] = [[] for _ in candidates]
    chunks, scored, done = len(tokens) // chunk, chunk - 1 - chunk // 2, 0
    with contextlib.ExitStack() as stack:
        softmax = stack.enter_context(Softmax(reference.options.threads))
        theirs, *ours = (
            stack.enter_context(contextlib.closing(text_rows(each, tokens, chunk))) for each in (reference, *candidates)
        )
        for before, *after in zip(theirs, *ours, strict=True):
            for values, rows in zip(found, after, strict=True):
                values.append(compared(softmax, before, rows))
            done += len(before.targets)
            tell(done / (chunks * scored))
    return [_by_chunks(np.concatenate(values, axis=1), chunks) for values in found]


def _by_chunks(values: NDArray[np.float64], chunks: int) -> Divergence:
    kl, same, reference, candidate = (part.reshape(chunks, -1) for part in values)
    return Divergence(kl, same.astype(np.bool_), reference, candidate)


def compared(softmax: Softmax, reference: Rows, candidate: Rows) -> NDArray[np.float64]:
    """Divergence, whether the likeliest token is the same, and the target's log-probability with either: (4, rows) float64."""
    values = softmax.by_blocks(_compared, reference.logits, candidate.logits, candidate.targets)
    refuse_nonsense(values)
    return values


def _compared(p: NDArray[np.float32], q: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """The difference of the logits is taken first and then that of their sums, so that nothing large cancels in float32."""
    q_sum = log_sums(q)
    with np.errstate(invalid="ignore"):
        top = p.max(axis=-1, keepdims=True)
        weight = p - top
        np.exp(weight, out=weight)
        total = weight.sum(axis=-1, dtype=np.float64)
        p_sum = np.log(total) + top[:, 0]
        gap = p - q
        gap -= (p_sum - q_sum).astype(np.float32)[:, None]
        weight *= gap
        kl = weight.sum(axis=-1, dtype=np.float64) / total
    rows = np.arange(len(targets))
    p_target, q_target = (logits[rows, targets] - sums for logits, sums in ((p, p_sum), (q, q_sum)))
    return np.stack([kl, p.argmax(axis=-1) == q.argmax(axis=-1), p_target, q_target])


def refuse_other_vocabulary(a: Model, b: Model) -> None:
    """Raises ModelError unless every token of one is the same text in the other."""
    if a is b or a.vocabulary.fingerprint == b.vocabulary.fingerprint:
        return
    raise ModelError(
        f"“{a.path.name}” and “{b.path.name}” have different vocabularies: there is no divergence between them.",
        "Compare models of one family, or look at bits per byte, which all models have in common.",
    )
