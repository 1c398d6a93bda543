"""Truth against prediction: the mood model on labelled texts, and any CSV with what is true and what was predicted.

Neither depends on the subject that is measured, so these metrics carry no items: subjects are not compared by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from msgspec.structs import replace

from companion.core.moods import EKMAN_GROUPS, LABELS
from companion.core.recipes.evaluate import Certainty
from companion.core.report import Curve, Metric, Section, Table
from companion.mood import evaluation as mood_evaluation
from companion.mood.circumplex import targets
from companion.mood.classifier import MoodReader
from companion.workshop.evaluation.family import Situation
from companion.workshop.evaluation.label_metrics import (
    Floats,
    Labelled,
    Marks,
    calibration,
    confusion,
    hits,
    label_table,
    ranking,
    share_right,
)
from companion.workshop.evaluation.labelled_table import LabelledTable, read_table
from companion.workshop.evaluation.regression import regression_metrics

KEY: Final = "classification"
_POSITIVE: Final = ("1", "true", "yes", "positive", "ja", "y", "t")
"""Which of two labels a column `score` is of, when one of them is one of these; the later by alphabet otherwise."""


def measure(situation: Situation) -> Section:
    """Raises CompanionError when a file is not what it should be: naming it, and the line."""
    recipe, options = situation.recipe.classification, situation.recipe.certainty
    files = [(_mood, Path(file)) for file in recipe.mood_files] + [(_table, Path(file)) for file in recipe.tables]
    if not files:
        return Section(
            key=KEY,
            title="Classification",
            state="skipped",
            why="No labelled file is named: set classification.mood_files or classification.tables in the suite.",
        )
    parts: list[Section] = []
    for number, (part, path) in enumerate(files):
        parts.append(part(path, options))
        situation.tell((number + 1) / len(files))
    return Section(
        key=KEY,
        title="Classification",
        explained="How often predicted labels and numbers agree with those that people gave.",
        metrics=tuple(replace(metric, items=None) for part in parts for metric in part.metrics),
        curves=tuple(curve for part in parts for curve in part.curves),
        tables=tuple(table for part in parts for table in part.tables),
        notes=tuple(note for part in parts for note in part.notes),
    )


def of_table(table: LabelledTable, options: Certainty) -> Section:
    """The metrics of one table: of amounts those of regression, of labels those of classification."""
    numbers = table.numbers()
    if numbers is not None:
        metrics = regression_metrics(f"{KEY}.{table.name}", table.name, *numbers, options)
        note = f"The truth of {table.name} is a number, so errors are measured instead of hits."
        return Section(key=KEY, title=table.name, metrics=metrics, notes=(note,))
    labels = tuple(sorted({*table.truth, *table.predicted, *(label for label in table.scores if label)}))
    truth, predicted = (_one_hot(values, labels) for values in (table.truth, table.predicted))
    found = Labelled(f"{KEY}.{table.name}", table.name, labels, truth, predicted)
    right: Marks = np.any(truth & predicted, axis=1)
    said = "The share of examples whose predicted label is the true one."
    first = share_right(found, "accuracy", "accuracy", right, said, options)
    scored, curves, notes = _scored(table, found, right, options)
    return Section(
        key=KEY,
        title=table.name,
        metrics=(first, *hits(found, options), *scored),
        curves=tuple(curves),
        tables=(label_table(found), confusion(table.name, labels, table.truth, table.predicted)),
        notes=tuple(notes),
    )


def _table(path: Path, options: Certainty) -> Section:
    return of_table(read_table(path), options)


def _scored(
    table: LabelledTable, found: Labelled, right: Marks, options: Certainty
) -> tuple[list[Metric], list[Curve], list[str]]:
    """What scores tell beside the predictions: ranking, and whether they are as sure as they are right."""
    if not table.scores:
        return [], [], [f"{table.name} has no scores: ranking and calibration are not measured."]
    metrics: list[Metric] = []
    notes: list[str] = []
    if "" in table.scores:
        score = table.scores[""]
        if len(found.labels) == 2:
            column = _positive(found.labels)
            truth = found.truth[:, [column]]
            metrics += ranking(found._replace(truth=truth), score[:, None], options)
            notes.append(f"In {table.name}, “score” is taken as that of the label “{found.labels[column]}”.")
            sure, so, errors = score, truth[:, 0], (score - truth[:, 0]) ** 2
        else:
            notes.append(f"In {table.name}, “score” is taken as how sure each prediction is; labels cannot be ranked by it.")
            sure, so, errors = score, right, (score - right) ** 2
    else:
        missing = [label for label in found.labels if label not in table.scores]
        if missing:
            return [], [], [f"{table.name} has no column “score_{missing[0]}”: ranking and calibration are not measured."]
        scores = np.stack([table.scores[label] for label in found.labels], axis=1)
        metrics += ranking(found, scores, options)
        sure = scores[found.predicted]  # that of the one predicted label of each example
        so, errors = right, ((scores - found.truth) ** 2).sum(axis=1)
    if ((sure < 0) | (sure > 1)).any():
        return metrics, [], [*notes, f"The scores of {table.name} are no probabilities: calibration is not measured."]
    more, curve = calibration(found, sure, so, errors, options)
    return [*metrics, *more], [curve], notes


def _mood(path: Path, options: Certainty) -> Section:
    """The measures of the GoEmotions paper, with intervals: several labels may be true of one text."""
    texts, truth = mood_evaluation.read_examples(path)
    moods = MoodReader.load().read(texts)
    scores = np.array([each.scores for each in moods], np.float64)
    found = Labelled(f"{KEY}.mood", "Mood", LABELS, truth, scores >= mood_evaluation.COUNTED)
    shown = _one_hot([each.group for each in moods], EKMAN_GROUPS)
    right: Marks = np.any(mood_evaluation.to_groups(truth) & shown, axis=1)
    said = "How often the mood that is shown belongs to a right group of moods."
    group = share_right(found, "group_accuracy", "right group shown", right, said, options)
    more, curve = calibration(found, scores.ravel(), truth.ravel(), ((scores - truth) ** 2).mean(axis=1), options)
    goal = targets(truth).astype(np.float64)
    affect: list[Metric] = []
    for column, name in enumerate(("valence", "arousal")):
        values = np.array([getattr(each, name) for each in moods], np.float64)
        affect += regression_metrics(f"{KEY}.mood.{name}", name.capitalize(), goal[:, column], values, options)
    return Section(
        key=KEY,
        title="Mood",
        metrics=(group, *hits(found, options), *ranking(found, scores, options), *more, *affect),
        curves=(curve,),
        tables=(label_table(found), _group_table(truth, scores)),
        notes=("A mood's scores are scaled so that 0.5 is its threshold: they are no probabilities, and look badly calibrated.",),
    )


def _group_table(truth: Marks, scores: Floats) -> Table:
    groups = [mood_evaluation.to_groups(each) for each in (truth, scores >= mood_evaluation.COUNTED)]
    return label_table(Labelled(KEY, "Groups of moods", EKMAN_GROUPS, groups[0], groups[1]))


def _one_hot(values: Iterable[str], labels: tuple[str, ...]) -> Marks:
    """(examples, labels)."""
    number = {label: index for index, label in enumerate(labels)}
    columns = np.array([number[value] for value in values])
    marks = np.zeros((len(columns), len(labels)), np.bool_)
    marks[np.arange(len(columns)), columns] = True
    return marks


def _positive(labels: tuple[str, ...]) -> int:
    return next((index for index, label in enumerate(labels) if label.casefold() in _POSITIVE), 1)
