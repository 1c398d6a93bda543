"""A report in the window: the verdict, what counts, then family by family."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QPushButton, QVBoxLayout

from companion.core.figures import seconds_text
from companion.core.library.item import Item
from companion.core.library.report_list import FoundReport
from companion.core.report import Report
from companion.core.report_parts import LaidOut, first_sentence, level_of
from companion.ui.cards import card, empty, plain_label
from companion.ui.flow_layout import FlowLayout
from companion.ui.fold import Fold
from companion.ui.theme import Theme
from companion.ui.workshop.evaluate.gate_card import GateCard
from companion.ui.workshop.evaluate.metric_table import MetricTable
from companion.ui.workshop.evaluate.paged_view import PagedView
from companion.ui.workshop.evaluate.report_part import ReportPart
from companion.ui.workshop.jobs.words import when

WIDEST = 900


class ReportView(PagedView):
    """Shows what it is given and asks for everything else."""

    page_requested = Signal(str)
    export_requested = Signal(object)
    """The FoundReport."""
    compare_requested = Signal(object, object)
    """Two FoundReports, this one first."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._found: FoundReport | None = None
        self.report: Report | None = None
        self.verdict, self.limits, self.about = plain_label("title"), plain_label("muted"), plain_label("caption")
        self.gate = GateCard()
        self.page_button, self.export_button = QPushButton("Open the full page"), QPushButton("Save as JSON…")
        self.compare_button = QPushButton("Compare with…")
        self.menu = QMenu(self.compare_button)
        self.head_table: MetricTable | None = None
        self.parts: list[ReportPart] = []
        self._content = QVBoxLayout()
        self._build()
        self.page_button.clicked.connect(lambda: self.page_requested.emit(self._found.page if self._found else ""))
        self.export_button.clicked.connect(lambda: self.export_requested.emit(self._found))

    def show_report(self, found: FoundReport, read: LaidOut) -> None:
        report = read.report
        self._found, self.report = found, report
        first, rest = first_sentence(report.verdict)
        self.verdict.setText(first)
        self.limits.setText(rest)
        self.limits.setVisible(bool(rest))
        lasted = f"measured in {seconds_text(report.seconds)}" if report.seconds else ""
        suite = f"suite {report.suite}" if report.suite else ""
        early = "" if report.finished else "ended early"
        self.about.setText(" · ".join(filter(None, (suite, when(found.when), lasted, early))))
        self.page_button.setVisible(bool(found.page))
        self.compare_button.setVisible(not found.is_cross_validation)
        self.gate.show_report(report)
        self._show_content(read)
        self.scroll_to_top()

    def show_adapter(self, item: Item | None, character: str, *, is_used: bool, can_decide: bool) -> None:
        """What of the library the gate decided about, or can decide about."""
        self.gate.show_item(item, character, is_used=is_used, can_decide=can_decide)

    def show_others(self, others: Sequence[FoundReport], *, is_busy: bool) -> None:
        """Reports that this one can be paired with."""
        self.menu.clear()
        for other in others:
            action = self.menu.addAction(f"{other.title}, {when(other.when)}")
            action.triggered.connect(lambda _on=False, other=other: self.compare_requested.emit(self._found, other))
        self.compare_button.setEnabled(bool(others) and not is_busy)
        self.compare_button.setText("Comparing…" if is_busy else "Compare with…")
        self.compare_button.setToolTip("" if others else "There is no other report of the same suite yet.")

    def _show_content(self, read: LaidOut) -> None:
        empty(self._content)
        report = read.report
        names = [one.subject.name for one in report.measured]
        self.head_table, self.parts = None, []
        if read.headline:
            self.head_table = MetricTable(self._theme, names, read.headline, explain=False)
            self._content.addWidget(card("What counts", plain_label("caption", _certainty(report)), self.head_table))
        for part in read.parts:
            made = ReportPart(self._theme, names, part)
            self.parts.append(made)
            self._content.addWidget(made)
        if len(self.parts) == 1:
            self.parts[0].set_open(True)
        self._content.addWidget(self._run(report))

    def _run(self, report: Report) -> Fold:
        fold = Fold(self._theme, "What was run")
        told = [
            report.command,
            *(f"{name}: {value}" for facts in (report.machine, report.versions) for name, value in facts.items()),
        ]
        files = [file for one in report.measured for file in (one.subject.model, *one.subject.adapters)]
        told += [f"{file.name}, SHA-256 {file.sha256}" for file in dict.fromkeys((*files, *report.data))]
        fold.set_content(plain_label("muted", "\n".join(filter(None, told))))
        return fold

    def _build(self) -> None:
        self.compare_button.setMenu(self.menu)
        self.gate.hide()
        buttons = FlowLayout()
        for button in (self.page_button, self.compare_button, self.export_button):
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            buttons.addWidget(button)
        self._content.setContentsMargins(0, 0, 0, 0)
        self._content.setSpacing(12)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(12)
        for label in (self.about, self.verdict, self.limits):
            column.addWidget(label)
        column.addWidget(self.gate)
        column.addLayout(buttons)
        column.addLayout(self._content)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.scrolling(column, WIDEST))


def _certainty(report: Report) -> str:
    told = f"Below each value stands where the true one lies with {100 * level_of(report):g} % certainty."
    if len(report.measured) < 2:
        return told
    return f"{told} “Better” and “worse” are said only of differences beyond chance, counting how many were looked at."
