"""Several examples of a token file in one row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from companion.workshop.data.batch import Batch
from companion.workshop.data.token_file import TokenFile


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
