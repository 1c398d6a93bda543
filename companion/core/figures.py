"""Numbers of a report as a person reads them: at most three figures, with unit, and how surely they are known."""

from __future__ import annotations

import math

from companion.core.amounts import bytes_text
from companion.core.report import Better, Comparison, Interval, Metric

SHARE, BYTES = "share", "bytes"
NOTHING = "–"


def amount(value: float, unit: str = "") -> str:
    """“2.13”, “97.5 %”, “98 MB”, “1,234”; the unit is part of it only where a number cannot be read without."""
    if unit == SHARE:
        return f"{_figures(100 * value)} %"
    return bytes_text(value) if unit == BYTES and value >= 0 else _figures(value)


def with_unit(value: float, unit: str) -> str:
    """“2.13 nats per token”."""
    text = amount(value, unit)
    return f"{text} {unit}" if unit and unit not in {SHARE, BYTES} else text


def measured(metric: Metric) -> str:
    """The value, “–” without one."""
    return NOTHING if metric.value is None else amount(metric.value, metric.unit)


def between(interval: Interval | None, unit: str = "") -> str:
    """“2.05 to 2.21”, empty without an interval."""
    if interval is None:
        return ""
    low = _figures(100 * interval.low) if unit == SHARE else amount(interval.low, unit)
    return f"{low} to {amount(interval.high, unit)}"


def give_or_take(value: float, interval: Interval | None, unit: str = "") -> str:
    """“0.21 ± 0.04 nats per token”: half the interval's width, to its first figure that counts; shares in points of 100."""
    factor, shown = (100.0, "percentage points") if unit == SHARE else (1.0, unit)
    half = factor * (interval.high - interval.low) / 2 if interval is not None else 0.0
    if not half > 0 or unit == BYTES:
        return f"{_figures(factor * value)} {shown}".strip() if unit != BYTES else bytes_text(value)
    first = math.floor(math.log10(half))
    size = math.floor(math.log10(abs(factor * value))) if value else 0
    one_more = half < 1.95 * 10**first and 1 - first <= 2 - size  # “0.15” says more than “0.1”, “0.2941” too much
    decimals = min(max(one_more - first, 0), 9)
    return f"{factor * value:,.{decimals}f} ± {half:,.{decimals}f} {shown}".strip()


def signed(value: float, unit: str = "") -> str:
    """A difference with its sign, “±0” for none; shares in points of 100."""
    text = _figures(abs(100 * value)) if unit == SHARE else amount(abs(value), unit)
    return f"{'+' if value > 0 else '−'}{text}" if value else "±0"


def chance(p: float) -> str:
    """“0.03”, “below 0.001”."""
    return "below 0.001" if p < 0.001 else f"{p:.2g}"


def seconds_text(seconds: float) -> str:
    """“0.4 s”, “45 s”, “3 min 5 s”."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def lowered(title: str) -> str:
    """A title inside a sentence: “Held-out loss” becomes “held-out loss”, “BLEU” and “KL divergence” stay."""
    return title[:1].lower() + title[1:] if title[1:2].islower() or title[1:2] in {"-", " "} else title


def _figures(value: float) -> str:
    size, sign = abs(value), "−" if value < 0 else ""
    if size >= 999.5 or size == round(size):
        return f"{sign}{size:,.0f}"
    if size < 0.001:
        return f"{sign}{size:.2g}"
    rounded = float(f"{size:.3g}")
    return f"{sign}{rounded:.{max(0, 2 - math.floor(math.log10(rounded)))}f}" if rounded != 100 else f"{sign}100"


def outcome(one: Comparison, better: Better) -> str:
    """What a difference means, in a word or two; "" for a metric of which neither more nor less is better.

    What would be beyond chance alone, but not among as many as were compared, is "perhaps" one or the other.
    """
    if not better:
        return ""
    if one.winner:
        return "better" if one.winner == "b" else "worse"
    if one.interval.low <= 0 <= one.interval.high:
        return "within chance"
    return "perhaps better" if (one.difference > 0) == (better == "higher") else "perhaps worse"
