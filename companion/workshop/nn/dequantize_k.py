"""Unpacking the types of 256 elements per block: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K and IQ4_XS.

Layouts as in `ggml-common.h` of llama.cpp. A block holds groups of 16 or 32 elements; each group has a small scale (and,
for Q2, Q4 and Q5, a small minimum), all of them multiples of the block's one or two float16 numbers. Every function maps
packed rows, uint8 (rows, bytes of a row), to (rows, elements) of `dtype`, with float32 arithmetic in ggml's own order.
"""

from __future__ import annotations

import torch
from torch import Tensor

from companion.workshop.nn.bits import FOUR_BIT, TWO_BIT, bits, folded, halves, int4_values, split


def q2_k(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d s q - m o in groups of 16. Bytes: 16 of s (low) and o (high bits), 64 of q, d, m."""
    blocks = split(packed, 84)
    groups = blocks[..., :16]
    scale, minimum = halves(blocks, 80) * (groups & 15), halves(blocks, 82) * (groups >> 4)
    return _scaled(folded(_two_bits(blocks, 16), 16, 16), scale, minimum, dtype)


def q3_k(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d (s - 32) q in groups of 16, q from -4 to 3. Bytes: 32 of high bits, 64 of low bits, 12 of s, d."""
    blocks = split(packed, 110)
    eighths = torch.arange(8, dtype=torch.uint8, device=packed.device)[:, None]
    high = ((blocks[..., None, :32] >> eighths) & 1).flatten(-2)
    quants = (_two_bits(blocks, 32) | (high << 2)).to(torch.int8) - 4
    low = bits(blocks[..., None, 96:104], FOUR_BIT).flatten(-2)
    top = bits(blocks[..., None, 104:108], TWO_BIT).flatten(-2)
    scale = halves(blocks, 108) * ((low | (top << 4)).to(torch.int8) - 32)
    return _scaled(folded(quants, 16, 16), scale, None, dtype)


def q4_k(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d s q - m o in groups of 32. Bytes: d, m, 12 of s and o, 128 of q."""
    blocks = split(packed, 144)
    scale, minimum = _six_bit_scales(blocks)
    return _scaled(_four_bits(blocks, 16), scale, minimum, dtype)


def q5_k(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d s q - m o in groups of 32. Bytes: d, m, 12 of s and o, 32 of fifth bits, 128 of low bits."""
    blocks = split(packed, 176)
    scale, minimum = _six_bit_scales(blocks)
    eighths = torch.arange(8, dtype=torch.uint8, device=packed.device)[:, None]
    high = (blocks[..., None, 16:48] >> eighths) & 1
    return _scaled(_four_bits(blocks, 48) | (high << 4), scale, minimum, dtype)


def q6_k(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d s (q - 32) in groups of 16, s signed. Bytes: 128 of low bits, 64 of high bits, 16 of s, d."""
    blocks = split(packed, 210)
    low = bits(folded(blocks[..., :128], 2, 1, 64), FOUR_BIT).flatten(-3)
    high = bits(folded(blocks[..., 128:192], 2, 1, 32), TWO_BIT).flatten(-3)
    quants = (low | (high << 4)).to(torch.int8) - 32
    scale = halves(blocks, 208) * blocks[..., 192:208].view(torch.int8)
    return _scaled(folded(quants, 16, 16), scale, None, dtype)


def iq4_xs(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d (s - 32) v(q) in groups of 32. Bytes: d, 2 of high bits of s, 4 of low bits of s, 128 of q."""
    blocks = split(packed, 136)
    low = bits(blocks[..., 4:8, None, None], FOUR_BIT).flatten(-3)
    high = bits(blocks[..., 2:4, None, None], TWO_BIT).flatten(-3)
    scale = halves(blocks, 0) * ((low | (high << 4)).to(torch.int8) - 32)
    quants = bits(folded(blocks[..., 8:], 8, 1, 16), FOUR_BIT).flatten(-2)
    return _scaled(int4_values(quants), scale, None, dtype)


def _scaled(quants: Tensor, scale: Tensor, minimum: Tensor | None, dtype: torch.dtype) -> Tensor:
    """`quants` (rows, blocks, groups, elements) times `scale` minus `minimum` (rows, blocks, groups), one row each."""
    values = scale[..., None] * quants
    if minimum is not None:
        values = values - minimum[..., None]
    return values.to(dtype).flatten(1)


def _two_bits(blocks: Tensor, at: int) -> Tensor:
    """256 two-bit numbers from 64 bytes: of each half, first all lowest bits of its 32 bytes, then the next."""
    return bits(folded(blocks[..., at : at + 64], 2, 1, 32), TWO_BIT).flatten(-3)


def _four_bits(blocks: Tensor, at: int) -> Tensor:
    """Eight groups of 32 four-bit numbers: of each 32 bytes, first the low bits, then the high ones."""
    return bits(folded(blocks[..., at : at + 128], 4, 1, 32), FOUR_BIT).flatten(-3, -2)


def _six_bit_scales(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """The eight scales and minima of Q4_K and Q5_K, each six bits of the 12 bytes from 4, times the block's own two."""
    first, second, third = blocks[..., 4:8], blocks[..., 8:12], blocks[..., 12:16]
    scales = torch.cat((first & 63, (third & 15) | ((first >> 6) << 4)), -1)
    minima = torch.cat((second & 63, (third >> 4) | ((second >> 6) << 4)), -1)
    return halves(blocks, 0) * scales, halves(blocks, 2) * minima
