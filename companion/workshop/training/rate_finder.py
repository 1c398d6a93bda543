"""Finding a learning rate by trying: it rises from step to step until the loss explodes (range test, Smith 2017)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from companion.core.report import Curve
from companion.workshop.reports import plots

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 60
SMOOTHING = 0.8
FELL = 1e-3
"""Share by which the smoothed loss must fall in all: below it there is only noise."""
EXPLODED = 1.5
"""The search ends where the smoothed loss is this many times its lowest."""
_FEWEST = 5


class Point(NamedTuple):
    """One tried learning rate, the loss there, and the loss smoothed over the points before."""

    learning_rate: float
    loss: float
    smoothed: float


class RateCurve(NamedTuple):
    """`suggestion` is the rate where the smoothed loss fell fastest, 0 when it never fell."""

    points: tuple[Point, ...]
    suggestion: float

    @property
    def sentence(self) -> str:
        if not self.suggestion:
            return "The loss never fell while the learning rate rose: the data may be learned already, or too little."
        wanted = f"--set optimizer.learning_rate={self.suggestion:.1e}"
        return f"The loss falls fastest at a learning rate of {self.suggestion:.1e}; take that ({wanted}) or a third of it."


def find_rate(
    try_rate: Callable[[float], float],
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    tried: Callable[[Point], None] = lambda point: None,
) -> RateCurve:
    """`try_rate` takes one optimizer step with that learning rate and returns the loss before it (nats per token).

    The caller restores the weights afterwards. Ends early when the loss explodes or is no number.
    """
    points: list[Point] = []
    average, best = 0.0, math.inf
    for number in range(steps):
        rate = lowest * (highest / lowest) ** (number / (steps - 1))
        loss = try_rate(rate)
        if not math.isfinite(loss):
            break
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smoothed = average / (1 - SMOOTHING ** (number + 1))
        points.append(Point(rate, loss, smoothed))
        tried(points[-1])
        best = min(best, smoothed)
        if number >= _FEWEST and smoothed > EXPLODED * best:
            break
    return RateCurve(tuple(points), _steepest(points))


def _steepest(points: list[Point]) -> float:
    """The rate at which the smoothed loss falls fastest per octave, before its lowest point."""
    if len(points) < _FEWEST:
        return 0.0
    lowest = min(range(len(points)), key=lambda i: points[i].smoothed)
    falls = [(points[i + 1].smoothed - points[i - 1].smoothed, i) for i in range(1, lowest)]
    _, where = min(falls, default=(0.0, 0))
    fell = points[0].smoothed - points[lowest].smoothed
    return points[where].learning_rate if fell > FELL * abs(points[0].smoothed) else 0.0


def plot(curve: RateCurve) -> str:
    """The curve as an SVG picture: learning rate on a logarithmic axis, smoothed loss, and the suggestion marked."""
    highest = 2.5 * min((point.smoothed for point in curve.points), default=0.0)
    drawn = Curve(
        title="Loss by learning rate",
        x_label="learning rate",
        y_label="smoothed loss, nats per token",
        series={"": tuple((point.learning_rate, min(point.smoothed, highest)) for point in curve.points)},
        explained=curve.sentence,
    )
    return plots.plot(drawn, alone=True, x_is_log=True, mark=curve.suggestion or None)
