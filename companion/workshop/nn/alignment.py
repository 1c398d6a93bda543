"""Dialogues stretched to round lengths, so that matrix products meet few different shapes.

oneDNN builds and keeps a kernel per shape. With the lengths as they come, fifty steps on two cores kept 900 MB of
kernels and scratch and spent a tenth of the time on building them. Tokens added at the end of a dialogue change nothing
before them, as attention only looks back; they cost 8 tokens per dialogue on average.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from companion.workshop.data.batch import Batch

MULTIPLE = 16


class Aligned(NamedTuple):
    """A batch as the layers see it. Tensors lie where the batch's do."""

    tokens: Tensor
    positions: Tensor
    starts: tuple[int, ...]
    lengths: tuple[int, ...]
    """Of the dialogues before they were stretched; those of whom nothing is wanted are left out."""
    rows: Tensor
    """Where the wanted rows are now, stretched to a round number by repeating the first."""
    wanted: int
    """How many of `rows` are wanted."""


def aligned(batch: Batch, rows: Tensor | None) -> Aligned:
    """`rows`, ascending, are wanted; None wants all. What follows the last wanted row of a dialogue is not computed."""
    device = batch.tokens.device
    wanted = list(range(batch.starts[-1])) if rows is None else rows.tolist()
    index: list[int] = []
    moved: list[int] = []
    starts, lengths = [0], []
    at = 0
    for start, end in pairwise(batch.starts):
        after = at
        while after < len(wanted) and wanted[after] < end:
            after += 1
        if after > at:
            length = wanted[after - 1] + 1 - start
            moved += [row - start + len(index) for row in wanted[at:after]]
            index += range(start, start + length)
            index += [start] * (-length % MULTIPLE)
            starts.append(len(index))
            lengths.append(length)
        at = after
    moved += moved[:1] * (-len(moved) % MULTIPLE)
    taken = torch.tensor(index, device=device)
    return Aligned(
        batch.tokens[taken],
        batch.positions[taken],
        tuple(starts),
        tuple(lengths),
        torch.tensor(moved, device=device),
        len(wanted),
    )
