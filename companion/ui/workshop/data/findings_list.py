"""What was found in dialogues: a line for each kind, which opens to its cases, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from companion.core.dataset_findings import Case, Finding
from companion.ui.cards import plain_label
from companion.ui.fold import Fold
from companion.ui.theme import Theme
from companion.ui.workshop.data.marked_difference import marked_difference, struck_out

AT_ONCE: Final = 8
"""Cases that are shown before the person asks for the rest."""
_TELLS_WHY: Final = "near-copies"
"""Cases of this step have what they are like where others have what becomes of them."""


class FindingsList(QWidget):
    """What is changed comes first; what is only told comes below."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._findings: tuple[Finding, ...] = ()
        self.folds: dict[str, Fold] = {}
        """By step."""
        self._rows = QWidget()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self._rows)
        theme.changed.connect(lambda: self.show_findings(self._findings))

    def show_findings(self, findings: Sequence[Finding], *, opened: bool = False) -> None:
        self._findings = tuple(findings)
        before = {step for step, fold in self.folds.items() if fold.is_open}
        rows = QWidget()
        column = QVBoxLayout(rows)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self.folds = {}
        changing = [each for each in findings if each.changes]
        told = [each for each in findings if not each.changes]
        for finding in (*changing, *told):
            if told and finding is told[0]:
                column.addWidget(plain_label("muted", "Good to know; a cleaning leaves it as it is:"))
            fold = Fold(self._theme, finding.sentence.removesuffix("."))
            fold.button.setEnabled(bool(finding.cases))
            fold.toggled.connect(partial(self._fill, fold, finding))
            self.folds[finding.step] = fold
            column.addWidget(fold)
            fold.set_open(bool(finding.cases) and (opened or finding.step in before))
        self._column.replaceWidget(self._rows, rows)
        self._rows.hide()
        self._rows.deleteLater()
        self._rows = rows
        self.setVisible(bool(findings))

    def _fill(self, fold: Fold, finding: Finding, is_open: bool) -> None:
        """Made when it is opened for the first time."""
        if is_open and fold.findChild(_Cases) is None:
            fold.set_content(_Cases(self._theme, finding))


class _Cases(QWidget):
    def __init__(self, theme: Theme, finding: Finding) -> None:
        super().__init__()
        self._theme, self._finding = theme, finding
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(20, 0, 0, 8)
        self._column.setSpacing(12)
        self._add(finding.cases[:AT_ONCE])
        rest = finding.cases[AT_ONCE:]
        if rest:
            self.more = QPushButton(f"Show {len(rest)} more")
            self.more.setProperty("role", "quiet")
            self.more.clicked.connect(partial(self._add_rest, rest))
            self._column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        else:
            self._tell_hidden()

    def _add_rest(self, rest: Sequence[Case], _checked: bool = False) -> None:
        self._column.removeWidget(self.more)
        self.more.hide()
        self.more.deleteLater()
        self._add(rest)
        self._tell_hidden()

    def _tell_hidden(self) -> None:
        if (hidden := self._finding.count - len(self._finding.cases)) > 0 and len(self._finding.cases) > 1:
            self._column.addWidget(plain_label("caption", f"… and {hidden:,} more like these."))

    def _add(self, cases: Sequence[Case]) -> None:
        for case in cases:
            row = QVBoxLayout()
            row.setSpacing(2)
            row.addWidget(plain_label("caption", case.place))
            for label in self._told(case):
                row.addWidget(label)
            self._column.addLayout(row)

    def _told(self, case: Case) -> list[QLabel]:
        palette = self._theme.palette
        if not self._finding.changes:
            return [plain_label("", case.before)]
        if self._finding.step == _TELLS_WHY:
            return [_rich(struck_out(case.before, palette), f"Goes: {case.before}"), plain_label("caption", case.after)]
        if not case.after:
            return [_rich(struck_out(case.before, palette), f"Goes: {case.before}")]
        old, new = marked_difference(case.before, case.after, palette)
        return [_rich(old, f"Before: {case.before}"), _rich(f"→ {new}", f"After: {case.after}")]


def _rich(html: str, spoken: str) -> QLabel:
    label = plain_label()
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setText(html)
    label.setAccessibleName(spoken)
    return label
