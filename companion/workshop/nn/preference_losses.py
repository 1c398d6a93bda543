"""How likely a whole reply is, and the losses that make the better of two replies likelier than the worse.

The head's gradient of each token's log p is computed while its logits exist, for one chunk of rows, and is multiplied in the
backward by how much that token counts: so a loss may depend on whole replies although no logits are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from companion.workshop.nn import losses
from companion.workshop.nn.norms import wide

if TYPE_CHECKING:
    from companion.workshop.data.batch import Batch
    from companion.workshop.nn.decoder import Decoder


class Replies(NamedTuple):
    """Of each dialogue of a batch: log p of all its supervised tokens together (dialogues,), and how many these are."""

    log_p: Tensor
    tokens: Tensor


def reply_log_likelihoods(decoder: Decoder, batch: Batch, *, adapted: bool = True, seed: int = 0) -> Replies:
    """In nats, with a graph when gradients are enabled. `adapted` False leaves the adapter out; dropout comes from `seed`."""
    hidden = decoder.hidden(batch, rows=batch.rows, adapted=adapted, seed=seed)
    log_p = _TokenLogLikelihood.apply(hidden, batch.targets, decoder, torch.is_grad_enabled())  # type: ignore[no-untyped-call]
    ends = torch.tensor(batch.starts[1:], device=batch.rows.device)
    owner = torch.bucketize(batch.rows, ends, right=True)
    sums = torch.zeros(len(ends), dtype=log_p.dtype, device=log_p.device).index_add(0, owner, log_p)
    return Replies(sums, torch.bincount(owner, minlength=len(ends)))


class _TokenLogLikelihood(torch.autograd.Function):
    """log p of each target (rows,): with z = W h and p = softmax(z), the gradient of log p_t is Wᵀ (1_t - p)."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, decoder: Decoder, graph: bool) -> Tensor:
        head = decoder.head
        if graph and head.trains:
            raise ValueError("the output matrix is not trained here")
        weight = head.dense()
        rows = max(1, losses.CHUNK_BYTES // (4 * weight.shape[0]))
        found = torch.empty(len(hidden), dtype=wide(hidden.dtype), device=hidden.device)
        d_hidden = torch.empty_like(hidden) if graph else None
        for at in range(0, len(hidden), rows):
            part, index = hidden[at : at + rows], targets[at : at + rows, None]
            logits = head.logits(part, weight)
            log_p = logits.log_softmax(-1)
            found[at : at + rows] = log_p.gather(1, index)[:, 0]
            if d_hidden is not None:
                d_logits = log_p.exp_().neg_()
                d_logits.scatter_add_(1, index, torch.ones_like(d_logits[:, :1]))
                if head.cap:
                    d_logits.mul_(1 - (logits / head.cap).square_())
                torch.mm(d_logits.to(part.dtype), weight, out=d_hidden[at : at + rows])
        ctx.d_hidden = d_hidden
        return found

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor, None, None, None]:
        return ctx.d_hidden * d[:, None].to(ctx.d_hidden.dtype), None, None, None


def dpo(margin: Tensor, smoothing: float) -> Tensor:
    """Direct preference optimization (Rafailov et al. 2023) of each pair. `margin` is β times how much more the better
    reply has gained over the reference than the worse one; `smoothing` is the share of pairs that were judged the wrong
    way round (cDPO, Mitchell 2023)."""
    return -(1 - smoothing) * logsigmoid(margin) - smoothing * logsigmoid(-margin)


def kto(reward: Tensor, baseline: Tensor, good: Tensor, weight: Tensor) -> Tensor:
    """Kahneman–Tversky optimization (Ethayarajh et al. 2024) of each reply, which is judged by itself.

    `reward` is β times its gain over the reference, `baseline` β times the divergence from it (z₀, without a gradient),
    `good` whether it is to be likelier, `weight` what it counts.
    """
    value = torch.where(good, reward - baseline, baseline - reward)
    return weight * torch.sigmoid(-value)


def orpo(better: Tensor, worse: Tensor) -> Tensor:
    """The odds ratio of ORPO (Hong et al. 2024), which needs no reference. Both are mean log p per token, below 0."""
    return -logsigmoid(_log_odds(better) - _log_odds(worse))


def _log_odds(log_p: Tensor) -> Tensor:
    return log_p - torch.log(-torch.expm1(log_p.clamp(max=-1e-6)))
