"""From what was counted unit by unit to one number: the only place that knows how each kind of metric is put together.

| kind | vector of a unit | metric of the summed vectors |
|---|---|---|
| ratio | total, weight | total ÷ weight |
| exp-ratio | total, weight | exp(total ÷ weight), such as perplexity from nats and tokens |
| bleu | sys_len, ref_len, correct 1…4, total 1…4 | BLEU from 0 to 100, sacreBLEU's `smooth:exp`, `eff:no` |
| chrf | hypothesis, reference, match for each order | chrF2 (chrF2++ with words) from 0 to 100, `eff:yes` |
| f1 | true positives, false positives, false negatives | 2 tp ÷ (2 tp + fp + fn), from 0 to 1 |

The vectors of BLEU and chrF are sacreBLEU's own statistics of one sentence (`BLEU._extract_corpus_statistics`): BLEU's
holds 10 numbers, chrF's 3 for each of its orders (18, with words 24), in the order that sacreBLEU keeps them.
"""

from __future__ import annotations

import math
from typing import Final, assert_never

import numpy as np
from numpy.typing import NDArray

from companion.core.report import Combine, Items

Floats = NDArray[np.float64]
ORDERS: Final = 4
"""N-grams that BLEU looks at."""
_CHRF_WEIGHT: Final = 4.0
"""chrF2 counts recall twice as much as precision: beta² of Popović (2015)."""


def combined(items: Items) -> float | None:
    """The metric of all units together; None when there is nothing to compute it from."""
    if not items.vectors:
        return None
    value = float(of_sums(items.combine, vectors_of(items).sum(axis=0)[None])[0])
    return value if math.isfinite(value) else None


def vectors_of(items: Items) -> Floats:
    """(units, numbers of a vector)."""
    return np.array(items.vectors, np.float64).reshape(len(items.vectors), -1)


def of_sums(kind: Combine, sums: Floats) -> Floats:
    """`sums` (draws, numbers of a vector) to (draws,); NaN where nothing can be computed, as with a weight of zero."""
    match kind:
        case "ratio":
            return _ratio(sums[:, 0], sums[:, 1])
        case "exp-ratio":
            return np.exp(np.minimum(_ratio(sums[:, 0], sums[:, 1]), 700.0))  # e^709 is the largest number there is
        case "bleu":
            return _bleu(sums)
        case "chrf":
            return _chrf(sums)
        case "f1":
            return _ratio(2 * sums[:, 0], 2 * sums[:, 0] + sums[:, 1] + sums[:, 2])
        case _:
            assert_never(kind)


def _ratio(total: Floats, weight: Floats) -> Floats:
    there = weight != 0
    found: Floats = np.divide(total, weight, out=np.full(np.shape(total), np.nan), where=there)
    return found


def _bleu(sums: Floats) -> Floats:
    """Papineni et al. (2002) with the smoothing of NIST's mteval-v13a: every order without a match counts as half of the last."""
    sys_len, ref_len = sums[:, 0], sums[:, 1]
    correct, total = sums[:, 2 : 2 + ORDERS], sums[:, 2 + ORDERS : 2 + 2 * ORDERS]
    halvings = np.cumsum(correct == 0, axis=1)
    smoothed = np.where(correct == 0, np.exp2(-halvings.astype(np.float64)), correct)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(100 * smoothed / total).mean(axis=1)
        penalty = np.where(sys_len < ref_len, np.exp(1 - ref_len / sys_len), 1.0)
        score = penalty * np.exp(logs)
    return np.where((correct > 0).any(axis=1) & (total > 0).all(axis=1), score, 0.0)


def _chrf(sums: Floats) -> Floats:
    """Means of precision and recall over the orders that both sides have, then one F-score of them."""
    counts = sums.reshape(len(sums), -1, 3)
    hypothesis, reference, match = counts[:, :, 0], counts[:, :, 1], counts[:, :, 2]
    both = (hypothesis > 0) & (reference > 0)
    orders = np.maximum(both.sum(axis=1), 1)
    precision = (np.where(both, match, 0.0) / np.where(both, hypothesis, 1.0)).sum(axis=1) / orders
    recall = (np.where(both, match, 0.0) / np.where(both, reference, 1.0)).sum(axis=1) / orders
    below = _CHRF_WEIGHT * precision + recall
    score: Floats = 100 * (1 + _CHRF_WEIGHT) * precision * recall / np.where(below > 0, below, 1.0)
    return score
