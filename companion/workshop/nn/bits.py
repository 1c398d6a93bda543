"""Taking the blocks of packed rows apart with torch operations that a compiler can fuse: no loops, no views of mixed width."""

from __future__ import annotations

import torch
from torch import Tensor

FOUR_BIT = (0, 4)
"""Where the four-bit numbers of a byte begin."""
TWO_BIT = (0, 2, 4, 6)
"""Where the two-bit numbers of a byte begin."""

_IQ4_VALUES = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
"""`kvalues_iq4nl` in ggml-common.h."""
_tables: dict[torch.device, Tensor] = {}


def split(packed: Tensor, size: int) -> Tensor:
    """Rows (rows, bytes) as blocks (rows, blocks, `size`)."""
    return packed.view(packed.shape[0], -1, size)


def folded(data: Tensor, *shape: int) -> Tensor:
    """The last dimension as `shape`, without copying."""
    return data.view(*data.shape[:-1], *shape)


def halves(blocks: Tensor, at: int) -> Tensor:
    """The float16 at byte `at` of every block as float32 (…, 1).

    Put together from two bytes and reinterpreted at the same width: a view from uint8 to float16 is not fused by the
    compiler.
    """
    low, high = blocks[..., at : at + 1].to(torch.int16), blocks[..., at + 1 : at + 2].to(torch.int16)
    return (low | (high << 8)).view(torch.float16).to(torch.float32)


def bits(data: Tensor, starts: tuple[int, ...]) -> Tensor:
    """The numbers that begin at bits `starts` of every byte, all equally wide and side by side.

    `data` is uint8 (…, 1, bytes); the result is (…, len(starts), bytes).
    """
    width = 8 // len(starts)
    shifts = torch.arange(0, 8, width, dtype=torch.uint8, device=data.device)
    return (data >> shifts[:, None]) & ((1 << width) - 1)


def int4_values(quants: Tensor) -> Tensor:
    """The sixteen values of IQ4_NL and IQ4_XS, chosen by uint8 numbers below 16; int8 of the same shape."""
    return _table(quants.device).index_select(0, quants.flatten().to(torch.int32)).view(quants.shape)


def _table(device: torch.device) -> Tensor:
    if torch.compiler.is_compiling():
        return torch.tensor(_IQ4_VALUES, dtype=torch.int8, device=device)
    if device not in _tables:  # a copy to a GPU waits for all work queued there: once is enough
        _tables[device] = torch.tensor(_IQ4_VALUES, dtype=torch.int8, device=device)
    return _tables[device]
