"""Numbers as a person reads them."""

from __future__ import annotations

import pytest

from companion.core.figures import amount, between, give_or_take, lowered, outcome, seconds_text, signed, with_unit
from companion.core.report import Comparison, Interval


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2.1349, "", "2.13"),
        (0.0, "", "0"),
        (7.0, "", "7"),
        (81.26, "tokens/s", "81.3"),
        (134_515_008.0, "", "134,515,008"),
        (0.975, "share", "97.5 %"),
        (1.0, "share", "100 %"),
        (0.9998, "share", "100 %"),
        (9.999, "", "10.0"),
        (98_000_000.0, "bytes", "98 MB"),
        (0.00001234, "", "1.2e-05"),
        (-0.5, "", "−0.500"),
    ],
)
def test_at_most_three_figures(value, unit, text):
    assert amount(value, unit) == text


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "text"),
    [
        (0.213, 0.172, 0.254, "nats per token", "0.21 ± 0.04 nats per token"),
        (0.2941, 0.2924, 0.2958, "nats per token", "0.294 ± 0.002 nats per token"),
        (0.62, 0.50, 0.74, "", "0.62 ± 0.12"),
        (0.125, 0.085, 0.165, "share", "12 ± 4 percentage points"),
        (0.125, 0.125, 0.125, "", "0.125"),
        (0.0, -0.3, 0.3, "", "0.0 ± 0.3"),
    ],
)
def test_a_value_is_shown_as_exactly_as_it_is_known(value, low, high, unit, text):
    assert give_or_take(value, Interval(low=low, high=high), unit) == text


def test_the_rest():
    assert between(Interval(low=0.5, high=0.75), "share") == "50 to 75 %"
    assert between(None) == ""
    assert (signed(0.0), signed(-0.1, "share"), signed(2.0)) == ("±0", "−10", "+2")
    assert with_unit(3.14159, "nats per token") == "3.14 nats per token"
    assert [lowered(title) for title in ("Held-out loss", "BLEU", "KL divergence", "ROUGE-1")] == [
        "held-out loss",
        "BLEU",
        "KL divergence",
        "ROUGE-1",
    ]
    assert [seconds_text(seconds) for seconds in (0.42, 45.4, 185)] == ["0.4 s", "45 s", "3 min 5 s"]


@pytest.mark.parametrize(
    ("better", "winner", "low", "high", "word"),
    [
        ("higher", "b", 0.1, 0.3, "better"),
        ("higher", "a", -0.3, -0.1, "worse"),
        ("lower", "", -0.3, 0.1, "within chance"),
        ("lower", "", -0.3, -0.1, "perhaps better"),
        ("lower", "", 0.1, 0.3, "perhaps worse"),
        ("", "", 0.1, 0.3, ""),
    ],
)
def test_a_difference_says_whether_it_is_one(better, winner, low, high, word):
    interval = Interval(low=low, high=high, level=0.95, method="m")
    one = Comparison(
        key="k",
        title="T",
        a="a",
        b="b",
        a_value=0.0,
        b_value=0.0,
        difference=(low + high) / 2,
        interval=interval,
        p=0.03,
        corrected_p=0.2,
        winner=winner,
    )
    assert outcome(one, better) == word
