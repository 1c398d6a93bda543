"""The second step: what was found in it, what is wrong with it, and what will be mended."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QProgressBar, QVBoxLayout, QWidget

from companion.app.teaching import Teaching
from companion.core.amounts import counted
from companion.core.dataset import Dialogue
from companion.core.dataset_findings import Finding, Inspection
from companion.ui.cards import empty, plain_label, say
from companion.ui.fold import Fold
from companion.ui.theme import Theme
from companion.ui.workshop.teach.step import Step

MOST_CASES = 5
"""Of each kind of thing that would be mended."""
LONGEST = 280
"""Characters of an example."""


class FoundStep(Step):
    cleaning_changed = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__(2, "What was found in it")
        self._found: Inspection | None = None
        self._mending: tuple[Finding, ...] = ()
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setAccessibleName("Looking through it")
        self.counts, self.judged = plain_label(), plain_label()
        self.problems = plain_label("muted")
        self.cleaning = QCheckBox("Mend this before she learns from it")
        self.cleaning.setToolTip("A cleaned copy becomes one of your datasets; what you chose stays as it is")
        self.cleaning.clicked.connect(self.cleaning_changed)
        self.cases, self.examples = Fold(theme, "What would be mended"), Fold(theme, "Examples of what she learns")
        self._cases, self._rows = _column_in(self.cases), _column_in(self.examples)
        self.cases.hide()
        for widget in (self.busy, self.counts, self.judged, self.problems, self.cleaning, self.cases, self.examples):
            self.column.addWidget(widget)

    def refresh(self, teaching: Teaching) -> None:
        found = teaching.found
        self.busy.setVisible(found is None and not teaching.problem)
        say(self.counts, _counts(found) if found is not None else "" if teaching.problem else "Looking through it …")
        say(self.judged, f"You judged: {found.preferences}" if found is not None and found.preferences else "")
        mending = teaching.mending
        others = [each for each in found.findings if each.count and not each.changes] if found is not None else []
        told = [f"• {each.sentence}" for each in (*mending, *others)]
        if teaching.phrases:
            told.append(f"• {_phrases(teaching.phrases)}")
        say(self.problems, "\n".join(told))
        self.cleaning.setVisible(bool(mending))
        self.cleaning.setChecked(teaching.cleans)
        if mending != self._mending:
            self._mending = mending
            self._show_cases()
        if found is not self._found:
            self._found = found
            self._show_examples(found.examples if found is not None else ())

    def _show_cases(self) -> None:
        empty(self._cases)
        self.cases.setVisible(bool(self._mending))
        for finding in self._mending:
            self._cases.addWidget(plain_label("muted", finding.sentence))
            for case in finding.cases[:MOST_CASES]:
                becomes = f"becomes: {case.after}" if case.after else "is left out"
                self._cases.addWidget(plain_label("caption", f"“{_short(case.before)}”\n{becomes}"))
            if (more := finding.count - MOST_CASES) > 0:
                self._cases.addWidget(plain_label("caption", f"… and {more:,} more"))

    def _show_examples(self, dialogues: tuple[Dialogue, ...]) -> None:
        empty(self._rows)
        shown = [pair for pair in map(_exchange, dialogues) if pair is not None]
        self.examples.setVisible(bool(shown))
        for asked, said in shown:
            self._rows.addWidget(plain_label("caption", f"You: {asked}" if asked else ""))
            self._rows.addWidget(plain_label("", said))


def _counts(found: Inspection) -> str:
    talks, versions = found.conversations, found.versions
    dialogues = found.dialogues - versions - talks
    what = counted(talks, "conversation") if talks else ""
    if versions:
        what += f", with {counted(versions, 'other version of a reply', 'other versions of replies')}"
    if dialogues > 0 or not talks:
        between = ", and " if versions else " and " if talks else ""
        what += f"{between}{counted(dialogues, 'dialogue')}"
    replies = counted(found.learned_replies, "reply", "replies")
    told = f"{what}: {replies} that she can learn from, {found.words:,} words in all."
    if found.kept_by_cleaning < found.dialogues:
        gone = found.dialogues - found.kept_by_cleaning
        told += f" {counted(gone, 'dialogue is', 'dialogues are')} left out when this is mended."
    return told


def _phrases(count: int) -> str:
    one, many = "1 sentence of a reply stands", f"{count:,} sentences of replies stand"
    return f"{one if count == 1 else many} in many of them. They stay: they are part of how she sounds."


def _column_in(fold: Fold) -> QVBoxLayout:
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(10)
    fold.set_content(content)
    return column


def _exchange(dialogue: Dialogue) -> tuple[str, str] | None:
    """The last reply that is learned, and what it answers."""
    turns = dialogue.messages
    at = next((at for at in reversed(range(len(turns))) if turns[at].role == "assistant" and turns[at].train), None)
    if at is None:
        return None
    asked = turns[at - 1].content if at and turns[at - 1].role == "user" else ""
    return _short(asked), _short(turns[at].content)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rstrip()}…"
