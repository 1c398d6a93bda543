"""Rotary position embedding (Su et al. 2021) with llama.cpp's variants: pairs adjacent or in halves, factors, YaRN."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import msgspec
import torch
from torch import Tensor


class RotaryConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How positions turn pairs of numbers."""

    pairs: Literal["adjacent", "halves"]
    """Which numbers of a head form a pair: (0, 1), (2, 3), … or (0, n/2), (1, n/2 + 1), …"""
    dimension: int
    """How many numbers of a head are turned; the rest stay."""
    base: float = 10000.0
    scale: float = 1.0
    """Positions are multiplied by it (1 / the factor by which the context was stretched)."""
    yarn: bool = False
    """Stretch slow frequencies only (Peng et al. 2023)."""
    original_context: int = 0
    magnitude: float = 1.0
    beta_fast: float = 32.0
    beta_slow: float = 1.0


class Turns(NamedTuple):
    """How far every token is turned: cos and sin, each (tokens, 1, dimension / 2) in float32 or float64."""

    cos: Tensor
    sin: Tensor
    adjacent: bool
    turn: Tensor | None = None
    """cos + i sin, where adjacent pairs can be multiplied as complex numbers (on the CPU)."""
    turn_back: Tensor | None = None


def frequencies(config: RotaryConfig, factors: Tensor | None) -> tuple[Tensor, float]:
    """Radians per position of every pair (float64), and the magnitude that cos and sin are multiplied by.

    `factors` (dimension / 2,) divide the frequencies (`rope_freqs`, `rope_factors_long/short`). Follows `rope_yarn` of
    ggml, with the interpolation that YaRN's paper calls NTK-by-parts.
    """
    half = torch.arange(config.dimension // 2, dtype=torch.float64)
    plain = config.base ** (-2 * half / config.dimension)
    if factors is not None:
        plain = plain / factors.to(plain)
    if not config.yarn:
        return plain * config.scale, config.magnitude

    def boundary(rotations: float) -> float:
        turns = config.original_context / (rotations * 2 * math.pi)
        return config.dimension * math.log(turns) / (2 * math.log(config.base))

    low = max(0.0, math.floor(boundary(config.beta_fast)))
    high = min(config.dimension - 1.0, math.ceil(boundary(config.beta_slow)))
    keep = 1 - ((half - low) / max(0.001, high - low)).clamp(0, 1)
    stretched = plain * config.scale * (1 - keep) + plain * keep
    return stretched, config.magnitude * (1 + 0.1 * math.log(1 / config.scale))


def turns(config: RotaryConfig, positions: Tensor, factors: Tensor | None, dtype: torch.dtype) -> Turns:
    """Tables for `positions` (tokens,); computed in float64 on the CPU, as a large angle has few digits in float32."""
    radians, magnitude = frequencies(config, factors)
    angles = positions.cpu().double()[:, None, None] * radians
    device, adjacent = positions.device, config.pairs == "adjacent"
    cos, sin = (angles.cos() * magnitude).to(device, dtype), (angles.sin() * magnitude).to(device, dtype)
    if adjacent and device.type == "cpu":
        return Turns(cos, sin, adjacent, torch.complex(cos, sin), torch.complex(cos, -sin))
    return Turns(cos, sin, adjacent)


def rotate(heads: Tensor, by: Turns, *, back: bool = False) -> Tensor:
    """Turn `heads` (tokens, heads, size); `back` is the transpose, which gradients need.

    Returns the dtype of the tables, whatever that of `heads` is.
    """
    wide = heads.to(by.cos.dtype)
    size, turned = wide.shape[-1], 2 * by.cos.shape[-1]
    part = wide if turned == size else wide[..., :turned]
    turn = by.turn_back if back else by.turn
    if turn is not None:
        result = torch.view_as_real(torch.view_as_complex(_paired(part).contiguous()) * turn).flatten(-2)
    else:
        sin = -by.sin if back else by.sin
        first, second = _paired(part).unbind(-1) if by.adjacent else part.chunk(2, -1)
        new = (first * by.cos - second * sin, second * by.cos + first * sin)
        result = torch.stack(new, -1).flatten(-2) if by.adjacent else torch.cat(new, -1)
    return result if turned == size else torch.cat((result, wide[..., turned:]), -1)


def _paired(x: Tensor) -> Tensor:
    return x.reshape(*x.shape[:-1], -1, 2)
