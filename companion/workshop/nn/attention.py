"""Causal attention inside each dialogue of a packed row, in blocks of queries, forward and backward.

Torch's own flash attention for CPUs took 10 ms per layer and dialogue of 465 tokens (9 heads, bfloat16, forward and
backward, 2 cores); these blocks take 2 ms, because nearly all of their work is matrix products of a useful size: the
heads that share keys are stacked into one product, and a block of queries only meets the keys it may look at.

Layout: queries (kv_heads, tokens * group, size), where the `group` heads that share a key stand side by side for each
token; keys and values (kv_heads, tokens, size).
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from companion.workshop.nn.norms import wide

BLOCK = 160
"""Queries per block at most: measured best of 64 to 464 at dialogues of 464 tokens, with 96 and 128."""


Span = tuple[int, int]
"""Tokens [from, to) of a row."""


class Block(NamedTuple):
    """Queries [query, query_end) look at keys of `before` and [key, key_end); `mask` (queries, masked) is for the last."""

    query: int
    query_end: int
    before: tuple[Span, ...]
    """What other dialogues begin with, too; it stands there once."""
    key: int
    key_end: int
    mask: Tensor

    def keys(self, of: Tensor) -> Tensor:
        """What the block sees of keys or values, (kv_heads, seen, size)."""
        own = of[:, self.key : self.key_end]
        return torch.cat([*(of[:, start:end] for start, end in self.before), own], 1) if self.before else own

    def give(self, gradient: Tensor, to: Tensor) -> None:
        """Add the gradient of `keys` to that of all keys or values."""
        at = 0
        for start, end in (*self.before, (self.key, self.key_end)):
            to[:, start:end] += gradient[:, at : at + end - start]
            at += end - start


class AttentionPlan(NamedTuple):
    """The blocks of one batch for layers with the same window."""

    blocks: tuple[Block, ...]
    group: int
    """Heads that share a key."""

    @classmethod
    def make(
        cls,
        starts: tuple[int, ...],
        window: int,
        group: int,
        like: Tensor,
        *,
        first: int = 0,
        before: tuple[tuple[Span, ...], ...] = (),
    ) -> AttentionPlan:
        """`window` is 0 or how far back a token looks; tokens before `first` have keys, but ask no more.

        `before` holds for each stretch between two `starts` what it sees of the row before itself (only without a window);
        empty lets each see itself alone. Masks get device and dtype of `like`.
        """
        blocks: list[Block] = []
        masks: dict[tuple[int, ...], Tensor] = {}
        for (start, end), seen in zip(pairwise(starts), before or ((),) * len(starts), strict=False):
            for query in range(max(start, first), end, BLOCK):
                query_end = min(end, query + BLOCK)
                key = max(start, query - window + 1) if window else start
                masked = key if window and query_end - window > key else query
                shape = (query_end - query, query - masked, query_end - masked)
                if shape not in masks:  # the same triangle serves all whole blocks
                    masks[shape] = _mask(*shape, window).to(like)
                blocks.append(Block(query - first, query_end - first, seen, key, query_end, masks[shape]))
        return cls(tuple(blocks), group)


def _mask(queries: int, offset: int, columns: int, window: int) -> Tensor:
    """-inf where query i, which is key `offset + i`, may not look: ahead, or further back than the window."""
    key, query = torch.arange(columns), torch.arange(queries)[:, None] + offset
    hidden = (key > query) | (key <= query - window) if window else key > query
    return torch.zeros(hidden.shape).masked_fill_(hidden, -torch.inf)


def _scores(block: Block, q: Tensor, k: Tensor, group: int, cap: float) -> Tensor:
    """Capped and masked scores (kv_heads, queries * group, keys)."""
    asking = q[:, block.query * group : block.query_end * group]
    scores = torch.bmm(asking, block.keys(k).transpose(1, 2))
    if cap:
        scores.copy_((scores.to(wide(q.dtype)) / cap).tanh_().mul_(cap))
    columns = block.mask.shape[1]
    masked = scores.view(len(scores), -1, group, scores.shape[-1])[..., scores.shape[-1] - columns :]
    masked += block.mask[:, None]
    return scores


def attend(plan: AttentionPlan, q: Tensor, k: Tensor, v: Tensor, cap: float) -> tuple[Tensor, list[Tensor]]:
    """What each query gathers (kv_heads, queries * group, size), and the probabilities of every block for the backward.

    `q` is already multiplied by the attention scale. Softmax of bfloat16 scores sums in float32 inside torch.
    """
    gathered = torch.empty_like(q)
    kept = []
    for block in plan.blocks:
        probabilities = torch.softmax(_scores(block, q, k, plan.group, cap), -1)
        out = gathered[:, block.query * plan.group : block.query_end * plan.group]
        torch.bmm(probabilities, block.keys(v), out=out)
        kept.append(probabilities)
    return gathered, kept


def attend_backward(
    plan: AttentionPlan, d: Tensor, share: Tensor, q: Tensor, k: Tensor, v: Tensor, cap: float, kept: list[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients with respect to q, k and v. With probabilities p: ds = p * (dp - sum(p * dp)).

    That sum is `share` (kv_heads, queries * group, 1), d · gathered of every query.
    """
    group = plan.group
    dq = torch.empty_like(q)
    dk, dv = (torch.zeros(k.shape, dtype=wide(k.dtype), device=k.device) for _ in range(2))
    for block, p in zip(plan.blocks, kept, strict=True):
        asking, keys = slice(block.query * group, block.query_end * group), block.keys(k)
        ds = torch.bmm(d[:, asking], block.keys(v).transpose(1, 2)).sub_(share[:, asking]).mul_(p)
        if cap:
            raw = torch.bmm(q[:, asking], keys.transpose(1, 2)).div_(cap).tanh_()
            ds.addcmul_(ds, raw.square_(), value=-1)
        torch.bmm(ds, keys, out=dq[:, asking])
        block.give(torch.bmm(ds.transpose(1, 2), q[:, asking]), dk)
        block.give(torch.bmm(p.transpose(1, 2), d[:, asking]), dv)
    return dq, dk, dv
