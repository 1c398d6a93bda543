"""How good a mood classifier is, in the measures of the GoEmotions paper (Demszky et al. 2020, arXiv:2005.00547)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from companion.core.errors import CompanionError
from companion.core.moods import EKMAN, EKMAN_GROUPS, LABELS
from companion.mood.circumplex import targets
from companion.mood.classifier import MoodReader

Floats = NDArray[np.float32]
Truth = NDArray[np.bool_]
COUNTED: Final = 0.5
"""Scores are scaled so that a label is predicted from here upward."""
BATCH: Final = 512
_FORM: Final = "Each line is a text, a tab, and the numbers of its labels with commas between them (0 to 27; 27 is neutral)."
_GROUP_OF: Final = np.array([EKMAN_GROUPS.index(EKMAN[label]) for label in LABELS])


class Row(msgspec.Struct, frozen=True):
    """One label or group."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


class Regression(msgspec.Struct, frozen=True):
    mse: float
    r2: float


class Report(msgspec.Struct, frozen=True):
    """Averages are over the rows; `auc` is the area under the ROC curve, averaged over labels with both kinds of examples."""

    examples: int
    macro_f1: float
    micro_f1: float
    auc: float
    labels: tuple[Row, ...]
    group_macro_f1: float
    group_accuracy: float
    """How often the one label shown belongs to a right group."""
    groups: tuple[Row, ...]
    valence: Regression
    arousal: Regression


def read_examples(path: Path) -> tuple[list[str], Truth]:
    """Texts, and truth (examples, labels). Raises CompanionError when the file is not of the form."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise CompanionError(f"“{path}” cannot be read ({error.strerror}).", "Check the name of the file.") from error
    except UnicodeDecodeError as error:
        raise CompanionError(f"“{path}” is not a text file in UTF-8.", _FORM) from error
    texts: list[str] = []
    rows: list[list[int]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        text, _, rest = line.rstrip("\r").partition("\t")
        found = [part.strip() for part in rest.partition("\t")[0].split(",")]
        if not all(part.isascii() and part.isdigit() and int(part[:4]) < len(LABELS) for part in found):
            raise CompanionError(f"Line {number:,} of “{path.name}” has no label numbers from 0 to {len(LABELS) - 1}.", _FORM)
        texts.append(text)
        rows.append([int(part) for part in found])
    if not texts:
        raise CompanionError(f"“{path.name}” holds no examples.", _FORM)
    truth = np.zeros((len(texts), len(LABELS)), np.bool_)
    for truths, numbers in zip(truth, rows, strict=True):
        truths[numbers] = True
    return texts, truth


def measure(reader: MoodReader, path: Path) -> Report:
    """Read every example of a file and compare."""
    texts, truth = read_examples(path)
    moods = [each for start in range(0, len(texts), BATCH) for each in reader.read(texts[start : start + BATCH])]
    return evaluate(
        truth,
        np.array([each.scores for each in moods], np.float32),
        np.array([LABELS.index(each.label) for each in moods]),
        np.array([each.valence for each in moods], np.float32),
        np.array([each.arousal for each in moods], np.float32),
    )


def to_groups(labels: Truth) -> Truth:
    """(examples, labels) to (examples, groups): a group counts when any of its labels does."""
    groups = np.zeros((len(labels), len(EKMAN_GROUPS)), np.bool_)
    for number, group in enumerate(_GROUP_OF):
        groups[:, group] |= labels[:, number]
    return groups


def evaluate(truth: Truth, scores: Floats, shown: NDArray[np.int64], valence: Floats, arousal: Floats) -> Report:
    """`scores` (examples, labels) predict a label from COUNTED up; `shown` is the number of the one label shown."""
    from sklearn.metrics import f1_score, mean_squared_error, r2_score, roc_auc_score

    predicted = scores >= COUNTED
    both = truth.any(axis=0) & ~truth.all(axis=0)
    true_groups, predicted_groups = to_groups(truth), to_groups(predicted)
    goal = targets(truth)

    def regression(column: int, values: Floats) -> Regression:
        return Regression(
            float(mean_squared_error(goal[:, column], values)),
            float(r2_score(goal[:, column], values)) if len(values) > 1 else 0.0,
        )

    labels, groups = _rows(LABELS, truth, predicted), _rows(EKMAN_GROUPS, true_groups, predicted_groups)
    return Report(
        examples=len(truth),
        macro_f1=float(np.mean([row.f1 for row in labels])),
        micro_f1=float(f1_score(truth, predicted, average="micro", zero_division=0.0)),
        auc=float(roc_auc_score(truth[:, both], scores[:, both], average="macro")) if both.any() else 0.0,
        labels=labels,
        group_macro_f1=float(np.mean([row.f1 for row in groups])),
        group_accuracy=float(true_groups[np.arange(len(truth)), _GROUP_OF[shown]].mean()),
        groups=groups,
        valence=regression(0, valence),
        arousal=regression(1, arousal),
    )


def _rows(names: tuple[str, ...], truth: Truth, predicted: Truth) -> tuple[Row, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(truth, predicted, average=None, zero_division=0.0)
    return tuple(Row(name, float(p), float(r), float(f), int(n)) for name, p, r, f, n in zip(names, *columns, strict=True))
