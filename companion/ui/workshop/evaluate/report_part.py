"""One family of metrics of a report: made when it is opened for the first time, since a report may have thousands of lines."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from companion.core.report import Table
from companion.core.report_parts import Gone, Part
from companion.ui.cards import plain_label
from companion.ui.fold import Fold
from companion.ui.keyboard import show_some
from companion.ui.theme import Theme
from companion.ui.workshop.evaluate.labels import OUTCOMES
from companion.ui.workshop.evaluate.metric_table import MetricTable
from companion.ui.workshop.evaluate.sample_talks import SampleTalks

MOST_ROWS = 12
"""Of a table, before the person asks for the rest."""


class ReportPart(Fold):
    """Its title says how it came out before it is opened."""

    def __init__(self, theme: Theme, names: Sequence[str], part: Part) -> None:
        super().__init__(theme, part.title, part.explained)
        self.part = part
        self._names = names
        self.set_note(_outcome(part))
        self.toggled.connect(self._make)

    def _make(self, is_open: bool) -> None:
        if not is_open or self.content is not None:
            return
        content, part = QWidget(), self.part
        column = QVBoxLayout(content)
        column.setContentsMargins(20, 0, 0, 16)
        column.setSpacing(12)
        for name, state, why in part.missing:
            what = "This could not be measured." if state == "failed" else "This was not measured."
            whose = f"{name}: " if len(self._names) > 1 else ""
            column.addWidget(plain_label("problem" if state == "failed" else "muted", f"{whose}{what} {why}"))
        if part.rows:
            column.addWidget(MetricTable(self._theme, self._names, part.rows, explain=True))
        for name, table in part.tables:
            column.addWidget(_TableView(name, table))
        for gone in part.failures:
            column.addWidget(self._failures(gone))
        if part.talks:
            column.addWidget(plain_label("heading", "Samples, unedited"))
            column.addWidget(SampleTalks(self._names, part.talks))
        for note in part.notes:
            column.addWidget(plain_label("caption", note))
        self.set_content(content)

    def _failures(self, gone: Gone) -> Fold:
        whose = f": {self._names[gone.subject]}" if len(self._names) > 1 else ""
        fold = Fold(self._theme, f"{gone.title}{whose}", gone.told)
        fold.set_note(str(len(gone.examples)))
        fold.toggled.connect(lambda is_open: _show_examples(fold, gone) if is_open and fold.content is None else None)
        return fold


def _show_examples(fold: Fold, gone: Gone) -> None:
    examples = QWidget()
    column = QVBoxLayout(examples)
    column.setContentsMargins(20, 0, 0, 0)
    for failure in gone.examples:
        column.addWidget(plain_label("caption", failure.where))
        column.addWidget(plain_label("", failure.example))
    fold.set_content(examples)


class _TableView(QWidget):
    def __init__(self, name: str, table: Table) -> None:
        super().__init__()
        self._table = table
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setColumnStretch(len(table.header) - 1, 1)
        self.more = QPushButton(f"{len(table.rows) - MOST_ROWS} more rows")
        self.more.setProperty("role", "quiet")
        self.more.setVisible(len(table.rows) > MOST_ROWS)
        self.more.clicked.connect(self._show_rest)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(plain_label("heading", f"{table.title}: {name}" if name else table.title))
        if table.explained:
            column.addWidget(plain_label("caption", table.explained))
        column.addLayout(self._grid)
        column.addWidget(self.more)
        for number, cell in enumerate(table.header):
            self._grid.addWidget(plain_label("caption", cell), 0, number)
        self._show(table.rows[:MOST_ROWS], 1)

    def _show(self, rows: Sequence[tuple[str, ...]], first: int) -> None:
        for number, row in enumerate(rows, start=first):
            for place, cell in enumerate(row):
                self._grid.addWidget(plain_label("", cell), number, place)

    def _show_rest(self) -> None:
        show_some({self.more: False})
        self._show(self._table.rows[MOST_ROWS:], MOST_ROWS + 1)


def _outcome(part: Part) -> str:
    """“▲ 3 better, ▼ 1 worse”, or how much was measured."""
    found = [one.word for row in part.rows for one in row.differences if one.word]
    told = [f"{OUTCOMES[word][0]} {found.count(word)} {word}" for word in ("better", "worse") if word in found]
    if any(state == "failed" for _, state, _ in part.missing):
        told.append("something failed")
    if told or not part.rows:
        return ", ".join(told)
    return "no difference beyond chance" if found else f"{len(part.rows)} measured"
