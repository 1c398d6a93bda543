"""A CSV file with what is true and what was predicted: read whole, and refused with the line that is wrong."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from companion.core.errors import DatasetError

Floats = NDArray[np.float64]
FORM: Final = "It needs a first row with the columns truth and prediction, and may have score, or score_<label> for each label."
MOST_BYTES: Final = 256 << 20
_SCORE: Final = "score"
_MOST_CLASSES: Final = 20
"""Whole numbers with more different values than this are amounts, not names of classes."""


class LabelledTable(NamedTuple):
    """`truth` and `predicted` are as they were written; `scores` has one column for the label it is of, "" for `score`."""

    name: str
    truth: tuple[str, ...]
    predicted: tuple[str, ...]
    scores: dict[str, Floats]

    def numbers(self) -> tuple[Floats, Floats] | None:
        """Truth and prediction as numbers, when they are amounts: fractions, or very many different whole numbers."""
        truth, predicted = _as_numbers(self.truth), _as_numbers(self.predicted)
        if truth is None or predicted is None:
            return None
        whole = bool((truth == np.round(truth)).all())
        return None if whole and len(np.unique(truth)) <= _MOST_CLASSES else (truth, predicted)


def read_table(path: Path) -> LabelledTable:
    """Raises DatasetError, naming the file and the line."""
    rows = _rows(path)
    header, start = _header(path, rows)
    where = {name: header.index(name) for name in header if name}
    score_columns = {name: name.removeprefix(_SCORE).removeprefix("_") for name in where if _is_score(name)}
    truth: list[str] = []
    predicted: list[str] = []
    scores: dict[str, list[float]] = {label: [] for label in score_columns.values()}
    for number, row in rows[start:]:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            cells, columns = f"{len(row)} cells", f"{len(header)} columns"
            raise DatasetError(f"Line {number:,} of “{path.name}” has {cells} where there are {columns}.", "Mend that line.")
        for column, into in (("truth", truth), ("prediction", predicted)):
            value = row[where[column]].strip()
            if not value:
                raise DatasetError(f"Line {number:,} of “{path.name}” has no {column}.", "Fill it in, or delete that line.")
            into.append(value)
        for column, label in score_columns.items():
            scores[label].append(_score(path, number, column, row[where[column]]))
    if not truth:
        raise DatasetError(f"“{path.name}” holds no examples.", FORM)
    return LabelledTable(path.stem, tuple(truth), tuple(predicted), {k: np.array(v, np.float64) for k, v in scores.items()})


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Each row with the line it ends on."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DatasetError(f"“{path.name}” is larger than {MOST_BYTES >> 20} MB.", "Take a part of its lines.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"“{path}” cannot be read ({error.strerror}).", "Check the name of the file.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"“{path.name}” is not a text file in UTF-8.", "Save it again as CSV in UTF-8.") from error
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            rows.append((reader.line_num, row))
    except csv.Error as error:
        raise DatasetError(f"Line {reader.line_num:,} of “{path.name}” is no CSV ({error}).", "Mend that line.") from error
    return rows


def _header(path: Path, rows: Sequence[tuple[int, list[str]]]) -> tuple[list[str], int]:
    """The names of the columns, and which row comes after them."""
    for index, (number, row) in enumerate(rows):
        if any(cell.strip() for cell in row):
            names = [_named(cell) for cell in row]
            missing = next((name for name in ("truth", "prediction") if name not in names), "")
            if missing:
                raise DatasetError(f"Line {number:,} of “{path.name}” names no column “{missing}”.", FORM)
            twice = next((name for name in names if name and names.count(name) > 1), "")
            if twice:
                raise DatasetError(f"Line {number:,} of “{path.name}” names the column “{twice}” twice.", FORM)
            return names, index + 1
    raise DatasetError(f"“{path.name}” is empty.", FORM)


def _named(cell: str) -> str:
    """A column's name; those of labels keep their capitals."""
    cell = cell.strip()
    prefix = len(_SCORE) + 1
    return _SCORE + "_" + cell[prefix:] if cell[:prefix].casefold() == f"{_SCORE}_" else cell.casefold()


def _is_score(name: str) -> bool:
    return name == _SCORE or name.startswith(f"{_SCORE}_")


def _score(path: Path, number: int, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DatasetError(f"Line {number:,} of “{path.name}” has no number in the column “{column}”.", "Mend that line.")
    return value


def _as_numbers(values: Sequence[str]) -> Floats | None:
    try:
        numbers = np.array([float(value) for value in values], np.float64)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None
