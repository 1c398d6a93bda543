"""Pictures of a report as SVG text: lines, distributions, reliability, and dots with whiskers. The workshop's only SVG writer.

Colours are CSS variables of the page (`--c0` … `--c5`, Okabe and Ito's palette for colour-blind eyes), so that a picture
follows light and dark; one that stands alone carries them itself. Every text is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from companion.core.figures import amount
from companion.core.report import Curve, Interval

COLOURS = 6
LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DARK = ("#56B4E9", "#FF8A3D", "#2CC295", "#E29BC3", "#7FA8FF", "#F0E442")
_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 120, 16, 48
_LABEL = 18
_MOST_POINTS = 600
Points = Sequence[tuple[float, float]]


class _Frame(NamedTuple):
    """From numbers to places in the picture."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    x_is_log: bool = False

    def x(self, value: float) -> float:
        if self.x_is_log:
            low, high, value = math.log10(self.x_low), math.log10(self.x_high), math.log10(value)
        else:
            low, high = self.x_low, self.x_high
        return _LEFT + (value - low) / ((high - low) or 1) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - self.y_low) / ((self.y_high - self.y_low) or 1) * (_HEIGHT - _TOP - _BOTTOM)


def plot(curve: Curve, *, alone: bool = False, x_is_log: bool = False, mark: float | None = None, colour: int = 0) -> str:
    """A curve as an SVG element, “” when there is nothing to draw; `alone` makes a file of its own of it.

    `mark` draws an upright line at that x; `colour` is that of the first series.
    """
    series = {name: sound for name, points in curve.series.items() if (sound := _sound(points, x_is_log=x_is_log))}
    if not series:
        return ""
    frame = _framed(curve, series, x_is_log)
    drawn = [*_grid(frame, curve)]
    if curve.kind == "reliability":
        ends = frame.x(0), frame.y(0), frame.x(1), frame.y(1)
        drawn.append('<line class="diagonal" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>'.format(*ends))
    if mark is not None:
        x = frame.x(mark)
        drawn.append(f'<line class="mark" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}"/>')
    draw = _bars if curve.kind == "bars" else _lines
    drawn += draw(frame, series, colour, dots=curve.kind == "reliability")
    drawn += _names(frame, series, colour, curve.kind)
    return _svg(_WIDTH, _HEIGHT, curve.title, curve.explained, "".join(drawn), alone=alone)


def whiskers(values: Sequence[tuple[str, float, Interval | None]], title: str, unit: str = "") -> str:
    """One dot per subject with its interval, on one scale; the ends of the scale are written below."""
    ends: list[float] = [
        end for _, value, interval in values for end in (value, *((interval.low, interval.high) if interval else ()))
    ]
    ends = [end for end in ends if math.isfinite(end)]
    if not ends:
        return ""
    low, high = min(ends), max(ends)
    room = (high - low) * 0.08 or abs(high) * 0.05 or 0.5
    low, high = low - room, high + room
    width, step, side = 220, 16, 10
    height = step * len(values) + 20

    def x(value: float) -> float:
        return side + (value - low) / (high - low) * (width - 2 * side)

    drawn = [f'<line class="grid" x1="{side}" y1="{height - 16}" x2="{width - side}" y2="{height - 16}"/>']
    for at, anchor in ((low + room, "start"), (high - room, "end")):
        place = side if anchor == "start" else width - side
        drawn.append(f'<text x="{place}" y="{height - 4}" text-anchor="{anchor}">{escape(amount(at, unit))}</text>')
    for row, (name, value, interval) in enumerate(values):
        y, colour = step * row + step / 2, f"var(--c{row % COLOURS})"
        drawn.append(f"<g><title>{escape(f'{name}: {amount(value, unit)}')}</title>")
        if interval is not None:
            a, b = x(interval.low), x(interval.high)
            path = f"M{a:.1f} {y}H{b:.1f}M{a:.1f} {y - 4}v8M{b:.1f} {y - 4}v8"
            drawn.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn.append(f'<circle cx="{x(value):.1f}" cy="{y}" r="4.5" fill="{colour}"/></g>')
    return _svg(width, height, title, "", "".join(drawn), kind="whiskers")


def style(*, variables: bool = True) -> str:
    """The CSS that pictures need, for a page or for one that stands alone."""
    rules = (
        ".plot{overflow:visible}.plot text{fill:var(--muted);font-size:12px}.plot .name{font-weight:600}"
        ".plot .grid{stroke:var(--line);stroke-width:1}.plot .diagonal{stroke:var(--muted);stroke-dasharray:4 4}"
        ".plot .mark{stroke:var(--accent);stroke-width:1.5;stroke-dasharray:4 4}"
    )
    if not variables:
        return rules
    light = "".join(f"--c{number}:{colour};" for number, colour in enumerate(LIGHT))
    dark = "".join(f"--c{number}:{colour};" for number, colour in enumerate(DARK))
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}{rules}"


_ALONE = (
    "svg{background:#FAF7FC;font-family:sans-serif;--muted:#655E7C;--line:#E2DAEC;--accent:#B92F66}"
    "@media (prefers-color-scheme:dark){svg{background:#14131F;--muted:#A9A3C6;--line:#332F52;--accent:#FF8FB3}}"
)


