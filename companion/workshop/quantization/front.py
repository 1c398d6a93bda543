"""The front of builds as a picture: size against divergence, llama.cpp's own recipes among them.

Every colour stands on its own element: Qt, which paints the PNG, knows no style sheets in drawings.
"""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

from companion.core.errors import WorkshopError
from companion.core.job import Proven
from companion.core.processes import worker_command

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 110, 56, 56
LEAST: Final = 1e-4
"""Nats per token: a divergence below it is drawn there, as nothing lies at 0 of a scale of powers of ten."""
OURS, STOCK, TEXT, MUTED, GRID, PAPER = "#0072B2", "#D55E00", "#251F36", "#655E7C", "#E2DAEC", "#FFFFFF"
"""Blue and vermilion of Okabe and Ito, which colour-blind people tell apart; shapes differ, too."""
MEGABYTE = 1e6
LETTER = 7.5
"""Pixels, about."""


class _Scale(NamedTuple):
    least: float
    most: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        return self.begin + (value - self.least) / (self.most - self.least) * (self.end - self.begin)


def front_picture(found: Mapping[str, Proven], source_bytes: int) -> str:
    """An SVG file. Builds of the front are named “front …”, all others are llama.cpp's."""
    sizes = [each.bytes / MEGABYTE for each in found.values()]
    powers = [_power(each) for each in found.values()]
    across = _Scale(min(sizes) - 1, max(*sizes, source_bytes / MEGABYTE) + 1, LEFT, WIDTH - RIGHT)
    up = _Scale(math.floor(min(powers)), max(powers) + 0.15, HEIGHT - BOTTOM, TOP)
    parts = [*_axes(across, up, source_bytes), *_front(found, across, up), *_stock(found, across, up)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12" role="img" aria-label="Builds of all sizes">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>{"".join(parts)}</svg>'
    )


def paint(drawing: Path, picture: Path) -> None:
    """The PNG of an SVG file, by a process that knows Qt. Raises WorkshopError."""
    done = subprocess.run(
        worker_command("paint", str(drawing), str(picture)),
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise WorkshopError(f"“{picture}” could not be painted.", f"The same picture is in “{drawing}”.")


def _axes(across: _Scale, up: _Scale, source_bytes: int) -> Iterator[str]:
    for power in range(math.ceil(up.least), math.floor(up.most) + 1):
        y = up.at(power)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{GRID}"/>'
        yield _text(LEFT - 8, y + 4, f"{10.0**power:g}", MUTED, "end")
    step = max(1, round((across.most - across.least) / 6 / 5) * 5)
    for megabytes in range(math.ceil(across.least / step) * step, math.floor(across.most) + 1, step):
        yield _text(across.at(megabytes), HEIGHT - BOTTOM + 20, f"{megabytes}", MUTED, "middle")
    x = across.at(source_bytes / MEGABYTE)
    yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="{MUTED}" stroke-dasharray="4 4"/>'
    yield _text(x + 6, HEIGHT - BOTTOM - 6, "the source’s size", MUTED)
    yield _text(LEFT, HEIGHT - 12, "megabytes; further to the left is smaller, further down closer to the source", MUTED)
    yield _text(8, 20, "divergence, nats per token", MUTED)
    yield f'<circle cx="236" cy="16" r="5" fill="{OURS}"/>' + _text(
        248, 20, "fitted, and how many times as fast as the source", TEXT
    )
    yield f'<rect x="545" y="11" width="10" height="10" fill="{STOCK}"/>' + _text(562, 20, "llama.cpp’s own", TEXT)


def _front(found: Mapping[str, Proven], across: _Scale, up: _Scale) -> Iterator[str]:
    ours = sorted((each for name, each in found.items() if name.startswith("front ")), key=lambda each: each.bytes)
    points = {_place(each, across, up): each for each in ours}
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{OURS}" stroke-width="2"/>'
    for (x, y), each in points.items():
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{OURS}"/>'
        yield _text(x - 8, y + 16, f"{each.write / each.source_write:.2f}×", OURS, "end")


def _stock(found: Mapping[str, Proven], across: _Scale, up: _Scale) -> Iterator[str]:
    """Recipes that make the same file are one mark; each name stands where there is room for it."""
    names: dict[tuple[float, float], list[str]] = {}
    for name, each in found.items():
        if not name.startswith("front "):
            names.setdefault(_place(each, across, up), []).append(name)
    taken = [(x - 7, y - 7, x + 7, y + 7) for x, y in names]
    for (x, y), alike in names.items():
        words = " = ".join(alike)
        wide = LETTER * len(words)
        places = [(x + 9, y - 4), (x - 9 - wide, y - 4), (x - wide / 2, y - 16), (x - wide / 2, y + 14)]
        boxes = [(left, middle - 6, left + wide, middle + 12) for left, middle in places]
        number = next((n for n, box in enumerate(boxes) if not any(_meet(box, other) for other in taken)), 0)
        taken.append(boxes[number])
        yield f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" fill="{STOCK}"/>'
        yield _text(places[number][0], places[number][1] + 8, words, STOCK)


def _place(proven: Proven, across: _Scale, up: _Scale) -> tuple[float, float]:
    return round(across.at(proven.bytes / MEGABYTE), 1), round(up.at(_power(proven)), 1)


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    """Left, top, right and bottom of each."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _power(proven: Proven) -> float:
    return math.log10(max(LEAST, proven.divergence))


def _text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>'
