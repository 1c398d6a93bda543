"""Numbers over steps that only grow, with what it takes to draw a hundred thousand of them in a moment."""

from __future__ import annotations

import math
from array import array
from typing import Final

BLOCK: Final = 16
"""So many numbers share one entry of the least and one of the greatest."""


class Curve:
    """`xs` never fall. One thread adds, others may read: as many points count as `len` says."""

    def __init__(self) -> None:
        self.xs, self.ys = array("d"), array("d")
        self._least, self._greatest = array("d"), array("d")
        """Of every full block."""

    def __len__(self) -> int:
        return len(self.ys)  # the one that is added to last

    def add(self, x: float, y: float) -> None:
        """What is no number is left out; an x below the one before counts as the same."""
        if not math.isfinite(y):
            return
        self.xs.append(max(x, self.xs[-1]) if self.xs else x)
        self.ys.append(y)
        if len(self.ys) % BLOCK == 0:
            block = self.ys[-BLOCK:]
            self._greatest.append(max(block))
            self._least.append(min(block))

    def extremes(self, begin: int, end: int) -> tuple[float, float]:
        """The least and the greatest of the numbers from `begin` up to `end`, of which there is at least one."""
        first, last = -(-begin // BLOCK), min(end // BLOCK, len(self._least))
        if first >= last:
            values = self.ys[begin:end]
            return min(values), max(values)
        edges = self.ys[begin : first * BLOCK] + self.ys[last * BLOCK : end]
        least, greatest = min(self._least[first:last]), max(self._greatest[first:last])
        return (min(least, *edges), max(greatest, *edges)) if edges else (least, greatest)
