"""Asking for an evaluation: what is measured, how much, on which dialogues, and whether it is to decide something."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from companion.app.evaluation_orders import Wish
from companion.core.amounts import times_text
from companion.core.library.candidates import Candidate
from companion.core.library.report_list import FoundReport, seconds_needed
from companion.core.recipes.evaluate import Evaluate
from companion.core.suites import suites
from companion.ui.cards import card, plain_label
from companion.ui.explained import Explained
from companion.ui.fold import Fold
from companion.ui.keyboard import has_keyboard, pass_on
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.evaluate.labels import foot
from companion.ui.workshop.evaluate.subject_choice import SubjectChoice
from companion.ui.workshop.evaluate.suite_choice import SuiteChoice
from companion.ui.workshop.recipe.known_choices import editors_of

WIDEST = 720
DECIDE = "Decide whether the adapter is adopted"
DECIDES = (
    "The gate: it must be better at your dialogues, and surely not worse at anything else. "
    "It is measured on dialogues that its training held back, or on those you add."
)
BUILT_IN = "Built-in ones, unless you add yours."
HELD_BACK = "Those that the adapter’s training held back, unless you add yours."
NOTHING_HELD_BACK = "An adapter that came along holds no dialogues back here: add some of yours."


class MeasureForm(QWidget):
    """Shows what it is given; `wished` is what the person wants."""

    wished = Signal(object)
    """A Wish."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._reports: Sequence[FoundReport] = ()
        self._is_checking = self._had_keyboard = False
        self.subjects, self.suite = SubjectChoice(desk.theme), SuiteChoice()
        self.data = editors_of(Evaluate(), desk)["data_files"]
        self.data_fold = Fold(desk.theme, "Dialogues", BUILT_IN)
        self.gate = QCheckBox(DECIDE)
        self.start_button = QPushButton("Start")
        self.problem = plain_label("problem")
        self._build()
        self.subjects.edited.connect(self._changed)
        self.suite.edited.connect(self._changed)
        self.data.edited.connect(self._changed)
        self.gate.clicked.connect(self._changed)
        self.start_button.clicked.connect(self.start)
        desk.jobs.changed.connect(self._show_start)
        self._changed()

    def show_candidates(self, found: Sequence[Candidate]) -> None:
        self.subjects.show_candidates(found)
        self._changed()

    def show_reports(self, reports: Sequence[FoundReport]) -> None:
        """How long it took before says how long it will take."""
        self._reports = reports
        self._changed()

    def show_problem(self, *sentences: str) -> None:
        text = " ".join(filter(None, sentences))
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def show_checking(self, is_checking: bool) -> None:
        """Files are looked through before a job begins."""
        self._is_checking = is_checking
        if is_checking:
            self._had_keyboard = has_keyboard(self.start_button)
            pass_on(self.start_button)
        self._show_start()
        if not is_checking and self._had_keyboard:
            self._had_keyboard = False
            self.start_button.setFocus()

    def ask_for_dialogues(self, *sentences: str) -> None:
        """Why there are none to measure on; the keyboard goes where they are added."""
        self.show_problem(*sentences)
        self.data_fold.set_open(True)
        self.data.setFocus()
        QTimer.singleShot(0, self, lambda: self._scrolled.ensureWidgetVisible(self.data))  # it has no place before that

    def decide(self, *files: tuple[str, ...]) -> None:
        """Ask the gate about the second of these two."""
        self.subjects.choose(*files)
        self.gate.setChecked(self.gate.isEnabled())
        self.suite.choose("standard")
        self._changed()

    def start(self) -> None:
        partner = self._desk.conversations.partner
        self.wished.emit(
            Wish(
                suite=self.suite.suite,
                subjects=tuple(each.files for each in self.subjects.chosen()),
                data=self.data.value(),
                character=partner.identifier or partner.name,
                gate=self.decides,
            )
        )

    @property
    def decides(self) -> bool:
        """Whether the gate is asked for, and can be."""
        return self.gate.isEnabled() and self.gate.isChecked()

    def _changed(self) -> None:
        chosen = self.subjects.chosen()
        can_decide = len(chosen) == 2 and chosen[1].adapter is not None
        self.gate.setEnabled(can_decide)
        self.gate.setToolTip("" if can_decide else "Tick two: the old one, and the new adapter behind it.")
        sizes = [each.model.bytes for each in chosen]
        needed = {name: seconds_needed(self._reports, name, sizes, gate=self.decides) for name in suites()}
        self.suite.show_times(needed, _more(len(chosen), decides=self.decides))
        count = len(self.data.value())
        self.data_fold.set_note(f"{count} added" if count else "")
        came_along = self.decides and chosen[1].adapter is not None and chosen[1].adapter.place == "shipped"
        self.data_fold.say((NOTHING_HELD_BACK if came_along else HELD_BACK) if self.decides else BUILT_IN)
        self._show_start()
        self.show_problem("" if chosen or not self.subjects.boxes else "Tick at least one to be measured.")

    def _show_start(self) -> None:
        computing = self._desk.jobs.in_the_way
        words_now = "Start" if computing is None else "Start after that one"
        self.start_button.setText("Checking the files…" if self._is_checking else words_now)
        self.start_button.setToolTip(f"It begins when “{computing.title}” is done." if computing else "")
        self.start_button.setEnabled(not self._is_checking and bool(self.subjects.chosen()))

    def _build(self) -> None:
        self.data_fold.set_content(self.data)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(12)
        column.addWidget(plain_label("title", "New evaluation"))
        column.addWidget(plain_label("muted", "How good is she, and did teaching help? Numbers say it, and how sure they are."))
        column.addWidget(card("What is measured", self.subjects))
        column.addWidget(card("How much", self.suite))
        column.addWidget(card("", Explained(self.gate, DECIDES)))
        column.addWidget(self.data_fold)
        column.addStretch(1)
        self.foot = foot(self.problem, self.start_button)
        """What stands below the form and is not to be covered."""
        self._scrolled = scroll_page(column, WIDEST, centred=False)
        fill_page(self, self._scrolled, self.foot)


def _more(subjects: int, *, decides: bool) -> str:
    """Why it takes longer than what is said of a suite."""
    if subjects < 2:
        return ""
    told = f"That is for one: {'both' if subjects == 2 else subjects} take {times_text(subjects)} as long"
    return f"{told}, and whether something is forgotten is measured, too." if decides else f"{told}."
