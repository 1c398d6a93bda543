"""Predicted against true numbers: mean squared and absolute error, and R²."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from companion.core.recipes.evaluate import Certainty
from companion.core.report import Interval, Items, Metric
from companion.workshop.evaluation.certainty import of_sums_interval, with_interval

Floats = NDArray[np.float64]


def regression_metrics(key: str, what: str, truth: Floats, predicted: Floats, options: Certainty) -> tuple[Metric, ...]:
    """Of `truth` (examples,) and `predicted` (examples,); `key` begins the keys, `what` the titles."""
    count = len(truth)
    names = tuple(str(number) for number in range(1, count + 1))

    def mean(name: str, title: str, value: float, values: Floats, explained: str) -> Metric:
        items = Items(names=names, vectors=tuple((float(each), 1.0) for each in values))
        metric = Metric(
            key=f"{key}.{name}",
            title=f"{what}: {title}",
            value=value,
            better="lower",
            explained=explained,
            count=count,
            units="examples",
            items=items,
        )
        return with_interval(metric, options)

    error = predicted - truth
    squared = mean("mse", "mean squared error", float(mean_squared_error(truth, predicted)), error**2,
                   "The mean of the squared differences: large mistakes count most.")  # fmt: skip
    absolute = mean("mae", "mean absolute error", float(mean_absolute_error(truth, predicted)), np.abs(error),
                    "How far a prediction is from the truth on average.")  # fmt: skip
    varies = count > 1 and bool((truth != truth[0]).any())
    explained = Metric(
        key=f"{key}.r2",
        title=f"{what}: R²",
        value=float(r2_score(truth, predicted)) if varies else None,
        better="higher",
        explained="How much of what varies is predicted: 1 is all of it, 0 no more than always saying the mean.",
        why="" if varies else "All true values are equal, so there is nothing to explain.",
        count=count,
        units="examples",
        interval=_r2_interval(f"{key}.r2", truth, error, options) if varies else None,
    )
    return squared, absolute, explained


def _r2_interval(key: str, truth: Floats, error: Floats, options: Certainty) -> Interval | None:
    centred = truth - truth.mean()
    vectors = np.stack([error**2, centred, centred**2, np.ones_like(truth)], axis=1)

    def of(sums: Floats) -> Floats:
        spread = sums[:, 2] - sums[:, 1] ** 2 / sums[:, 3]
        return np.where(spread > 0, 1 - sums[:, 0] / np.where(spread > 0, spread, 1.0), np.nan)

    return of_sums_interval(of, vectors, options, key=key, called="examples")
