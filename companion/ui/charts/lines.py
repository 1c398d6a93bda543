"""What a chart draws: lines of numbers, and the few of their points that make the same picture."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from companion.core.curve import Curve

MOST_MARKS = 60
"""More markers than this would be a second line."""


class Line(NamedTuple):
    """One curve, and how it is told from the others: by its name at its end, its width, marks or dashes, and its colour."""

    label: str
    curve: Curve
    colour: str
    """One of `colours.COLOURS`."""
    width: float = 1.5
    marked: bool = False
    """A round mark at every point: for what is measured now and then."""
    dashed: bool = False


class Point(NamedTuple):
    x: float
    y: float


class Points(NamedTuple):
    """Two lists and not one of pairs: thousands of pairs for every frame make the garbage collector run, 40 ms each time."""

    xs: list[float]
    ys: list[float]


class Bounds(NamedTuple):
    """A range of numbers, `low` below `high`."""

    low: float
    high: float

    @property
    def size(self) -> float:
        return self.high - self.low


def drawn_points(curve: Curve, bounds: Bounds, columns: int) -> Points:
    """The points that matter on so many pixel columns between `bounds`, and one beyond at either side.

    Of every column the first, least, greatest and last number stay, so that the picture is that of all points (M4, Jugel
    et al. 2014); with fewer than four per column nothing is left out.
    """
    xs, ys, count = curve.xs, curve.ys, len(curve)
    first = max(bisect_left(xs, bounds.low, 0, count) - 1, 0)
    last = min(bisect_right(xs, bounds.high, 0, count) + 1, count)
    if last - first <= 4 * columns:
        return Points(list(xs[first:last]), list(ys[first:last]))
    found = Points([], [])
    begin = first
    for column in range(1, columns + 1):
        edge = bounds.low + bounds.size * column / columns
        end = bisect_right(xs, edge, begin, last) if column < columns else last
        if end > begin:
            x = xs[begin]
            least, greatest = curve.extremes(begin, end)
            found.xs.extend((x, x, x, xs[end - 1]))
            found.ys.extend((ys[begin], least, greatest, ys[end - 1]))
        begin = end
    return found


def whole_range(lines: tuple[Line, ...]) -> Bounds:
    """From the least to the greatest x of all lines; 0 to 1 without any."""
    counts = [(line.curve.xs, len(line.curve)) for line in lines if len(line.curve)]
    if not counts:
        return Bounds(0.0, 1.0)
    low, high = min(xs[0] for xs, _ in counts), max(xs[count - 1] for xs, count in counts)
    return Bounds(low, high) if high > low else Bounds(low - 0.5, low + 0.5)


def nearest(curve: Curve, x: float) -> Point | None:
    """The point that lies closest to `x`."""
    count = len(curve)
    if not count:
        return None
    at = bisect_left(curve.xs, x, 0, count)
    around = [index for index in (at - 1, at) if 0 <= index < count]
    index = min(around, key=lambda index: abs(curve.xs[index] - x))
    return Point(curve.xs[index], curve.ys[index])


def ticks(bounds: Bounds, most: int) -> list[float]:
    """Round numbers within bounds, at most so many: multiples of 1, 2 or 5 times a power of ten."""
    if bounds.size <= 0 or most < 1:
        return []
    rough = bounds.size / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first = math.ceil(bounds.low / step - 1e-9)
    return [number * step for number in range(first, math.floor(bounds.high / step + 1e-9) + 1)]


def rounded(value: float, figures: int = 3) -> float:
    """To so many figures."""
    return float(f"{value:.{figures}g}")


def number_text(value: float) -> str:
    """At most four figures: “1,240”, “1.413”, “0.0003”, “3e-07”."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.3g}"
    if abs(value) >= 1:
        return f"{value:.4g}"
    return f"{value:.3g}"
