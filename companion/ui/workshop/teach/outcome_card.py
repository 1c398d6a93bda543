"""What came of it: before and after in words, the check and its verdict, and what to do with it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from companion.app.job_entry import JobEntry, JobPhase
from companion.app.taught import Lesson, Taught
from companion.core.job_history import JobHistory
from companion.core.teaching.outcome import KEEP, outcome_of
from companion.ui.cards import plain_label, say
from companion.ui.flow_layout import FlowLayout
from companion.ui.keyboard import pass_on

NOT_CHECKED = "It is not checked yet. You can adopt it all the same, and roll back with one press."
TOO_FEW = "Nothing was held back to check it with. Compare it in the chat; you can roll back with one press."


class OutcomeCard(QFrame):
    """Emits what the person wants: "adopt", "check", "compare", "again" or "else"."""

    wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.number = QLabel()
        self.number.setProperty("role", "number")
        self.means, self.details = plain_label("heading"), plain_label("muted")
        self.verdict, self.state = plain_label(), plain_label("muted")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("How much of the check is done")
        self.buttons = {
            name: QPushButton(text)
            for name, text in (
                ("adopt", "Adopt"),
                ("check", "Check it"),
                ("compare", "Compare blind"),
                ("again", "Teach again"),
                ("else", "Teach something else"),
            )
        }
        self.buttons["check"].setToolTip("Measures her with and without it, and says whether to adopt it")
        self.buttons["compare"].setToolTip("You see two replies and do not know whose they are")
        self.buttons["again"].setToolTip("Goes on from what she learned here")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 18)
        column.setSpacing(8)
        actions = QWidget()
        flow = FlowLayout()
        flow.setContentsMargins(0, 4, 0, 0)
        actions.setLayout(flow)
        for name, button in self.buttons.items():
            button.clicked.connect(lambda _checked=False, name=name: self.wanted.emit(name))
            flow.addWidget(button)
        for widget in (self.number, self.means, self.details, self.verdict, self.state, self.bar, actions):
            column.addWidget(widget)

    def show_lesson(self, lesson: Lesson, history: JobHistory, taught: Taught, *, may_compare: bool) -> None:
        """Hidden until there is something to adopt."""
        self.setVisible(lesson.adapter is not None and not lesson.is_under_way)
        if lesson.adapter is None:
            return
        found = outcome_of(lesson.recipe, history)
        say(self.number, found.number)
        say(self.means, found.means)
        say(self.details, found.details)
        check, is_adopted, may_check = taught.check_of(lesson), taught.is_adopted(lesson), taught.may_check(lesson)
        self._show_check(check, is_adopted=is_adopted, may_check=may_check)
        is_checked = check is not None and check.phase is JobPhase.DONE
        says_keep = check.what.startswith(KEEP) if check is not None and is_checked else found.is_better is False
        if is_adopted:
            pass_on(self.buttons["adopt"])
        self.buttons["adopt"].setDisabled(is_adopted)  # it stays: a second click must not meet another one in its place
        self.buttons["adopt"].setText("Adopted" if is_adopted else "Adopt anyway" if says_keep else "Adopt")
        self.buttons["check"].setVisible(may_check)
        again = "Check it" if check is None else "Check it again"
        self.buttons["check"].setText("Stop checking" if taught.is_checking(lesson) else again)
        self.buttons["compare"].setVisible(may_compare)
        self._set_primary("again" if is_adopted else "else" if says_keep else "adopt")

    def _show_check(self, check: JobEntry | None, *, is_adopted: bool, may_check: bool) -> None:
        is_checking = check is not None and check.is_computing
        verdict = state = ""
        if check is None:
            state = "" if is_adopted else NOT_CHECKED if may_check else TOO_FEW
        elif is_checking:
            state = f"Checking: {check.stage[:1].lower()}{check.stage[1:]} …"
        elif check.phase is JobPhase.WAITING:
            state = "It is checked when nothing else computes."
        elif check.phase is JobPhase.DONE:
            verdict = check.what
        else:
            state = f"The check is {check.phase.value}. {check.what}"
        say(self.verdict, verdict)
        say(self.state, state)
        self.bar.setVisible(is_checking)
        self.bar.setValue(round(1000 * check.fraction) if check is not None else 0)

    def _set_primary(self, name: str) -> None:
        for known, button in self.buttons.items():
            role = "primary" if known == name else ""
            if button.property("role") != role:
                button.setProperty("role", role)
                button.style().polish(button)
