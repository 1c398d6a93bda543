"""What came of it: before and after in words, the check and its verdict, and what to do with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from companion.app.job_entry import JobEntry, JobPhase
from companion.app.taught import Lesson, Taught
from companion.core.job_history import JobHistory
from companion.core.teaching.outcome import KEEP, outcome_of
from companion.ui.cards import plain_label, say
from companion.ui.flow_layout import FlowLayout
from companion.ui.keyboard import pass_on
from companion.ui.workshop.evaluate.labels import OUTCOMES

NOT_CHECKED = "It is not checked yet. You can adopt it all the same, and roll back with one press."
ADOPTED_UNCHECKED = "It is not checked yet: talk with her and see, or check it. One press rolls back."
TOO_FEW = "Nothing was held back to check it with. Compare it in the chat; you can roll back with one press."
ROLL_BACK = "When you adopt it, you can roll back with one press."


WORDS = OUTCOMES | {"the same": OUTCOMES["within chance"]}
"""Shape and role by what the number is."""


class OutcomeCard(QFrame):
    """Emits what the person wants: "adopt", "check", "report", "compare", "again" or "else"."""

    wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.number = QLabel()
        self.number.setProperty("role", "number")
        self.word = QLabel()
        """Whether that is good: a shape, a word and a colour."""
        self.means, self.details = plain_label("heading"), plain_label("muted")
        self.decision, self.verdict, self.state = plain_label("heading"), plain_label(), plain_label("muted")
        """What the check says to do, and why; what stands there without one."""
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("How much of the check is done")
        self.buttons = {
            name: QPushButton(text)
            for name, text in (
                ("adopt", "Adopt"),
                ("check", "Check it"),
                ("report", "Read the report"),
                ("compare", "Compare blind"),
                ("again", "Teach on from this"),
                ("else", "Teach without this"),
            )
        }
        self.buttons["check"].setToolTip("Measures her with and without it, and says whether to adopt it")
        self.buttons["compare"].setToolTip("You see two replies and do not know whose they are")
        self.buttons["again"].setToolTip("The next lesson begins with what she learned here")
        self.buttons["else"].setToolTip("The next lesson begins with how she was before; this one stays in the library")
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
        self.word.setContentsMargins(0, 0, 0, 5)  # on the line of the number
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self.number)
        top.addWidget(self.word, 0, Qt.AlignmentFlag.AlignBottom)
        top.addStretch(1)
        column.addLayout(top)
        for widget in (self.means, self.details, self.decision, self.verdict, self.state, self.bar, actions):
            column.addWidget(widget)

    def show_lesson(self, lesson: Lesson, history: JobHistory, taught: Taught, *, may_compare: bool) -> None:
        """Hidden until there is something to adopt."""
        self.setVisible(lesson.adapter is not None and not lesson.is_under_way)
        if lesson.adapter is None:
            return
        found = outcome_of(lesson.recipe, history)
        say(self.number, found.number)
        self._show_word(found.word)
        say(self.means, found.means)
        say(self.details, found.details)
        check, is_adopted, may_check = taught.check_of(lesson), taught.is_adopted(lesson), taught.may_check(lesson)
        uncheckable = TOO_FEW if found.number else ROLL_BACK  # without a number it stands above why there is none
        not_checked = (ADOPTED_UNCHECKED if is_adopted else NOT_CHECKED) if may_check else "" if is_adopted else uncheckable
        self._show_check(check, not_checked)
        is_checked = check is not None and check.phase is JobPhase.DONE
        says_keep = check.what.startswith(KEEP) if check is not None and is_checked else found.is_better is False
        if is_adopted:
            pass_on(self.buttons["adopt"])
        self.buttons["adopt"].setDisabled(is_adopted)  # it stays: a second click must not meet another one in its place
        self.buttons["adopt"].setText("Adopted" if is_adopted else "Adopt anyway" if says_keep else "Adopt")
        self.buttons["check"].setVisible(may_check)
        again = "Check it" if check is None else "Check it again"
        self.buttons["check"].setText("Stop checking" if taught.is_checking(lesson) else again)
        self.buttons["report"].setVisible(is_checked)
        self.buttons["compare"].setVisible(may_compare)
        self.buttons["else"].setVisible(not is_adopted)  # how she is now is with it
        unproven = may_check and check is None
        self._set_primary(("check" if unproven else "again") if is_adopted else "else" if says_keep else "adopt")

    def _show_check(self, check: JobEntry | None, unchecked: str) -> None:
        """`unchecked` is said while there is no check."""
        is_checking = check is not None and check.is_computing
        verdict = state = ""
        if check is None:
            state = unchecked
        elif is_checking:
            state = f"Checking: {check.stage[:1].lower()}{check.stage[1:]} …"
        elif check.phase is JobPhase.WAITING:
            state = "It is checked when nothing else computes."
        elif check.phase is JobPhase.DONE:
            verdict = check.what
        else:
            state = f"The check is {check.state_words}. {check.what}"
        decision, colon, why = verdict.partition(": ")
        say(self.decision, f"The check says: {decision[:1].lower()}{decision[1:]}." if colon else "")
        say(self.verdict, f"{why[:1].upper()}{why[1:]}" if colon else verdict)
        say(self.state, state)
        self.bar.setVisible(is_checking)
        self.bar.setValue(round(1000 * check.fraction) if check is not None else 0)

    def _show_word(self, word: str) -> None:
        shape, role = WORDS.get(word, ("", ""))
        say(self.word, f"{shape} {word}" if shape else "")
        self.word.setProperty("role", role)
        self.word.style().polish(self.word)

    def _set_primary(self, name: str) -> None:
        for known, button in self.buttons.items():
            role = "primary" if known == name else ""
            if button.property("role") != role:
                button.setProperty("role", role)
                button.style().polish(button)
