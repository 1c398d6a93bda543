"""Low-rank adapters (LoRA, Hu et al. 2021) beside a joined matrix: float32 masters, compute copies, hand-made gradients.

The matrices that read the same input (q, k, v; gate, up) are joined into one, and so are their A's: one product x Aᵀ
serves all of them. Masters and gradients are float32, in GGUF's layout: A (rank, in), B (out, rank).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from companion.workshop.nn.gradients import Stacked


class LowRank:
    """The adapters of one joined matrix. `spans` are the rows [from, to) of the outputs that have one."""

    def __init__(
        self,
        names: list[str],
        spans: list[tuple[int, int]],
        width: int,
        rank: int,
        scale: float,
        dropout: float,
        generator: torch.Generator,
        device: torch.device,
        compute: torch.dtype,
    ) -> None:
        self.names, self.spans = names, spans
        self.rank, self.scale, self.dropout = rank, scale, dropout
        self.compute = compute
        bound = 1 / math.sqrt(width)  # what Kaiming's rule with a = √5 comes to, as in the reference implementations
        a = [nn.Parameter(torch.empty(rank, width).uniform_(-bound, bound, generator=generator).to(device)) for _ in names]
        b = [nn.Parameter(torch.zeros(end - start, rank, device=device)) for start, end in spans]
        self.a, self.b = Stacked(a), Stacked(b)
        self._version = -1
        self._a = torch.empty(0)
        self._b: list[Tensor] = []

    def named(self) -> dict[str, nn.Parameter]:
        pairs = zip(self.names, self.a.masters, self.b.masters, strict=True)
        return {f"{name}.lora_{half}": matrix for name, a, b in pairs for half, matrix in (("a", a), ("b", b))}

    def _copies(self) -> tuple[Tensor, list[Tensor]]:
        """A joined (matrices * rank, in) and every B times the scale, in compute dtype, remade after a step."""
        version = self.a.version() + self.b.version()
        if version != self._version:
            self._a = self.a.joined().to(self.compute)
            self._b = [b.detach().mul(self.scale).to(self.compute) for b in self.b.masters]
            self._version = version
        return self._a, self._b

    def _columns(self, index: int) -> slice:
        return slice(index * self.rank, (index + 1) * self.rank)

    def _dropped(self, x: Tensor, seed: int) -> Tensor | None:
        """What x is multiplied by; made again in the backward from the same seed instead of kept."""
        if not self.dropout or not seed:
            return None
        generator = torch.Generator(x.device).manual_seed(seed)
        keep = torch.rand(x.shape, generator=generator, device=x.device) >= self.dropout
        return keep.to(x.dtype).div_(1 - self.dropout)

    def forward(self, x: Tensor, y: Tensor, seed: int) -> Tensor:
        """Add scale * B A x to `y` (tokens, out) in place; returns A x (tokens, matrices * rank) for the backward."""
        a, b = self._copies()
        drop = self._dropped(x, seed)
        inner = (x if drop is None else x * drop) @ a.t()
        for index, (start, end) in enumerate(self.spans):
            y[:, start:end].addmm_(inner[:, self._columns(index)], b[index].t())
        return inner

    def input_gradient(self, dy: Tensor, dx: Tensor | None, seed: int) -> Tensor:
        """Returns scale * dy B (tokens, matrices * rank), and adds what it means for the input to `dx` in place."""
        a, b = self._copies()
        outer = torch.empty(dy.shape[0], a.shape[0], dtype=dy.dtype, device=dy.device)
        for index, (start, end) in enumerate(self.spans):
            torch.mm(dy[:, start:end], b[index], out=outer[:, self._columns(index)])
        if dx is not None:
            drop = self._dropped(dx, seed)
            if drop is None:
                dx.addmm_(outer, a)
            else:
                dx.add_((outer @ a).mul_(drop))
        return outer

    def weight_gradients(self, dy: Tensor, x: Tensor, inner: Tensor, outer: Tensor, seed: int) -> None:
        """Gradients of A and B into their masters."""
        drop = self._dropped(x, seed)
        self.a.accumulate(outer.t() @ (x if drop is None else x * drop))
        db = torch.empty(sum(end - start for start, end in self.spans), self.rank, dtype=dy.dtype, device=dy.device)
        at = 0
        for index, (start, end) in enumerate(self.spans):
            torch.mm(dy[:, start:end].t(), inner[:, self._columns(index)], out=db[at : at + end - start])
            at += end - start
        self.b.accumulate(db, self.scale)
