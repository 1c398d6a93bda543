"""The folds of a cross-validation as folders: the dialogues of each, the job that learns, and what was measured.

<job>/folds/dialogues.jsonl          everything that is divided, as it was when the job began
<job>/folds/fold-1/                  the job of a fold, with its recipe, order, events and checkpoints
<job>/folds/fold-1/train.jsonl       what it learns from
<job>/folds/fold-1/unseen.jsonl      what it is measured on
<job>/folds/fold-1/result.json       a finished fold: only its history is kept beside it
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from companion.core.dataset import Dialogue
from companion.core.errors import DatasetError
from companion.core.files import read_json, replacing, write_atomic
from companion.core.job import CrossValidation, JobOrder
from companion.core.job_folder import JobFolder, fill_job
from companion.core.recipes.fine_tune import FineTune
from companion.workshop.data.opening import Opening
from companion.workshop.data.prepare import is_silent
from companion.workshop.data.sources.reading import read_all
from companion.workshop.data.splits import Split
from companion.workshop.evaluation.cross_validation import FoldResult
from companion.workshop.evaluation.folds import Scheme, splits

DIALOGUES_FILE: Final = "dialogues.jsonl"


class Fold(NamedTuple):
    """One round."""

    job: JobFolder
    number: int
    """From 1."""
    split: Split
    """Lines of the file of all dialogues."""

    @property
    def learned(self) -> int:
        """Dialogues."""
        return len(self.split.train)

    @property
    def held_out(self) -> int:
        """Dialogues."""
        return len(self.split.held_out)

    @property
    def train_file(self) -> Path:
        return self.job.path / "train.jsonl"

    @property
    def unseen_file(self) -> Path:
        return self.job.path / "unseen.jsonl"

    @property
    def unseen_folder(self) -> Path:
        """Where what is measured is prepared."""
        return self.job.path / "unseen"

    @property
    def _result_file(self) -> Path:
        return self.job.path / "result.json"

    def result(self) -> FoldResult | None:
        """None while it is not finished, or when its file cannot be read."""
        return read_json(self._result_file, FoldResult)

    def keep(self, result: FoldResult) -> None:
        """Raises OSError."""
        write_atomic(self._result_file, msgspec.json.encode(result))

    def outcome(self) -> Path | None:
        """What was learned: an adapter or a model; None until it is written and verified."""
        summary = self.job.summary()
        made = map(Path, summary.outputs if summary.state == "done" else ())
        return next((path for path in made if path.is_file()), None)

    def free(self) -> None:
        """Delete what only an unfinished fold needs: dialogues, checkpoints, and what was learned."""
        for file in (self.train_file, self.unseen_file, self.job.held_out_file):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
        for folder in (self.job.checkpoints, self.job.output, self.job.path / "data", self.unseen_folder):
            shutil.rmtree(folder, ignore_errors=True)


class Folds(NamedTuple):
    """All rounds of one cross-validation."""

    folder: Path
    scheme: Scheme
    rounds: tuple[Fold, ...]
    left_out: int
    """Dialogues without a reply to learn from, which are in no fold."""

    def results(self) -> list[FoldResult]:
        """Of the folds that are finished."""
        return [result for fold in self.rounds if (result := fold.result()) is not None]

    def prepare(self, fold: Fold, recipe: FineTune) -> None:
        """Write the job of a fold with its dialogues, unless that was done before. Raises OSError."""
        if fold.job.recipe_file.is_file():
            return
        for file, numbers in ((fold.train_file, fold.split.train), (fold.unseen_file, fold.split.held_out)):
            with replacing(file) as writing:
                writing.writelines(_lines(self.folder / DIALOGUES_FILE, numbers))
        fill_job(fold.job.path, replace(recipe, data_files=(str(fold.train_file),), name=fold.job.id), JobOrder())

    def free(self) -> None:
        """Delete what nobody needs when no fold is to be gone on with."""
        for fold in self.rounds:
            fold.free()
        with contextlib.suppress(OSError):
            (self.folder / DIALOGUES_FILE).unlink(missing_ok=True)


def are_laid_out(folder: Path) -> bool:
    return (folder / DIALOGUES_FILE).is_file()


def lay_out(recipe: FineTune, asked: CrossValidation, folder: Path) -> Folds:
    """Divide the recipe's dialogues, which are kept in `folder` the first time, always in the same way.

    Raises DatasetError, CharacterError and OSError.
    """
    file = folder / DIALOGUES_FILE
    if not file.is_file():
        with replacing(file) as writing:
            for found in read_all(recipe.data_files, character=Opening(recipe.character).name):
                writing.write(msgspec.json.encode(found.dialogue) + b"\n")
    scheme = Scheme(
        kind="leave-one-out" if asked.leave_one_out else "folds",
        folds=asked.folds,
        repeats=asked.repeats,
        group_by=recipe.data.group_by,
        stratify_by=recipe.data.stratify_by,
        seed=recipe.training.seed,
    )
    usable, left_out = _usable(file, recipe)
    found_splits = splits((dialogue for _, dialogue in usable), scheme)
    lines = np.array([line for line, _ in usable], np.int64)
    rounds = tuple(
        Fold(JobFolder(folder / f"fold-{number}"), number, Split(lines[split.train], lines[split.held_out]))
        for number, split in enumerate(found_splits, 1)
    )
    return Folds(folder, scheme._replace(folds=len(rounds) // max(1, scheme.repeats)), rounds, left_out)


def _usable(file: Path, recipe: FineTune) -> tuple[list[tuple[int, Dialogue]], int]:
    """The dialogues with something to learn, by their lines, and how many others there are."""
    dialogues = list(enumerate(_dialogues(file)))
    usable = [(line, dialogue) for line, dialogue in dialogues if not is_silent(dialogue, recipe.data)]
    if not usable:
        raise DatasetError("There is no reply to learn from in these dialogues.", "Choose dialogues with replies.")
    return usable, len(dialogues) - len(usable)


def _dialogues(file: Path) -> Iterator[Dialogue]:
    decoder = msgspec.json.Decoder(Dialogue)
    with file.open("rb") as lines:
        for line in lines:
            yield decoder.decode(line)


def _lines(file: Path, numbers: NDArray[np.int64]) -> Iterable[bytes]:
    wanted = set(numbers.tolist())
    with file.open("rb") as lines:
        yield from (line for number, line in enumerate(lines) if number in wanted)
