"""Cross-validation of a fine-tuning: the recipe is carried out once per fold, and measured on what it did not see.

A fold's dialogues are measured through llama.cpp, with and without what was learned from the others. The folds' trainings
share most of their dialogues, so that they resemble each other more than independent ones would: the interval is the
corrected resampled t of Nadeau & Bengio (2003), with the variance times 1 ÷ rounds + held out ÷ learned, for repeated
folds too (Bouckaert & Frank 2004).

<folder>/fold-1/train.jsonl, held-out.jsonl     what it learns from, what it is measured on
<folder>/fold-1/job.txt                         the job that trains it
<folder>/fold-1/result.json                     a finished fold: it is not trained again
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy import stats

from companion.core.dataset import Dialogue
from companion.core.errors import DatasetError
from companion.core.files import read_json, replacing, write_atomic
from companion.core.fingerprint import file_sha256
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.fine_tune import FineTune
from companion.core.report import Better, Interval, Metric, Section, Table
from companion.workshop.data.batch import Example
from companion.workshop.data.prepare import prepare
from companion.workshop.data.sources.reading import read_all
from companion.workshop.data.splits import Split
from companion.workshop.evaluation.endings import ending_scores
from companion.workshop.evaluation.family import Tell
from companion.workshop.evaluation.folds import Scheme, splits
from companion.workshop.evaluation.opened import Opened, open_subjects
from companion.workshop.recipes.open_base import open_base

KEY: Final = "cross_validation"
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
    """Of the training."""


class Fold(NamedTuple):
    number: int
    folder: Path
    learned: int
    held_out: int

    @property
    def train_file(self) -> Path:
        return self.folder / "train.jsonl"

    @property
    def held_out_file(self) -> Path:
        return self.folder / "held-out.jsonl"

    @property
    def job_file(self) -> Path:
        return self.folder / "job.txt"

    @property
    def result_file(self) -> Path:
        return self.folder / "result.json"

    def result(self) -> FoldResult | None:
        """None while it is not finished, or when its file cannot be read."""
        return read_json(self.result_file, FoldResult)

    def keep(self, result: FoldResult) -> None:
        """Raises OSError."""
        write_atomic(self.result_file, msgspec.json.encode(result))


class Plan(NamedTuple):
    """All rounds of one cross-validation."""

    recipe: FineTune
    scheme: Scheme
    folder: Path
    folds: tuple[Fold, ...]
    name: str

    def recipe_of(self, fold: Fold) -> FineTune:
        """What one round carries out: it sees its own dialogues, of which the recipe may hold out some to stop early."""
        return replace(self.recipe, data_files=(str(fold.train_file),), name=f"{self.name}-fold-{fold.number}")


def lay_out(recipe: FineTune, scheme: Scheme, parent: Path) -> Plan:
    """Divide the recipe's dialogues and write those of each round, below a folder whose name says what is asked for.

    The same recipe, model and dialogues lead to the same folder, so that an interrupted cross-validation goes on there.
    Raises DatasetError, OSError.
    """
    dialogues = [found.dialogue for found in read_all(recipe.data_files)]
    rounds = splits(dialogues, scheme)
    name = recipe.name or "recipe"
    folder = parent / f"{name}-{_asked(recipe, scheme, dialogues)}"
    folds = []
    for number, split in enumerate(rounds, 1):
        fold = Fold(number, folder / f"fold-{number}", len(split.train), len(split.held_out))
        if not fold.held_out_file.is_file():  # written last
            _write(fold, dialogues, split)
        folds.append(fold)
    return Plan(recipe, scheme, folder, tuple(folds), name)


def measured(plan: Plan, fold: Fold, outcome: Path, seconds: float, tell: Tell = lambda share: None) -> FoldResult:
    """The losses of the fold's held-out dialogues without and with what was learned: an adapter, or a whole model.

    Raises CompanionError.
    """
    recipe = plan.recipe
    model = Path(recipe.model)
    # One seed and no split or replay: the measured examples are exactly the held-out dialogues.
    data = replace(recipe.data, held_out=0.0, replay=0.0, shuffle=False)
    with open_base(model) as base:
        examples_of = prepare(replace(recipe, data_files=(str(fold.held_out_file),), data=data), base, fold.folder)
        examples = [examples_of.example(index) for index in examples_of.train.tolist()]
    trained = (str(outcome),) if recipe.adapter.method == "full" else (str(model), str(outcome))
    with open_subjects(Evaluate(subjects=((str(model),), trained))) as (subjects, _):
        before = _loss(subjects[0], examples, lambda share: tell(share / 2))
        after = _loss(subjects[1], examples, lambda share: tell((1 + share) / 2))
    if not (math.isfinite(before) and math.isfinite(after)):
        raise DatasetError(
            f"The loss of fold {fold.number} is no number.", "Try a lower learning rate, and look at the job's troubles."
        )
    return FoldResult(
        number=fold.number,
        learned=fold.learned,
        held_out=fold.held_out,
        tokens=sum(sum(example.learn[1:]) for example in examples),
        before=before,
        after=after,
        seconds=round(seconds, 3),
    )


def section(results: Sequence[FoldResult], scheme: Scheme, *, level: float = 0.95) -> Section:
    """Mean, spread and corrected interval over the rounds that are finished."""
    if not results:
        return Section(
            key=KEY, title="Cross-validation", state="skipped", why="No fold is finished yet. Run the same command again."
        )
    before, after = (np.array([getattr(one, name) for one in results], np.float64) for name in ("before", "after"))
    ratio = sum(one.held_out for one in results) / max(1, sum(one.learned for one in results))

    def metric(key: str, title: str, values: NDArray[np.float64], better: Better, explained: str) -> Metric:
        found = corrected_interval(values, ratio, level)
        return Metric(
            key=f"{KEY}.{key}",
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
            key=f"{KEY}.spread",
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
        key=KEY,
        title="Cross-validation",
        explained="The fine-tuning was done several times, each time measured on dialogues that it had not seen.",
        metrics=metrics,
        tables=(table,),
        notes=(
            f"{scheme.sentence}.",
            "Intervals are the corrected resampled t of Nadeau and Bengio (2003): folds share most of their dialogues.",
        ),
        seconds=round(sum(one.seconds for one in results), 3),
    )


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


def _asked(recipe: FineTune, scheme: Scheme, dialogues: Sequence[Dialogue]) -> str:
    """A short name of everything that the result depends on."""
    digest = hashlib.sha256(msgspec.json.encode((replace(recipe, data_files=()), tuple(scheme))))
    digest.update(file_sha256(Path(recipe.model)).encode())
    for dialogue in dialogues:
        digest.update(msgspec.json.encode(dialogue))
    return digest.hexdigest()[:12]


def _write(fold: Fold, dialogues: Sequence[Dialogue], split: Split) -> None:
    for file, numbers in ((fold.train_file, split.train), (fold.held_out_file, split.held_out)):
        with replacing(file) as writing:
            for number in numbers.tolist():
                writing.write(msgspec.json.encode(dialogues[number]) + b"\n")
