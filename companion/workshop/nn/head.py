"""The output matrix: from hidden rows to logits. Tied models share it with the embedding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from companion.workshop.nn.gradients import accumulate_rows
from companion.workshop.nn.linear import Linear
from companion.workshop.nn.norms import wide


class Head:
    """Logits of hidden rows, soft-capped where the architecture does it."""

    def __init__(self, linear: Linear, cap: float) -> None:
        self.linear, self.cap = linear, cap

    @property
    def trains(self) -> bool:
        return bool(self.linear.masters)

    @property
    def master(self) -> nn.Parameter:
        return next(iter(self.linear.masters.values()))

    def dense(self) -> Tensor:
        """(vocabulary, width) in compute dtype."""
        return self.linear.dense()

    def logits(self, hidden: Tensor, weight: Tensor | None = None) -> Tensor:
        """(rows, vocabulary) in float32."""
        logits = nn.functional.linear(hidden, self.dense() if weight is None else weight).to(wide(hidden.dtype))
        return logits if not self.cap else logits.div_(self.cap).tanh_().mul_(self.cap)


class Embedding:
    """Token embeddings, taken from a dense table, from packed rows, or from a trained master."""

    def __init__(self, table: Linear, scale: float) -> None:
        self.table, self.scale = table, scale
        self._anchor = torch.empty(0, requires_grad=True)

    def take(self, tokens: Tensor) -> Tensor:
        """(tokens, width) in float32; with a graph when the table is trained."""
        weight = self.table.weight
        rows: Tensor
        if self.table.masters:
            rows = _TrainedRows.apply(self._anchor, tokens, next(iter(self.table.masters.values())))  # type: ignore[no-untyped-call]
        elif isinstance(weight, Tensor):
            rows = weight[tokens].to(wide(weight.dtype))
        else:
            rows = weight[0].take(tokens, torch.float32)
        return rows if self.scale == 1.0 else rows * self.scale


class _TrainedRows(torch.autograd.Function):
    """Rows of a master whose gradient goes where all hand-made gradients go."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, tokens: Tensor, master: nn.Parameter) -> Tensor:
        ctx.tokens, ctx.master = tokens, master
        return master.detach().index_select(0, tokens)

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[None, None, None]:
        accumulate_rows(ctx.master, ctx.tokens, d)
        return None, None, None
