"""A matrix of a layer: frozen or trained, dense or packed as in the file, joined with those that read the same input."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from companion.workshop.nn.gradients import Stacked
from companion.workshop.nn.lora import LowRank, Outer
from companion.workshop.nn.weights import PackedTensor


class Span(NamedTuple):
    """One tensor of the file inside a joined matrix: its name and how many of the output rows are its."""

    name: str
    rows: int


Watcher = Callable[["Linear", Tensor, Tensor], None]
"""Is shown the input (tokens, in) of a matrix and the gradient of its output (tokens, out)."""


class Scratch:
    """One buffer per thread into which packed weights are unpacked where they are needed, over and over."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def take(self, rows: int, columns: int, dtype: torch.dtype, device: torch.device) -> Tensor:
        """(rows, columns) of undefined content, valid until the next call in the same thread."""
        buffer: Tensor | None = getattr(self._of_thread, "buffer", None)
        if buffer is None or buffer.numel() < rows * columns or buffer.dtype != dtype or buffer.device != device:
            buffer = self._of_thread.buffer = torch.empty(rows * columns, dtype=dtype, device=device)
        return buffer[: rows * columns].view(rows, columns)


class Linear:
    """y = x Wᵀ + bias + adapters, over all `spans` at once. Gradients of what is trained go straight into `.grad`."""

    def __init__(
        self,
        spans: tuple[Span, ...],
        weight: Tensor | tuple[PackedTensor, ...],
        bias: Tensor | None,
        compute: torch.dtype,
        scratch: Scratch,
    ) -> None:
        """`weight` is dense (out, in) in compute dtype, or one packed tensor per span."""
        self.spans, self.compute, self.scratch = spans, compute, scratch
        self.weight = weight
        self.bias = bias
        self.low_rank: LowRank | None = None
        self.masters: dict[str, nn.Parameter] = {}
        """Float32 masters by the file's names when the matrix itself is trained."""
        self.watcher: Watcher | None = None
        self._keeps_zeros = False
        self._stacked = Stacked([])
        self._version = -1

    @property
    def out_features(self) -> int:
        return sum(span.rows for span in self.spans)

    @property
    def in_features(self) -> int:
        return self.weight.shape[1] if isinstance(self.weight, Tensor) else self.weight[0].shape[1]

    def train_whole(self, *, keep_zeros: bool = False) -> dict[str, nn.Parameter]:
        """Make the matrix itself trainable; returns its masters and keeps them. What is zero can be left out of it: without a
        gradient it stays so under every optimizer that moves each weight by its own (not Muon)."""
        self._keeps_zeros = keep_zeros
        if not self.masters:
            dense = self.dense().float()
            at = 0
            for span in self.spans:
                self.masters[span.name] = nn.Parameter(dense[at : at + span.rows].clone())
                at += span.rows
            self._stacked = Stacked(list(self.masters.values()))
            self.weight = dense.to(self.compute)
        return self.masters

    def dense(self) -> Tensor:
        """(out, in) in compute dtype; of a packed matrix valid until the next one is unpacked."""
        if isinstance(self.weight, Tensor):
            if self.masters:
                self._refresh(self.weight)
            return self.weight
        device = self.weight[0].device
        joined = self.scratch.take(self.out_features, self.in_features, self.compute, device)
        at = 0
        for packed in self.weight:
            packed.dense(self.compute, device, out=joined[at : at + packed.shape[0]])
            at += packed.shape[0]
        return joined

    def _refresh(self, weight: Tensor) -> None:
        version = self._stacked.version()
        if version != self._version:
            weight.copy_(self._stacked.joined())
            self._version = version

    def forward(self, x: Tensor, seed: int, *, adapted: bool) -> tuple[Tensor, Tensor | None]:
        """y (tokens, out) for x (tokens, in), and what the adapters' backward needs."""
        if self.low_rank is None or not adapted:
            return nn.functional.linear(x, self.dense(), self.bias), None
        y, inner = self.low_rank.forward(x, self.out_features, seed)
        y.addmm_(x, self.dense().t())
        return (y if self.bias is None else y.add_(self.bias)), inner

    def input_gradient(self, dy: Tensor, inner: Tensor | None, seed: int, *, wanted: bool = True) -> tuple[Tensor, Outer | None]:
        """The gradient with respect to x, empty unless wanted, and what `weight_gradients` needs of the adapters."""
        if inner is None or self.low_rank is None:
            return dy @ self.dense() if wanted else dy.new_empty(0), None
        dx, outer = self.low_rank.input_gradient(dy, seed, wanted=wanted)
        return dx.addmm_(dy, self.dense()) if wanted else dx, outer

    def weight_gradients(self, dy: Tensor, x: Tensor, inner: Tensor | None, outer: Outer | None) -> None:
        """Adds the gradients of everything that is trained here to its `.grad`, and shows them to the watcher."""
        if self.watcher is not None:
            self.watcher(self, x, dy)
        if inner is not None and outer is not None and self.low_rank is not None:
            self.low_rank.weight_gradients(dy, x, inner, outer)
        if self.masters:
            gradient = dy.t() @ x
            self._stacked.accumulate(gradient.mul_(self.dense() != 0) if self._keeps_zeros else gradient)
