"""How surely a number is known, in one place for all families: intervals, paired comparisons, and their correction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from companion.core.recipes.evaluate import Certainty
from companion.core.report import Combine, Comparison, Interval, Items, Metric
from companion.workshop.evaluation.combine import combined, of_sums, vectors_of
from companion.workshop.evaluation.resampling import Floats, Statistic, bias_corrected, generator, studentized
from companion.workshop.evaluation.shares import is_share, is_yes_or_no, paired_difference, share_interval

LEAST_UNITS: Final = 5
"""With fewer nothing can be said about how much they vary."""
_BOUNDS: Final[dict[Combine, tuple[float, float]]] = {
    "bleu": (0, 100),
    "chrf": (0, 100),
    "f1": (0, 1),
    "exp-ratio": (0, math.inf),
}


def with_interval(metric: Metric, options: Certainty) -> Metric:
    """The metric with the interval that follows from its items; one without items, or with an interval, stays as it is.

    With too few units there is none, and `why` says so. The seed follows from the key, so that it does not matter what
    else is measured.
    """
    items = metric.items
    if metric.value is None or metric.interval is not None or items is None:
        return metric
    units, called = len(items.vectors), metric.units or "units"
    if units < LEAST_UNITS:
        return replace(metric, why=_too_few(units, called))
    vectors = vectors_of(items)
    if _counts_as_share(metric.unit, items, vectors):
        low, high = share_interval(vectors, options.level)
        method = f"Wilson interval of {units:,} {called}"
    else:
        found = _studentized(metric.key, items.combine, vectors, options)
        if found is None:
            return replace(metric, why=f"Too few of the {units:,} {called} hold anything to count for an interval.")
        low, high = found
        method = _bootstrap_method("studentized bootstrap", units, called, options)
    value = metric.value
    return replace(metric, interval=Interval(low=min(low, value), high=max(high, value), level=options.level, method=method))


def compare(a: Metric, b: Metric, a_name: str, b_name: str, options: Certainty) -> Comparison | None:
    """B minus A on the units that both have, drawn together; `corrected_p` is not corrected yet.

    None when they cannot be paired: without items, with different kinds, or with fewer than LEAST_UNITS in common.
    """
    if a.items is None or b.items is None or a.items.combine != b.items.combine:
        return None
    ours, theirs = _in_common(a.items, b.items)
    a_value, b_value = combined(ours), combined(theirs)
    if len(ours.names) < LEAST_UNITS or a_value is None or b_value is None:
        return None
    units, called = len(ours.names), a.units or "units"
    left, right = vectors_of(ours), vectors_of(theirs)
    shares = _counts_as_share(a.unit, ours, left) and _counts_as_share(a.unit, theirs, right)
    yes_or_no = shares and is_yes_or_no(left) and is_yes_or_no(right)
    if yes_or_no or (shares and np.array_equal(left, right)):
        low, high, p = paired_difference(left[:, 0], right[:, 0], options.level)
        method = f"Tango interval of {units:,} pairs of {called}"
    else:
        pivots = studentized(
            np.concatenate([left, right], axis=1),
            _difference(ours.combine, left.shape[1]),
            options.draws,
            generator(options.seed, a.key),
        )
        if pivots is None:
            return None
        (low, high), p = pivots.interval(options.level), pivots.p()
        method = _bootstrap_method("paired studentized bootstrap", units, called, options)
    difference = b_value - a_value
    better = difference > 0 if a.better == "higher" else difference < 0
    beyond_chance = bool(a.better) and difference != 0 and p < 1 - options.level
    return Comparison(
        key=a.key,
        title=a.title,
        unit=a.unit,
        a=a_name,
        b=b_name,
        a_value=a_value,
        b_value=b_value,
        difference=difference,
        interval=Interval(low=min(low, difference), high=max(high, difference), level=options.level, method=method),
        p=p,
        corrected_p=p,
        winner=("b" if better else "a") if beyond_chance else "",
        headline=a.headline or b.headline,
    )


def corrected(comparisons: Sequence[Comparison], options: Certainty) -> list[Comparison]:
    """With `corrected_p`, and without those winners that chance explains once it is known how many were compared.

    Those of the headline are one family and all others another: the few that decide were named beforehand, and the many
    that only explain shall not drown them. Holm (1979), or Benjamini & Hochberg (1995).
    """
    found = list(comparisons)
    for headline in (True, False):
        family = [number for number, each in enumerate(found) if each.headline == headline]
        adjusted = _adjusted([found[number].p for number in family], options)
        for number, p in zip(family, adjusted, strict=True):
            winner = found[number].winner if p < 1 - options.level else ""
            found[number] = replace(found[number], corrected_p=p, winner=winner)
    return found


def bootstrap(
    estimate: Callable[[NDArray[np.intp]], float], units: int, options: Certainty, *, key: str = "", called: str = "units"
) -> Interval | None:
    """The BCa interval of a metric that is no function of sums, such as an area under a curve.

    `estimate` gets the numbers of the units to compute it from, some of them several times, and may return NaN where it
    does not exist. None when there are fewer than LEAST_UNITS, or when it does not exist in most draws.
    """
    if units < LEAST_UNITS:
        return None
    everything = np.arange(units, dtype=np.intp)
    value = float(estimate(everything))
    if not math.isfinite(value):
        return None
    random = generator(options.seed, key)
    drawn = np.array([estimate(random.integers(0, units, units, dtype=np.intp)) for _ in range(options.draws)], np.float64)
    left_out = np.array([estimate(np.delete(everything, number)) for number in range(units)], np.float64)
    found = bias_corrected(value, drawn, left_out, options.level)
    if found is None:
        return None
    method = _bootstrap_method("BCa bootstrap", units, called, options)
    return Interval(low=found[0], high=found[1], level=options.level, method=method)


def of_sums_interval(
    statistic: Statistic, vectors: Floats, options: Certainty, *, key: str, called: str = "units"
) -> Interval | None:
    """The interval of any other function of summed vectors, such as a mean of several F1; `vectors` (units, numbers).

    `statistic` is given sums (draws, numbers) and returns (draws,). None when there are fewer than LEAST_UNITS, or when
    it does not exist in most draws.
    """
    if len(vectors) < LEAST_UNITS:
        return None
    pivots = studentized(vectors, statistic, options.draws, generator(options.seed, key))
    if pivots is None:
        return None
    low, high = pivots.interval(options.level)
    method = _bootstrap_method("studentized bootstrap", len(vectors), called, options)
    return Interval(low=low, high=high, level=options.level, method=method)


def _studentized(key: str, kind: Combine, vectors: Floats, options: Certainty) -> tuple[float, float] | None:
    """The interval of one metric. That of exp(total ÷ weight) is computed before the exp, where it is nearer to even."""
    inner: Combine = "ratio" if kind == "exp-ratio" else kind
    pivots = studentized(vectors, lambda sums: of_sums(inner, sums), options.draws, generator(options.seed, key))
    if pivots is None:
        return None
    low, high = pivots.interval(options.level)
    if kind == "exp-ratio":
        low, high = math.exp(min(low, 700.0)), math.exp(min(high, 700.0))
    least, most = _BOUNDS.get(kind, (-math.inf, math.inf))
    if kind == "ratio" and (vectors >= 0).all():
        least = 0.0
    return max(low, least), min(high, most)


def _difference(kind: Combine, width: int) -> Statistic:
    return lambda sums: of_sums(kind, sums[:, width:]) - of_sums(kind, sums[:, :width])


def _counts_as_share(unit: str, items: Items, vectors: Floats) -> bool:
    return items.combine == "ratio" and (is_yes_or_no(vectors) or (unit == "share" and is_share(vectors)))


def _in_common(a: Items, b: Items) -> tuple[Items, Items]:
    """Both without the units that only one of them has, in one order."""
    theirs = dict(zip(b.names, b.vectors, strict=True))
    ours = dict(zip(a.names, a.vectors, strict=True))
    names = tuple(name for name in ours if name in theirs)
    return (
        Items(names=names, vectors=tuple(ours[name] for name in names), combine=a.combine),
        Items(names=names, vectors=tuple(theirs[name] for name in names), combine=b.combine),
    )


def _adjusted(values: Sequence[float], options: Certainty) -> list[float]:
    """(comparisons,) p-values after the correction, in the same order."""
    count = len(values)
    if options.correction == "none" or not count:
        return list(values)
    p = np.array(values, np.float64)
    order = np.argsort(p, kind="stable")
    ranks = np.arange(count)
    if options.correction == "holm":
        raised = np.maximum.accumulate(p[order] * (count - ranks))
    else:
        raised = np.minimum.accumulate((p[order] * count / (ranks + 1))[::-1])[::-1]
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(raised, 1.0)
    return [float(value) for value in adjusted]


def _bootstrap_method(kind: str, units: int, called: str, options: Certainty) -> str:
    return f"{kind} of {units:,} {called}, {options.draws:,} draws, seed {options.seed}"


def _too_few(units: int, called: str) -> str:
    return f"{units:,} {called} are too few for an interval: at least {LEAST_UNITS} are needed."
