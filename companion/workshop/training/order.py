"""Which dialogues make up which step: a pure function of the seed, so that a resumed run sees what the other would have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from companion.core.recipes.parts import Training
from companion.workshop.training.source import Source


class DataOrder:
    """Epochs of equal numbers of steps; no step reaches across two epochs.

    An epoch is cut where its running sum of tokens passes equal shares, so that its steps are about equally large and
    every dialogue is seen exactly once in it.
    """

    def __init__(self, data: Source, options: Training, epochs: float) -> None:
        """`epochs` stands for `options.epochs` where that is 0 (automatic)."""
        self._data = data
        self._options = options
        self._epoch = -1
        self._parts: list[list[int]] = []
        self.steps_per_epoch = _steps_per_epoch(data, options)
        self.steps = options.steps or max(round(epochs * self.steps_per_epoch), 1)

    def examples(self, step: int) -> list[int]:
        """Numbers of the examples of this step, counted from 0."""
        epoch, part = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._parts, self._epoch = self._cut(epoch), epoch
        return self._parts[part]

    def epoch(self, step: int) -> float:
        """How often the data was seen after `step` steps."""
        return step / self.steps_per_epoch

    def _cut(self, epoch: int) -> list[list[int]]:
        order = self._data.order(epoch, self._options.seed)
        count, steps = len(order), self.steps_per_epoch
        if self._options.tokens_per_step:
            sums = np.cumsum(self._data.lengths[order])
            wanted = np.searchsorted(sums, sums[-1] * np.arange(1, steps) / steps) + 1
            cuts = [0]
            for step, cut in enumerate(wanted.tolist(), start=1):
                cuts.append(min(max(cut, cuts[-1] + 1), count - (steps - step)))
            cuts.append(count)
        else:
            cuts = [count * step // steps for step in range(steps + 1)]
        return [order[begin:end].tolist() for begin, end in pairwise(cuts)]


def _steps_per_epoch(data: Source, options: Training) -> int:
    count = len(data.train)
    if options.tokens_per_step:
        wanted = round(int(data.lengths[data.train].sum()) / options.tokens_per_step)
    else:
        wanted = -(-count // max(options.dialogues_per_step, 1))
    return min(max(wanted, 1), count)


def micro_batches(
    examples: Sequence[int] | NDArray[np.int64], lengths: NDArray[np.int64], most_tokens: int, *, sort: bool = True
) -> list[list[int]]:
    """The examples of a step in rows of at most `most_tokens`, the longest first. One longer than a row has its own.

    Without `sort` neighbours stay neighbours.
    """
    rows: list[list[int]] = []
    room = 0
    numbers = list(map(int, examples))
    for index in sorted(numbers, key=lambda index: (-int(lengths[index]), index)) if sort else numbers:
        if not rows or lengths[index] > room:
            rows.append([])
            room = most_tokens
        rows[-1].append(index)
        room -= int(lengths[index])
    return rows
