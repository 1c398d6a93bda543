"""The learning-rate finder, on losses whose best rate is known."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

from companion.workshop.training.rate_finder import find_rate, plot


def test_the_suggestion_lies_where_the_loss_falls_fastest():
    def loss(rate):
        return 4 - 2 / (1 + math.exp(-4 * (math.log10(rate) + 3))) + (100 * rate) ** 2

    curve = find_rate(loss)
    assert 3e-4 < curve.suggestion < 6e-3
    assert f"--set optimizer.learning_rate={curve.suggestion:.1e}" in curve.sentence


def test_the_search_ends_when_the_loss_explodes_or_is_no_number():
    curve = find_rate(lambda rate: 3.0 - rate if rate < 1e-2 else 300.0)
    assert curve.points[-1].learning_rate < 0.1
    curve = find_rate(lambda rate: 2.0 if rate < 1e-3 else math.nan)
    assert curve.points[-1].learning_rate < 1e-3
    assert curve.suggestion == 0
    assert "never fell" in curve.sentence


def test_the_plot_is_a_picture_with_both_axes():
    picture = plot(find_rate(lambda rate: 3.0 - 100 * rate if rate < 1e-2 else 2 + 100 * rate))
    texts = [element.text for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert "1e-4" in texts
    assert any(text.startswith("2.") for text in texts)
