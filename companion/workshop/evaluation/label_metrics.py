"""The numbers of labels: hits and misses, ranking, calibration. Every array is (examples, labels), truth and predictions bool.

scikit-learn computes the values; the intervals are drawn by example, those of the area under the ROC curve follow from
DeLong, DeLong & Clarke-Pearson (1988), that of average precision from Boyd, Eng & Page (2013).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy import special, stats
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

from companion.core.recipes.evaluate import Certainty
from companion.core.report import Curve, Interval, Items, Metric, Table
from companion.workshop.evaluation.certainty import of_sums_interval, with_interval
from companion.workshop.evaluation.resampling import Statistic
from companion.workshop.evaluation.shares import wilson

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]
Figure = Literal["precision", "recall", "F1"]
BINS: Final = 10
_MOST_IN_TABLE: Final = 40
_FIGURES: Final[tuple[Figure, ...]] = ("precision", "recall", "F1")
_MEANT: Final[dict[Figure, str]] = {
    "precision": "Of what was predicted, the share that was right",
    "recall": "Of what was true, the share that was found",
    "F1": "Precision and recall in one number, which is low when either is",
}


class Labelled(NamedTuple):
    """One thing that was measured: `key` begins the keys of its metrics, `what` their titles."""

    key: str
    what: str
    labels: tuple[str, ...]
    truth: Marks
    predicted: Marks

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(number) for number in range(1, len(self.truth) + 1))

    def metric(self, name: str, title: str, value: float | None, explained: str, **fields: Any) -> Metric:
        """`fields` are others of Metric."""
        return Metric(
            key=f"{self.key}.{name}",
            title=f"{self.what}: {title}",
            value=value,
            explained=explained,
            count=len(self.truth),
            units="examples",
            **fields,
        )


def hits(found: Labelled, options: Certainty) -> tuple[Metric, ...]:
    """Precision, recall and F1, averaged over labels and counted together."""
    counts = _counts(found)
    metrics: list[Metric] = []
    for figure, column in zip(_FIGURES, _by_label(found), strict=False):
        metric = found.metric(
            f"macro_{figure.lower()}",
            f"{figure}, mean over labels",
            float(np.mean(column)),
            f"{_MEANT[figure]}; every label counts alike, however rare.",
            better="higher",
            unit="share",
        )
        flat = counts.reshape(len(counts), -1)
        interval = of_sums_interval(_macro(figure, len(found.labels)), flat, options, key=metric.key, called="examples")
        metrics.append(replace(metric, interval=interval))
    for figure in _FIGURES:
        title, meant = f"{figure}, all labels together", f"{_MEANT[figure]}; every example counts alike."
        metrics.append(_summed(found, f"micro_{figure.lower()}", title, meant, figure, counts.sum(axis=1), options))
    return tuple(metrics)


def label_table(found: Labelled) -> Table:
    """Precision, recall and F1, label by label."""
    precision, recall, f1, examples = _by_label(found)
    return Table(
        title=f"{found.what}: label by label",
        header=("label", "precision", "recall", "F1", "examples"),
        rows=tuple(
            (label, f"{precision[index]:.3f}", f"{recall[index]:.3f}", f"{f1[index]:.3f}", f"{int(examples[index]):,}")
            for index, label in enumerate(found.labels)
        ),
        explained="How well each label is found, and how many examples it has.",
    )


def share_right(found: Labelled, name: str, title: str, right: Marks, explained: str, options: Certainty) -> Metric:
    """The share of `right` (examples,)."""
    items = Items(names=found.names, vectors=tuple((float(each), 1.0) for each in right))
    metric = found.metric(name, title, float(right.mean()), explained, better="higher", unit="share", items=items)
    return with_interval(metric, options)


def ranking(found: Labelled, scores: Floats, options: Certainty) -> tuple[Metric, Metric]:
    """ROC-AUC and PR-AUC (average precision), each the mean over the labels that have both kinds of examples."""
    both = found.truth.any(axis=0) & ~found.truth.all(axis=0)
    why = "" if both.any() else "All examples are of one kind: there is nothing to rank."
    roc = precision = None
    roc_interval = precision_interval = None
    if both.any():
        truth, ranked = found.truth[:, both], scores[:, both]
        roc = float(np.mean([roc_auc_score(t, s) for t, s in zip(truth.T, ranked.T, strict=True)]))
        precision = float(np.mean([average_precision_score(t, s) for t, s in zip(truth.T, ranked.T, strict=True)]))
        roc_interval = _roc_interval(roc, truth, ranked, options.level)
        if truth.shape[1] == 1:
            precision_interval = _precision_interval(precision, int(truth.sum()), options.level)
    averaged = "" if found.truth.shape[1] == 1 else " Averaged over labels."
    no_interval = "An interval is known for one label only; see the intervals of precision and recall." if averaged else ""
    return (
        found.metric(
            "roc_auc",
            "ROC-AUC",
            roc,
            f"The chance that a true example is scored above a false one: 0.5 is guessing.{averaged}",
            better="higher",
            why=why,
            interval=roc_interval,
        ),
        found.metric(
            "pr_auc",
            "PR-AUC",
            precision,
            f"Precision averaged over all thresholds, as average precision; guessing gives the label's own share.{averaged}",
            better="higher",
            why=why or no_interval,
            interval=precision_interval,
        ),
    )


def calibration(
    found: Labelled, sure: Floats, right: Marks, errors: Floats, options: Certainty
) -> tuple[tuple[Metric, ...], Curve]:
    """`sure` and `right` (decisions,): how sure it was, and whether it was so; `errors` (examples,) are Brier's.

    ECE as Guo et al. (2017) with BINS bins of equal width.
    """
    bins = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(bins, minlength=BINS).astype(np.float64)
    confidence, frequency = (np.bincount(bins, weights=each, minlength=BINS) for each in (sure, right.astype(np.float64)))
    there = counts > 0
    ece = found.metric(
        "ece",
        "calibration error (ECE)",
        float(np.abs(confidence - frequency).sum() / len(sure)),
        "How far sureness is from how often it is right, on average: of 100 predictions at 80 % about 80 should be right.",
        better="lower",
        unit="share",
        why="It is too high in small samples, so that an interval around it would mislead.",
    )
    items = Items(names=found.names, vectors=tuple((float(each), 1.0) for each in errors))
    brier = found.metric(
        "brier",
        "Brier score",
        float(errors.mean()),
        "The squared distance between sureness and truth: 0 is perfect, and being sure and wrong costs most.",
        better="lower",
        items=items,
    )
    points = tuple(zip((confidence[there] / counts[there]).tolist(), (frequency[there] / counts[there]).tolist(), strict=True))
    curve = Curve(
        title=f"{found.what}: reliability",
        x_label="how sure it was",
        y_label="how often it was so",
        series={found.what: points},
        kind="reliability",
        explained="On the diagonal, predictions are as sure as they are right; below it, they are too sure.",
    )
    return (ece, with_interval(brier, options)), curve


def confusion(what: str, labels: Sequence[str], truth: Sequence[str], predicted: Sequence[str]) -> Table:
    """Rows are the truth, columns the predictions; of very many labels the most frequent."""
    frequent = sorted(labels, key=lambda label: (-truth.count(label), label))[:_MOST_IN_TABLE]
    shown = [label for label in labels if label in frequent]
    counts = {(t, p): 0 for t in shown for p in shown}
    for pair in zip(truth, predicted, strict=True):
        if pair in counts:
            counts[pair] += 1
    left = f" Only the {len(shown)} most frequent of {len(labels)} labels are shown." if len(shown) < len(labels) else ""
    return Table(
        title=f"{what}: confusion matrix",
        header=("truth \\ prediction", *shown),
        rows=tuple((t, *(f"{counts[t, p]:,}" for p in shown)) for t in shown),
        explained=f"How often each truth was taken for what; the diagonal is right.{left}",
    )


def _by_label(found: Labelled) -> tuple[Floats, Floats, Floats, Floats]:
    """(labels,) each: precision, recall, F1, examples."""
    precision, recall, f1, examples = precision_recall_fscore_support(
        found.truth, found.predicted, average=None, zero_division=0.0
    )
    return precision, recall, f1, examples


def _counts(found: Labelled) -> Floats:
    """(examples, labels, 3): true positives, false positives, false negatives."""
    truth, predicted = found.truth, found.predicted
    return np.stack([truth & predicted, ~truth & predicted, truth & ~predicted], axis=2).astype(np.float64)


def _summed(found: Labelled, name: str, title: str, explained: str, figure: Figure, counts: Floats, options: Certainty) -> Metric:
    """A figure of true positives, false positives and false negatives (examples, 3)."""
    hit, false, missed = counts.T
    vectors = {"precision": np.stack([hit, hit + false], 1), "recall": np.stack([hit, hit + missed], 1), "F1": counts}[figure]
    sums = vectors.sum(axis=0)
    below = 2 * sums[0] + sums[1] + sums[2] if figure == "F1" else sums[1]
    value = float((2 * sums[0] if figure == "F1" else sums[0]) / below) if below else 0.0
    items = Items(names=found.names, vectors=tuple(map(tuple, vectors.tolist())), combine="f1" if figure == "F1" else "ratio")
    metric = found.metric(name, title, value, explained, better="higher", unit="share", items=items if below else None)
    return with_interval(metric, options)


def _macro(figure: Figure, labels: int) -> Statistic:
    def of(sums: Floats) -> Floats:
        hit, false, missed = np.moveaxis(sums.reshape(len(sums), labels, 3), 2, 0)
        above = 2 * hit if figure == "F1" else hit
        below = {"precision": hit + false, "recall": hit + missed, "F1": 2 * hit + false + missed}[figure]
        each = np.where(below > 0, above / np.where(below > 0, below, 1.0), 0.0)
        mean: Floats = each.mean(axis=1)
        return mean

    return of


def _roc_interval(value: float, truth: Marks, scores: Floats, level: float) -> Interval:
    """From what each example adds to the area, averaged over labels; symmetric in its logit."""
    added = np.zeros(len(truth))
    least = len(truth)
    for marks, ranked in zip(truth.T, scores.T, strict=True):
        positive, negative = ranked[marks], ranked[~marks]
        ranks = stats.rankdata(ranked)
        above = (ranks[marks] - stats.rankdata(positive)) / len(negative)
        below = 1 - (ranks[~marks] - stats.rankdata(negative)) / len(positive)
        area = float(above.mean())
        added[marks] += (above - area) / len(positive) * _unbiased(len(positive))
        added[~marks] += (below - area) / len(negative) * _unbiased(len(negative))
        least = min(least, len(positive), len(negative))
    error = math.sqrt(float(((added / truth.shape[1]) ** 2).sum()))
    method = f"DeLong, {len(truth):,} examples"
    if value in (0.0, 1.0) or error == 0:
        low, high = wilson(value * least, least, level)
        return Interval(low=low, high=high, level=level, method=f"Wilson interval of the {least:,} examples of the rarer kind")
    return _logit_interval(value, error / (value * (1 - value)), level, method)


def _precision_interval(value: float, positive: int, level: float) -> Interval:
    method = f"logit interval (Boyd et al. 2013), {positive:,} true examples"
    if not 0 < value < 1:
        low, high = wilson(value * positive, positive, level)
        return Interval(low=low, high=high, level=level, method=f"Wilson interval of {positive:,} true examples")
    return _logit_interval(value, 1 / math.sqrt(positive * value * (1 - value)), level, method)


def _logit_interval(value: float, error: float, level: float, method: str) -> Interval:
    half = float(stats.norm.isf((1 - level) / 2)) * error
    low, high = special.expit(special.logit(value) + np.array([-half, half]))
    return Interval(low=float(low), high=float(high), level=level, method=method)


def _unbiased(count: int) -> float:
    return math.sqrt(count / (count - 1)) if count > 1 else 1.0
