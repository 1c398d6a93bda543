"""Unpacking the types of 32 elements per block: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and IQ4_NL.

Layouts as in `ggml-common.h` of llama.cpp: a float16 scale `d`, for the “_1” types a float16 minimum `m`, for Q5 the fifth
bits of all elements as 32 bits, then two elements per byte: the first half of the block in the low four bits.
Every function maps packed rows, uint8 (rows, bytes of a row), to (rows, elements) of `dtype`; the arithmetic is float32 in
ggml's own order, so that both agree bit for bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from companion.workshop.nn.bits import FOUR_BIT, bits, halves, int4_values, split


def q4_0(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d (q - 8)."""
    blocks = split(packed, 18)
    values = (_nibbles(blocks, 2).to(torch.int8) - 8) * halves(blocks, 0)
    return values.to(dtype).flatten(1)


def q4_1(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d q + m."""
    blocks = split(packed, 20)
    values = _nibbles(blocks, 4) * halves(blocks, 0) + halves(blocks, 2)
    return values.to(dtype).flatten(1)


def q5_0(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d (q - 16)."""
    blocks = split(packed, 22)
    quants = _nibbles(blocks, 6) | _fifth_bits(blocks, 2)
    return ((quants.to(torch.int8) - 16) * halves(blocks, 0)).to(dtype).flatten(1)


def q5_1(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d q + m."""
    blocks = split(packed, 24)
    quants = _nibbles(blocks, 8) | _fifth_bits(blocks, 4)
    return (quants * halves(blocks, 0) + halves(blocks, 2)).to(dtype).flatten(1)


def q8_0(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d q, q signed."""
    blocks = split(packed, 34)
    return (blocks[..., 2:].view(torch.int8) * halves(blocks, 0)).to(dtype).flatten(1)


def iq4_nl(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """w = d v(q): the four bits choose one of sixteen values that lie closer together near zero."""
    blocks = split(packed, 18)
    return (int4_values(_nibbles(blocks, 2)) * halves(blocks, 0)).to(dtype).flatten(1)


def _nibbles(blocks: Tensor, at: int) -> Tensor:
    """The 32 four-bit numbers of the 16 bytes from `at`, uint8 (…, 32)."""
    return bits(blocks[..., None, at : at + 16], FOUR_BIT).flatten(-2)


def _fifth_bits(blocks: Tensor, at: int) -> Tensor:
    """Bit i of the 32 bits from `at` as 0 or 16 for element i, uint8 (…, 32)."""
    shifts = torch.arange(8, dtype=torch.uint8, device=blocks.device)
    return (((blocks[..., at : at + 4, None] >> shifts) & 1) << 4).flatten(-2)
