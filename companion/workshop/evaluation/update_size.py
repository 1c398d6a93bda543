"""How large the update of an adapter is, from its factors alone: W + Σ sᵢ Bᵢ Aᵢ, whose product is never formed.

With B = Q R and Aᵀ = P S (QR), B A = Q (R Sᵀ) Pᵀ has the singular values of the small R Sᵀ (r × r). The effective rank is
exp of the entropy of the singular values as shares of their sum (Roy & Vetterli 2007).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor

from companion.core.adapter import read_adapter
from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.llama.adapter import Scaled
from companion.workshop.nn.weights import GGUFWeights, PackedTensor

_AT_ONCE: Final = 1 << 22
"""Numbers of a weight that are unpacked at once: 16 MiB of float32."""
_KEPT: Final = 1 << 25
"""A weight of no more numbers stays unpacked from step to step: 128 MiB."""
_STEPS: Final = 12
_PROBES: Final = 8
"""Block power iteration with so many vectors, so many times: within 1 % below the truth on trained weights."""


class Update(NamedTuple):
    """Of one weight: singular values of its update in descending order, float64 (r,)."""

    name: str
    singular_values: Tensor

    @property
    def spectral(self) -> float:
        """The largest factor by which it lengthens an input."""
        return float(self.singular_values.max()) if len(self.singular_values) else 0.0

    @property
    def frobenius(self) -> float:
        return float(self.singular_values.norm())

    @property
    def effective_rank(self) -> float:
        """From 1 to the rank; 0 for an update that does nothing."""
        return effective_rank(self.singular_values)


class Norms(NamedTuple):
    """Of one weight of the model."""

    spectral: float
    frobenius: float


def effective_rank(singular_values: Tensor) -> float:
    """exp(−Σ p log p) with p = σ / Σ σ (Roy & Vetterli, “The effective rank”, EUSIPCO 2007)."""
    total = float(singular_values.sum())
    if total <= 0:
        return 0.0
    shares = singular_values / total
    return float(torch.exp(torch.special.entr(shares).sum()))


def product_singular_values(b: Tensor, a: Tensor) -> Tensor:
    """Singular values of B A, B (out, r) and A (r, in), in float64 (min(out, r, in),)."""
    r_b = torch.linalg.qr(b.double(), mode="r").R
    r_a = torch.linalg.qr(a.double().t(), mode="r").R
    values: Tensor = torch.linalg.svdvals(r_b @ r_a.t())
    return values


def updates(adapters: Sequence[Scaled]) -> list[Update]:
    """The joint update of each weight by all adapters with their scales, layer by layer.

    Raises ModelError for a file that cannot be read, and for adapters of experts.
    """
    factors: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for path, scale in adapters:
        info = read_adapter(path)
        weights = GGUFWeights(read_header(path, chat_model=False))
        for tensor in info.tensors:
            if len(tensor.shape) > 2:
                raise ModelError(f"“{info.name}” changes experts, whose updates are not measured.", "Leave it out.")
            a, b = (weights.packed(half.name).dense(torch.float32) for half in (tensor.a, tensor.b))
            factor = scale * info.scale(tensor)
            pair = (a * factor, b.t()) if tensor.is_turned else (b * factor, a)
            factors.setdefault(tensor.name, []).append(pair)
    joined = {
        name: (torch.cat([b for b, _ in pairs], dim=1), torch.cat([a for _, a in pairs], dim=0))
        for name, pairs in factors.items()
    }
    return [
        Update(name, product_singular_values(b, a)) for name, (b, a) in sorted(joined.items(), key=lambda item: _order(item[0]))
    ]


def weight_norms(packed: PackedTensor, *, spectral: bool = True) -> Norms:
    """Of one matrix (out, in), unpacked some rows at a time. The spectral norm is a lower bound, close to the truth."""
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(packed.shape[1], _PROBES, generator=generator)).Q
    squares, largest = 0.0, 0.0
    kept = list(_blocks(packed)) if packed.shape[0] * packed.shape[1] <= _KEPT else None
    for step in range(_STEPS if spectral else 1):
        image = torch.zeros(packed.shape[1], _PROBES)
        gram = torch.zeros(_PROBES, _PROBES)
        for rows in kept or _blocks(packed):
            outer = rows @ basis
            image += rows.t() @ outer
            gram += outer.t() @ outer
            if not step:
                squares += float(rows.square().sum(dtype=torch.float64))
        largest = float(torch.linalg.eigvalsh(gram.double()).max().clamp(min=0).sqrt())
        basis = torch.linalg.qr(image).Q
    return Norms(largest if spectral else 0.0, squares**0.5)


def layer_of(name: str) -> int:
    """The number of a tensor's layer, −1 for those outside of layers."""
    parts = name.split(".")
    return int(parts[1]) if parts[0] == "blk" and parts[1].isdigit() else -1


def by_layer(values: Mapping[str, float]) -> dict[int, float]:
    """The mean over the weights of each layer."""
    layers: dict[int, list[float]] = {}
    for name, value in values.items():
        layers.setdefault(layer_of(name), []).append(value)
    return {layer: sum(found) / len(found) for layer, found in sorted(layers.items())}


def _blocks(packed: PackedTensor) -> Iterator[Tensor]:
    """The rows, some at a time, as float32 (rows, in)."""
    count, width = packed.shape
    at_once = max(1, _AT_ONCE // width)
    for start in range(0, count, at_once):
        yield packed.dense(torch.float32, rows=slice(start, min(start + at_once, count)))


def _order(name: str) -> tuple[int, str]:
    return layer_of(name), name
