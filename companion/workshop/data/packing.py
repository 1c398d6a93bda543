"""Several dialogues in one row, so that little of it is empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from companion.workshop.data.batch import Batch
from companion.workshop.data.token_file import TokenFile

WINDOW: Final = 64
"""Rows that are open at once: more fill better, fewer keep the shuffled order closer."""


def fill_rows(lengths: Sequence[int] | NDArray[np.int64], order: Sequence[int] | NDArray[np.int64], most: int) -> list[list[int]]:
    """The examples of `order` in rows of at most `most` tokens, first fit among the rows that are open.

    Deterministic; rows are in the order in which they were begun. An example longer than `most` has a row of its own.
    """
    rows: list[list[int]] = []
    still_open: list[tuple[int, int]] = []
    for index in map(int, order):
        length = int(lengths[index])
        for at, (row, room) in enumerate(still_open):
            if length <= room:
                rows[row].append(index)
                still_open[at] = (row, room - length)
                break
        else:
            rows.append([index])
            still_open.append((len(rows) - 1, most - length))
            if len(still_open) > WINDOW:
                fullest = min(range(len(still_open)), key=lambda each: still_open[each][1])
                del still_open[fullest]
    return rows


def batch_of(file: TokenFile, examples: Sequence[int]) -> Batch:
    """What `pack` makes of these examples, built without Python's lists."""
    parts = [file.arrays(index) for index in examples]
    sizes = [len(tokens) for tokens, _ in parts]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    tokens = np.concatenate([tokens for tokens, _ in parts])
    learn = np.concatenate([learn for _, learn in parts])
    learn[starts[:-1]] = False  # nothing stands before the first token of a dialogue
    targets = np.flatnonzero(learn)
    positions = np.arange(len(tokens), dtype=np.int64) - np.repeat(starts[:-1], sizes)
    return Batch(
        tokens=torch.from_numpy(tokens),
        positions=torch.from_numpy(positions),
        starts=tuple(starts.tolist()),
        rows=torch.from_numpy(targets - 1),
        targets=torch.from_numpy(tokens[targets]),
    )
