"""Low-rank adapters (LoRA, Hu et al. 2021) beside a joined matrix: float32 masters, compute copies, hand-made gradients.

The matrices that read the same input (q, k, v; gate, up) are joined into one, and so are their A's: one product x Aᵀ
serves all of them. Masters and gradients are float32, in GGUF's layout: A (rank, in), B (out, rank).

What an adapter adds is small beside what it is added to. So it is computed first, and the large product is added to
it inside that product's float32 sums: the other way round, bfloat16 rounds most of a young adapter away.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from companion.workshop.nn.gradients import Stacked


class Outer(NamedTuple):
    """What a backward needs a second time."""

    gradient: Tensor
    """With respect to A's output: (tokens, matrices * rank)."""
    kept: Tensor | None
    """0 where dropout made the input zero, else 1."""


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
        self.names, self.spans, self.width = names, spans, width
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

    @property
    def _steps(self) -> int:
        """Dropout in 256ths."""
        return round(self.dropout * 256)

    def _kept(self, tokens: int, device: torch.device, seed: int) -> Tensor | None:
        """1 where the input (tokens, in) counts and 0 where not; made again in the backward from the same seed instead of kept.

        One byte of chance per number, eight from each draw: a draw for each took as long as all matrix products together.
        """
        if not self._steps or not seed:
            return None
        generator = torch.Generator(device).manual_seed(seed)
        count = tokens * self.width
        draws = torch.empty((count + 7) // 8, dtype=torch.int64, device=device).random_(-(2**63), None, generator=generator)
        chosen = draws.view(torch.uint8)[:count].ge_(self._steps)  # in place: into a bool it takes ten times as long
        return chosen.view(tokens, self.width).to(self.compute)

    def forward(self, x: Tensor, out: int, seed: int) -> tuple[Tensor, Tensor]:
        """scale * B A x as (tokens, out), 0 for rows without an adapter, and A x (tokens, matrices * rank) for the backward."""
        a, b = self._copies()
        kept = self._kept(len(x), x.device, seed)
        inner = x @ a.t() if kept is None else (x * kept @ a.t()).mul_(256 / (256 - self._steps))
        whole = sum(end - start for start, end in self.spans) == out
        y = x.new_empty(len(x), out) if whole else x.new_zeros(len(x), out)
        for index, (start, end) in enumerate(self.spans):
            torch.mm(inner[:, self._columns(index)], b[index].t(), out=y[:, start:end])
        return y, inner

    def input_gradient(self, dy: Tensor, seed: int, *, wanted: bool) -> tuple[Tensor, Outer]:
        """What dy means for the input by way of the adapters (tokens, in), empty unless wanted, and dy before A."""
        a, b = self._copies()
        outer = torch.empty(dy.shape[0], a.shape[0], dtype=dy.dtype, device=dy.device)
        for index, (start, end) in enumerate(self.spans):
            torch.mm(dy[:, start:end], b[index], out=outer[:, self._columns(index)])
        kept = self._kept(len(dy), dy.device, seed)
        if kept is not None:
            outer.mul_(256 / (256 - self._steps))
        dx = outer @ a if wanted else dy.new_empty(0)
        return (dx if kept is None or not wanted else dx.mul_(kept)), Outer(outer, kept)

    def weight_gradients(self, dy: Tensor, x: Tensor, inner: Tensor, outer: Outer) -> None:
        """Gradients of A and B into their masters."""
        self.a.accumulate(outer.gradient.t() @ (x if outer.kept is None else x * outer.kept))
        db = torch.empty(sum(end - start for start, end in self.spans), self.rank, dtype=dy.dtype, device=dy.device)
        at = 0
        for index, (start, end) in enumerate(self.spans):
            torch.mm(dy[:, start:end].t(), inner[:, self._columns(index)], out=db[at : at + end - start])
            at += end - start
        self.b.accumulate(db, self.scale)