def _svg(width: int, height: int, title: str, told: str, inside: str, *, alone: bool = False, kind: str = "") -> str:
    size = f' xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"' if alone else ""
    css = f"<style>{_ALONE}{style()}</style>" if alone else ""
    description = f"<desc>{escape(told)}</desc>" if told else ""
    return (
        f'<svg{size} class="{f"plot {kind}".strip()}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{description}{css}{inside}</svg>"
    )


def _sound(points: Points, *, x_is_log: bool) -> list[tuple[float, float]]:
    """Only what is a number, and no more of it than a screen shows."""
    kept = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y) and (x > 0 or not x_is_log)]
    step = math.ceil(len(kept) / _MOST_POINTS)
    return [*kept[::step], *kept[-1:]] if step > 1 else kept


def _framed(curve: Curve, series: Mapping[str, Points], x_is_log: bool) -> _Frame:
    if curve.kind == "reliability":
        return _Frame(0, 1, 0, 1)
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    if curve.kind == "bars":
        half = gap(series) / 2
        return _Frame(min(xs) - half, max(xs) + half, min(0.0, *ys), max(0.0, *ys) or 1.0)
    low, high = min(ys), max(ys)
    room = (high - low) * 0.06 or abs(high) * 0.05 or 0.5
    return _Frame(min(xs), max(xs), 0.0 if low >= 0 and low < high / 3 else low - room, high + room, x_is_log)


def gap(series: Mapping[str, Points]) -> float:
    """The least distance between two bars."""
    xs = sorted({x for points in series.values() for x, _ in points})
    return min((b - a for a, b in pairwise(xs)), default=1.0)


def _lines(frame: _Frame, series: Mapping[str, Points], first: int, *, dots: bool) -> list[str]:
    drawn = []
    for number, points in enumerate(series.values(), first):
        colour = f"var(--c{number % COLOURS})"
        places = [f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points]
        drawn.append(f'<polyline points="{" ".join(places)}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        if dots or len(points) < 3:
            drawn += [f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y in (p.split(",") for p in places)]
    return drawn


def _bars(frame: _Frame, series: Mapping[str, Points], first: int, *, dots: bool) -> list[str]:
    step = gap(series)
    each = 0.84 * step / len(series)
    drawn = []
    for number, points in enumerate(series.values()):
        for x, y in points:
            left = frame.x(x - 0.42 * step + number * each)
            right = frame.x(x - 0.42 * step + (number + 1) * each)
            top, bottom = sorted((frame.y(y), frame.y(max(0.0, frame.y_low))))
            drawn.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(right - left - 1, 1):.1f}" height="{bottom - top:.1f}" rx="2"'
                f' fill="var(--c{(first + number) % COLOURS})"><title>{escape(f"{amount(x)}: {amount(y)}")}</title></rect>'
            )
    return drawn


def _names(frame: _Frame, series: Mapping[str, Points], first: int, kind: str) -> list[str]:
    """Who is who: at the end of each line, or one below the other beside the bars; no name is written over another."""
    if len(series) == 1 and not next(iter(series)):
        return []
    places = [
        (frame.y(points[-1][1]) if kind != "bars" else _TOP + 12.0, number) for number, points in enumerate(series.values())
    ]
    names = list(series)
    drawn, lowest = [], -math.inf
    for wanted, number in sorted(places):
        lowest = max(wanted, lowest + _LABEL, _TOP + 4.0)
        name = names[number] if len(names[number]) <= 18 else f"{names[number][:17]}…"
        colour = f"fill:var(--c{(first + number) % COLOURS})"
        drawn.append(
            f'<text class="name" style="{colour}" x="{_WIDTH - _RIGHT + 8}" y="{lowest + 4:.1f}">'
            f"<title>{escape(names[number])}</title>{escape(name)}</text>"
        )
    return drawn


def _grid(frame: _Frame, curve: Curve) -> list[str]:
    right, below = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    drawn = []
    for value, text in _ticks(frame.y_low, frame.y_high, 5):
        y = frame.y(value)
        drawn.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        drawn.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    if frame.x_is_log:
        low, high = math.ceil(math.log10(frame.x_low)), math.floor(math.log10(frame.x_high))
        marks = [(10.0**power, f"1e{power}") for power in range(low, high + 1)]
    else:
        marks = _ticks(frame.x_low, frame.x_high, 6)
    drawn += [f'<text x="{frame.x(value):.1f}" y="{below + 18}" text-anchor="middle">{text}</text>' for value, text in marks]
    drawn.append(f'<text x="{(_LEFT + right) / 2:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(curve.x_label)}</text>')
    middle = (_TOP + below) / 2
    turned = f'transform="rotate(-90 14 {middle:.0f})"'
    drawn.append(f'<text x="14" y="{middle:.0f}" text-anchor="middle" {turned}>{escape(curve.y_label)}</text>')
    return drawn


def _ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Round numbers between two, and how they are written: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    if not rough > 0:
        return [(low, amount(low))]
    power = math.floor(math.log10(rough))
    step: float = next(step * 10.0**power for step in (1, 2, 5, 10) if step * 10.0**power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step * 1.001)))
    values = [number * step for number in range(first, last + 1)]
    return [(value, f"{value:,.{decimals}f}" if decimals < 5 and abs(value) < 1e7 else f"{value:.3g}") for value in values]
