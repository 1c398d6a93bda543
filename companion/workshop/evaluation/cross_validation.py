"""What a cross-validation of a fine-tuning measures and what it comes to: fold by fold, on what a fold did not see.

A fold's dialogues are measured through llama.cpp, with and without what was learned from the others. The folds' trainings
share most of their dialogues, so that they resemble each other more than independent ones would: the interval is the
corrected resampled t of Nadeau & Bengio (2003), with the variance times 1 ÷ rounds + held out ÷ learned, for repeated
folds too (Bouckaert & Frank 2004).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy import stats

from companion.core.errors import DatasetError
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.fine_tune import FineTune
from companion.core.report import CROSS_VALIDATION, Better, Interval, Metric, Section, Table
from companion.workshop.data.batch import Example
from companion.workshop.data.prepare import prepare
from companion.workshop.evaluation.endings import ending_scores
from companion.workshop.evaluation.family import Tell
from companion.workshop.evaluation.folds import Scheme
from companion.workshop.evaluation.opened import Opened, open_subjects
from companion.workshop.recipes.open_base import open_base

FEW_ROUNDS: Final = 2
"""With fewer nothing can be said about how much they vary."""


class FoldResult(msgspec.Struct, frozen=True, kw_only=True):
    """Losses are nats per learned token of the held-out dialogues, in llama.cpp."""

    number: int
    learned: int
    held_out: int
    """Dialogues."""
    tokens: int
    before: float
    after: float
    seconds: float = 0.0
    """Of training and measuring."""


class Losses(NamedTuple):
    """Of dialogues that were not learned from, without and with what was learned; `tokens` is how many were measured."""

    before: float
    after: float
    tokens: int


def held_out_losses(recipe: FineTune, held_out: Path, outcome: Path, folder: Path, tell: Tell = lambda share: None) -> Losses:
    """What the dialogues in the file `held_out` cost the model before and after: `outcome` is an adapter, or a whole model.

    What is prepared for it is written to `folder`. Raises CompanionError.
    """
    model = Path(recipe.model)
    # One seed and no split or replay: the measured examples are exactly the held-out dialogues.
    data = replace(recipe.data, held_out=0.0, replay=0.0, shuffle=False)
    with open_base(model) as base:
        prepared = prepare(replace(recipe, data_files=(str(held_out),), data=data), base, folder)
        examples = [prepared.example(index) for index in prepared.train.tolist()]
    untrained = (str(model), *filter(None, [recipe.start_adapter]))
    trained = (str(outcome),) if recipe.adapter.method == "full" else (str(model), str(outcome))
    with open_subjects(Evaluate(subjects=(untrained, trained))) as (subjects, _):
        before = _loss(subjects[0], examples, lambda share: tell(share / 2))
        after = _loss(subjects[1], examples, lambda share: tell((1 + share) / 2))
    if not (math.isfinite(before) and math.isfinite(after)):
        raise DatasetError("The loss after learning is no number.", "Try a lower learning rate.")
    return Losses(before, after, sum(sum(example.learn[1:]) for example in examples))


def section(results: Sequence[FoldResult], scheme: Scheme, *, level: float = 0.95) -> Section:
    """Mean, spread and corrected interval over the rounds that are finished: one or more."""
    before, after = (np.array([getattr(one, name) for one in results], np.float64) for name in ("before", "after"))
    ratio = sum(one.held_out for one in results) / max(1, sum(one.learned for one in results))

    def metric(key: str, title: str, values: NDArray[np.float64], better: Better, explained: str) -> Metric:
        found = corrected_interval(values, ratio, level)
        return Metric(
            key=f"{CROSS_VALIDATION}.{key}",
            title=title,
            value=float(values.mean()),
            unit="nats per token",
            better=better,
            explained=explained,
            interval=found,
            why="" if found else "One round alone does not say how much rounds differ: ask for 2 folds or more.",
            count=len(values),
            units="folds",
            headline=True,
        )

    spread = float(after.std(ddof=1)) if len(after) > 1 else None
    metrics = (
        metric("before", "Held-out loss before", before, "lower", "How surprised the model is by dialogues it never saw."),
        metric("after", "Held-out loss after", after, "lower", "The same after learning from the other dialogues."),
        metric("gain", "Gain in held-out loss", before - after, "higher", "How much learning helped on dialogues it never saw."),
        Metric(
            key=f"{CROSS_VALIDATION}.spread",
            title="Spread between folds",
            value=spread,
            unit="nats per token",
            explained="How much the loss after learning depends on which dialogues are left out: one standard deviation.",
            why="" if spread is not None else "One round has no spread: ask for 2 folds or more.",
            count=len(after),
            units="folds",
        ),
    )
    table = Table(
        title="Fold by fold",
        header=("fold", "learned from", "held out", "loss before", "loss after", "gain"),
        rows=tuple(
            (str(one.number), f"{one.learned:,}", f"{one.held_out:,}", f"{one.before:.4f}", f"{one.after:.4f}",
             f"{one.before - one.after:+.4f}")
            for one in results
        ),
        explained="Each fold's dialogues were measured after learning from all others.",
    )  # fmt: skip
    return Section(
        key=CROSS_VALIDATION,
        title="Cross-validation",
        explained="The recipe was carried out several times, and each time measured on dialogues that it had not learned from.",
        metrics=metrics,
        tables=(table,),
        notes=(
            f"{scheme.sentence}.",
            "Intervals are the corrected resampled t of Nadeau and Bengio (2003): folds share most of their dialogues.",
        ),
        seconds=round(sum(one.seconds for one in results), 3),
    )


def verdict(found: Section, rounds: int) -> str:
    """What it comes to, in one sentence; `rounds` is how many were asked for."""
    metrics = {metric.key.partition(".")[2]: metric for metric in found.metrics}
    gain, (before, after) = metrics["gain"], (metrics[name].value or 0.0 for name in ("before", "after"))
    value, interval = gain.value or 0.0, gain.interval
    over = f"{gain.count} of {rounds} folds" if gain.count < rounds else f"{rounds} folds"
    changes = "falls" if value > 0 else "rises"
    told = f"over {over} the held-out loss {changes} from {before:.3f} to {after:.3f}"
    if interval is None:
        return f"One fold alone cannot say whether this recipe helps: {told}."
    told += f", a gain of {value:+.3f} ± {(interval.high - interval.low) / 2:.3f} nats per token"
    if interval.low > 0:
        return f"This recipe helps with dialogues that it did not learn from: {told}."
    if interval.high < 0:
        return f"This recipe does harm with dialogues that it did not learn from: {told}."
    return f"It cannot be told whether this recipe helps with dialogues that it did not learn from: {told}, within chance."


def corrected_interval(values: NDArray[np.float64], ratio: float, level: float) -> Interval | None:
    """`values` (rounds,); `ratio` is held out ÷ learned. None for a single round."""
    rounds = len(values)
    if rounds < FEW_ROUNDS:
        return None
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    half = float(stats.t.isf((1 - level) / 2, rounds - 1)) * math.sqrt((1 / rounds + ratio) * variance)
    method = f"corrected resampled t of {rounds} rounds (Nadeau–Bengio)"
    return Interval(low=mean - half, high=mean + half, level=level, method=method)


def _loss(opened: Opened, examples: Sequence[Example], tell: Tell) -> float:
    """Nats per learned token."""
    able = [example for example in examples if any(example.learn[1:])]
    if not able:
        raise DatasetError("The dialogues that were held out hold no reply to learn.", "Choose dialogues with replies.")
    starts = [example.learn.index(True, 1) for example in able]
    values = ending_scores(opened, [example.tokens for example in able], starts, tell)
    learned = np.concatenate([found[1:][example.learn[1:]] for example, found in zip(able, values, strict=True)])
    return -float(learned.mean())
