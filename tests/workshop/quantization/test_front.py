"""The picture of builds: everything has a colour of its own, and what is the same file is one mark."""

from __future__ import annotations

from xml.etree import ElementTree

from companion.core.job import Proven
from companion.workshop.quantization.front import front_picture

SVG = "{http://www.w3.org/2000/svg}"


def proven(megabytes: float, divergence: float, write: float = 150.0) -> Proven:
    return Proven(
        bytes=int(megabytes * 1e6), bits_per_weight=5.0, divergence=divergence, dialogues=0.0, general=0.0, same_top=0.9,
        perplexity=32.0, source_perplexity=31.0, read=300.0, write=write, source_read=100.0, source_write=100.0,
    )  # fmt: skip


def test_builds_lie_where_they_were_measured_and_each_has_its_colour():
    found = {"front 1": proven(70, 0.3), "front 2": proven(90, 0.01, 120), "Q2_K": proven(88, 0.35), "Q3_K_S": proven(88, 0.35)}
    root = ElementTree.fromstring(front_picture(found, 98_000_000))
    assert not list(root.iter(f"{SVG}style"))
    (line,) = root.iter(f"{SVG}polyline")
    first, second = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
    assert first[0] < second[0]
    assert first[1] < second[1], "further down is closer to the source"
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert "1.50×" in words
    assert "1.20×" in words
    assert "Q2_K = Q3_K_S" in words
    assert all(each.get("fill") or each.get("stroke") for each in root.iter() if each.tag != f"{SVG}svg")


def test_a_build_that_is_its_source_has_a_place_too():
    root = ElementTree.fromstring(front_picture({"front 1": proven(98, 0.0), "Q4_0": proven(92, 0.2)}, 98_000_000))
    assert "0.0001" in [text.text for text in root.iter(f"{SVG}text")]
