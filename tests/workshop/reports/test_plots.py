"""Pictures: sound SVG whatever the numbers are."""

from __future__ import annotations

import math
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from companion.core.report import Curve, Interval
from companion.workshop.reports.plots import plot, whiskers


def curve(points, kind="line") -> Curve:
    return Curve(title="<t>", x_label="x & y", y_label="y", series={"a<b": tuple(points)}, kind=kind)


@pytest.mark.parametrize("kind", ["line", "bars", "reliability"])
@pytest.mark.parametrize(
    "points",
    [
        [(0.0, 1.0)],
        [(0.0, 0.0), (1.0, 0.0)],
        [(0.0, 1.0), (1.0, 2.0), (2.0, -3.0)],
        [(0.0, math.nan), (1.0, 2.0), (math.inf, 3.0)],
        [(float(n), math.sin(n)) for n in range(5000)],
        [(1e-9, 1e9), (2e-9, 2e9)],
    ],
    ids=["one point", "flat", "below zero", "no numbers", "many", "extreme"],
)
def test_every_curve_is_sound_markup_within_its_frame(points, kind):
    picture = ET.fromstring(plot(curve(points, kind)))
    assert len(ET.tostring(picture)) < 100_000
    assert "nan" not in ET.tostring(picture).decode()
    assert picture.find("title").text == "<t>"


def test_nothing_to_draw_draws_nothing():
    assert plot(curve([])) == ""
    assert plot(curve([(0.0, math.nan)])) == ""
    assert whiskers([], "t") == ""


def test_a_picture_alone_is_a_file_with_its_own_colours():
    text = plot(curve([(1e-4, 1.0), (1e-2, 2.0)]), alone=True, x_is_log=True, mark=1e-3)
    assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "1e-3" in text
    assert "--c0:" in text
    ET.fromstring(text)


def test_whiskers_lie_around_their_dots():
    picture = ET.fromstring(whiskers([("A", 2.0, Interval(low=1.5, high=2.5)), ("B", 3.0, None)], "t"))
    dots = [float(dot.get("cx")) for dot in picture.iter("circle")]
    path = next(picture.iter("path")).get("d")
    left, right = float(path[1:].split(" ")[0]), float(path.split("H")[1].split("M")[0])
    assert left < dots[0] < right < dots[1]


def test_names_at_the_ends_of_lines_do_not_lie_over_each_other():
    series = dict.fromkeys("abcd", ((0.0, 0.0), (1.0, 1.0)))
    picture = ET.fromstring(plot(Curve(title="t", x_label="x", y_label="y", series=series)))
    places = sorted(float(text.get("y")) for text in picture.iter("text") if text.get("class") == "name")
    assert all(b - a >= 12 for a, b in pairwise(places))
