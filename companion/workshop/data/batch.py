"""What the data side hands to the network: dialogues as tokens with a mask, and several of them packed into one row."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Example(NamedTuple):
    """One dialogue as tokens. `learn[i]` says whether token i is a target (it is predicted from the tokens before it)."""

    tokens: list[int]
    learn: list[bool]
    replay: bool = False
    """Whether it is a general dialogue mixed in against forgetting."""


class Batch(NamedTuple):
    """Dialogues side by side in one row, without padding; attention stays inside each.

    Shapes: `tokens`, `positions` (tokens,) int64; `starts` (dialogues + 1,) where each dialogue begins, the last entry is
    the length; `rows`, `targets` (supervised,) int64: the logits at `rows[i]` should predict `targets[i]`.
    """

    tokens: Tensor
    positions: Tensor
    starts: tuple[int, ...]
    rows: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> Batch:
        return self._replace(
            tokens=self.tokens.to(device, non_blocking=True),
            positions=self.positions.to(device, non_blocking=True),
            rows=self.rows.to(device, non_blocking=True),
            targets=self.targets.to(device, non_blocking=True),
        )


def pack(examples: list[Example]) -> Batch:
    """One row of these dialogues, in this order."""
    tokens: list[int] = []
    positions: list[int] = []
    rows: list[int] = []
    targets: list[int] = []
    starts = [0]
    for example in examples:
        base = len(tokens)
        tokens += example.tokens
        positions += range(len(example.tokens))
        for index in range(1, len(example.tokens)):
            if example.learn[index]:
                rows.append(base + index - 1)
                targets.append(example.tokens[index])
        starts.append(len(tokens))
    return Batch(
        tokens=torch.tensor(tokens, dtype=torch.int64),
        positions=torch.tensor(positions, dtype=torch.int64),
        starts=tuple(starts),
        rows=torch.tensor(rows, dtype=torch.int64),
        targets=torch.tensor(targets, dtype=torch.int64),
    )
