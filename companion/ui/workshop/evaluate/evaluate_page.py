"""The page on which one measures, reads what was found, compares, and chooses blindly between two."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices, QShowEvent
from PySide6.QtWidgets import QPushButton, QStackedWidget, QVBoxLayout, QWidget

from companion.app.background import Background
from companion.app.blind_test import BlindState, BlindTest, BlindWish
from companion.app.evaluation_orders import Wish, evaluation
from companion.app.evaluations import Evaluations, Found, FoundContest
from companion.app.job_entry import JobEntry
from companion.core.errors import CompanionError, DatasetError
from companion.core.job import REPORTING, JobOrder
from companion.core.library.candidates import candidates
from companion.core.library.collection import Collection
from companion.core.library.item import Item
from companion.core.library.report_list import REPORT, FoundReport
from companion.core.paths import starter_model
from companion.core.recipes.evaluate import Evaluate
from companion.core.report import Subject
from companion.core.report_parts import LaidOut
from companion.ui.card_list import CardList
from companion.ui.cards import plain_label
from companion.ui.flow_layout import FlowLayout
from companion.ui.invitation import Invitation
from companion.ui.workshop.desk import Desk, Side
from companion.ui.workshop.evaluate.blind_form import BlindForm
from companion.ui.workshop.evaluate.blind_outcome import BlindOutcome
from companion.ui.workshop.evaluate.blind_view import BlindView
from companion.ui.workshop.evaluate.measure_form import MeasureForm
from companion.ui.workshop.evaluate.report_view import ReportView
from companion.ui.workshop.evaluate.rows import rows_of
from companion.ui.workshop.list_beside import ListBeside

LIST_WIDTH = 270
BOTH_FROM = 700
"""A narrower page shows either the list or what was chosen, at the usual size of letters."""
NOTHING_YET = "What you measure and judge is listed here."


class EvaluatePage(QWidget):
    """Reads when it is shown, and whenever an evaluation or a blind test ends."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._library = desk.library()
        self._awaited = ""
        """File of a report that is shown as soon as it is listed."""
        self._judged: tuple[tuple[str, ...], ...] = ()
        """The files of both sides of the latest blind test."""
        self.evaluations = Evaluations(desk.notices, self)
        self.test = BlindTest(self)
        self._background = Background(parent=self)
        self.list = CardList(desk.theme, "Reports and blind tests", has_always_one=False)
        self.form, self.report = MeasureForm(desk), ReportView(desk.theme)
        self.blind_form, self.blind = BlindForm(desk), BlindView(desk.theme, self.test)
        self.outcome = BlindOutcome(desk.theme)
        self.waiting = Invitation()
        """Stands where a report will be."""
        self.new_button, self.blind_button = QPushButton("New evaluation"), QPushButton("Blind test")
        self.back_button = QPushButton("‹ All reports")
        self.nothing = plain_label("caption", NOTHING_YET)
        self.stack = QStackedWidget()
        self._left, self._right = QWidget(), QWidget()
        self._both = ListBeside(desk.theme, self._left, self._right, list_width=LIST_WIDTH, both_from=BOTH_FROM)
        self._build()
        self._connect()
        self.show_form()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._desk.jobs.begin()
        self.evaluations.refresh()
        self._library.refresh()

    def closeEvent(self, event: QCloseEvent) -> None:
        """The program ends: whatever runs for this page ends first."""
        super().closeEvent(event)
        self.test.close()
        self.evaluations.close()
        self._background.close()

    @property
    def foot(self) -> QWidget | None:
        """What stands below what is shown and is not to be covered."""
        shown = self.stack.currentWidget()
        return shown.foot if isinstance(shown, MeasureForm | BlindForm | BlindView) else None

    # What is shown

    def show_form(self) -> None:
        """Ask for a new evaluation."""
        self._bring(self.form, "")

    def show_blind_test(self) -> None:
        """Ask for a blind test, or go on with the one that is under way."""
        self._bring(self.blind if self.test.is_under_way else self.blind_form, "")

    def compare_blind(self, one: Side, other: Side) -> None:
        """Ask for a blind test of these two."""
        self.blind_form.want(one, other)
        self.show_blind_test()

    def show_report(self, file: str) -> None:
        """Read a report, and show it when it is there."""
        found = self._found_report(file)
        if found is None:
            return
        self._awaited = ""
        self._wait(f"Reading “{found.title}”…", file)
        self.evaluations.read(file, partial(self._show_read, found))

    def show_when_listed(self, file: str) -> None:
        """Show a report at once, or when the folders were read again."""
        self._awaited = file
        self._show_awaited()

    def _show_read(self, found: FoundReport, read: LaidOut | CompanionError) -> None:
        if self.list.key != found.file:
            return  # the person has gone on
        if isinstance(read, CompanionError):
            self.waiting.sentence.setText(str(read))
            return
        self.report.show_report(found, read)
        self._show_others()
        self._show_adapter()
        self.stack.setCurrentWidget(self.report)

    def _show_contest(self, contest: FoundContest) -> None:
        self.outcome.show_contest(contest)
        self._show_judged()
        self._bring(self.outcome, str(contest.folder))

    def _wait(self, sentence: str, key: str, action: str = "") -> None:
        self.waiting.sentence.setText(sentence)
        self.waiting.button.setText(action)
        self.waiting.button.setVisible(bool(action))
        self._bring(self.waiting, key)

    def _bring(self, page: QWidget, key: str) -> None:
        self.list.choose(key)
        self.stack.setCurrentWidget(page)
        self.new_button.setChecked(page is self.form)
        self.blind_button.setChecked(page in (self.blind_form, self.blind))
        self._both.show_chosen()

    def _show_rows(self) -> None:
        rows = rows_of(self._desk.jobs.entries, self.evaluations.found or Found())
        self.list.show_rows(rows)
        self.nothing.setVisible(not rows)

    def _show_found(self, found: Found) -> None:
        self._show_rows()
        self.form.show_reports(found.reports)
        self._show_others()
        self._show_awaited()

    def _show_others(self) -> None:
        mine = self._found_report(self.list.key)
        found = self.evaluations.found or Found()
        others = [each for each in found.reports if mine and each.file != mine.file and each.suite == mine.suite]
        others = [each for each in others if not each.is_cross_validation]
        self.report.show_others(others, is_busy=self.evaluations.is_comparing)

    def _show_collection(self, collection: Collection) -> None:
        loaded, starter = self._desk.engine.model, starter_model()
        current = loaded.path if loaded is not None else self._desk.preferences.settings.model or str(starter or "")
        found = candidates(collection, current)
        self.form.show_candidates(found)
        self.blind_form.show_candidates(found)
        self._show_adapter()
        self._show_judged()

    def _show_adapter(self) -> None:
        """The adapter that the gate decided about, as the library has it."""
        report, collection = self.report.report, self._library.collection
        if report is None or not report.measured:
            return
        hashes = {adapter.sha256 for adapter in report.measured[-1].subject.adapters}
        items = collection.items if collection is not None else ()
        item = next((each for each in items if each.kind == "adapter" and each.sha256 in hashes), None)
        known = self.form.subjects.candidates
        can_decide = all(any(each.is_subject(one.subject) for each in known) for one in report.measured)
        partner = self._desk.conversations.partner
        self.report.show_adapter(item, partner.name, is_used=self._is_used(item), can_decide=can_decide)

    def _show_judged(self) -> None:
        """The adapter that the blind test shown was about, of one model on both sides: of two the newer one, which a lesson made
        of the other."""
        known, sides = self.form.subjects.candidates, self.outcome.sides
        if self.outcome.has_just_ended:
            judged = [each for each in known if any(map(each.is_named, self._judged))]
        else:
            judged = [each for each in known if any(map(each.is_subject, sides))]
        is_one_model = len(judged) == 2 and len({each.model.key for each in judged}) == 1
        adapters = (
            [each.adapter for each in judged if each.adapter is not None] if is_one_model and self.outcome.is_counted else []
        )
        item = max(adapters, key=lambda each: each.changed, default=None)
        self.outcome.show_adapter(item, self._desk.conversations.partner.name, is_used=self._is_used(item))

    def _is_used(self, item: Item | None) -> bool:
        """By the character one talks with."""
        collection, partner = self._library.collection, self._desk.conversations.partner
        uses = collection.uses.get(item.key, ()) if collection is not None and item is not None else ()
        return any(use.character == partner.identifier for use in uses)

    def _show_test(self) -> None:
        self._desk.jobs.measuring.hold(self.test, holds=self.test.is_under_way)
        match self.test.state:
            case BlindState.TOLD if self.test.outcome is not None:
                self.outcome.show_outcome(self.test.outcome, has_asked=self.test.total > 0)
                self._show_judged()
                if self.stack.currentWidget() is self.blind:
                    self._bring(self.outcome, "")
                self.evaluations.refresh()
            case BlindState.FAILED:
                self.blind_form.show_problem(self.test.what, self.test.remedy)
                self._leave_test()
            case BlindState.IDLE:
                self._leave_test()
            case _:
                self.blind.show_test()

    def _leave_test(self) -> None:
        if self.stack.currentWidget() is self.blind:
            self._bring(self.blind_form, "")
        self.evaluations.refresh()

    # What the person wants

    def _choose(self, key: str) -> None:
        """The keyboard walks along the list, so a narrow page goes on showing it."""
        shows_list = self._both.shows_list
        if self._found_report(key) is not None:
            self.show_report(key)
        elif (contest := self._found_contest(key)) is not None:
            self._show_contest(contest)
        elif (entry := self._desk.jobs.entry(key)) is not None:
            self._wait(f"“{entry.title}” is under way; its report comes here.", key, "Look at the job")
        if shows_list:
            self._both.show_list()

    def _open_row(self, _index: QModelIndex) -> None:
        """Pressed, or Enter on it."""
        self._both.show_chosen()
        if self._desk.jobs.entry(self.list.key) is not None:
            self._desk.show_job(self.list.key)

    def _start(self, wish: Wish) -> None:
        self.form.show_problem("")
        self.form.show_checking(True)
        self._background.run(partial(_ready, wish), self._begin)

    def _begin(self, ready: tuple[Evaluate, JobOrder] | CompanionError) -> None:
        self.form.show_checking(False)
        if isinstance(ready, DatasetError):
            self.form.ask_for_dialogues(ready.what, ready.remedy)
        elif isinstance(ready, CompanionError):
            self.form.show_problem(ready.what, ready.remedy)
        elif job := self._desk.jobs.start(*ready):
            self._desk.show_job(job)

    def _start_test(self, wish: BlindWish) -> None:
        self._judged = (wish.a, wish.b)
        self.test.begin(wish)
        self._bring(self.blind, "")
        self.blind.setFocus()

    def _decide(self) -> None:
        """The form for the gate, about what the report measured."""
        report = self.report.report
        measured = report.measured if report is not None else ()
        known = self.form.subjects.candidates
        named = [next((each.files for each in known if each.is_subject(one.subject)), ()) for one in measured]
        self.show_form()
        self.form.decide(*filter(None, named))

    def _judge_more(self, sides: tuple[Subject, ...]) -> None:
        self.blind_form.choose(sides)
        if not self.outcome.has_asked and self.blind_form.own_words.isChecked():
            self.blind_form.built_in.setChecked(True)
        self.show_blind_test()

    def _adopt(self, item: Item | None) -> None:
        if item is not None:
            self._library.adoption.use_for(self._desk.conversations.partner.identifier, item)

    def _show_awaited(self) -> None:
        if self._awaited and self._found_report(self._awaited) is not None:
            file, self._awaited = self._awaited, ""
            self.show_report(file)

    def _export(self, found: FoundReport) -> None:
        from companion.ui.file_dialogs import ask_where_to_save_report

        if (path := ask_where_to_save_report(self, found.title)) is not None:
            self.save_report(found, path)

    def save_report(self, found: FoundReport, path: Path) -> None:
        """A copy of the report's JSON file."""
        try:
            shutil.copyfile(found.file, path)
        except OSError as error:
            self._desk.notices.error(f"“{path.name}” could not be saved ({error.strerror}).", "Choose another folder.")

    def _found_report(self, file: str) -> FoundReport | None:
        found = self.evaluations.found or Found()
        return next((each for each in found.reports if each.file == file), None)

    def _found_contest(self, folder: str) -> FoundContest | None:
        found = self.evaluations.found or Found()
        return next((each for each in found.contests if str(each.folder) == folder), None)

    def _job_ended(self, entry: JobEntry) -> None:
        if entry.summary.kind not in REPORTING:
            return
        if self.list.key == entry.id and self.stack.currentWidget() is self.waiting:
            self.waiting.sentence.setText(f"{entry.what} {entry.remedy}".strip())
            self.show_when_listed(str(self._desk.jobs.folder(entry.id).output / REPORT))
        self.evaluations.refresh()

    # Layout

    def _connect(self) -> None:
        self.new_button.clicked.connect(self.show_form)
        self.blind_button.clicked.connect(self.show_blind_test)
        self.back_button.clicked.connect(self._both.show_list)
        self._both.folded.connect(self.back_button.setVisible)
        self.list.chosen.connect(self._choose)
        self.list.clicked.connect(self._open_row)
        self.list.activated.connect(self._open_row)
        self.form.wished.connect(self._start)
        self.blind_form.wished.connect(self._start_test)
        self.waiting.button.clicked.connect(lambda: self._desk.show_job(self.list.key))
        self.test.changed.connect(self._show_test)
        self.evaluations.changed.connect(self._show_found)
        self.evaluations.compared.connect(self.show_when_listed)
        self.evaluations.comparing_changed.connect(self._show_others)
        self._library.changed.connect(self._show_collection)
        self._desk.jobs.changed.connect(self._show_rows)
        self._desk.jobs.ended.connect(self._job_ended)
        self.report.page_requested.connect(_open)
        self.report.export_requested.connect(self._export)
        self.report.compare_requested.connect(self.evaluations.compare)
        self.report.gate.adopt_requested.connect(self._adopt)
        self.report.gate.decision_requested.connect(self._decide)
        self.outcome.again_requested.connect(self._judge_more)
        self.outcome.folder_requested.connect(_open)
        self.outcome.adopt_requested.connect(self._adopt)

    def _build(self) -> None:
        self.waiting.button.setProperty("role", "primary")
        buttons = FlowLayout()
        for button in (self.new_button, self.blind_button):
            button.setCheckable(True)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            buttons.addWidget(button)
        left = QVBoxLayout(self._left)
        left.setContentsMargins(12, 20, 8, 8)
        left.setSpacing(8)
        left.addLayout(buttons)
        left.addWidget(self.nothing)
        left.addWidget(self.list, 1)
        for page in (self.form, self.report, self.blind_form, self.blind, self.outcome, self.waiting):
            self.stack.addWidget(page)
        self.back_button.setProperty("role", "quiet")
        right = QVBoxLayout(self._right)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.back_button, 0, Qt.AlignmentFlag.AlignLeft)
        right.addWidget(self.stack, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._both)


def _ready(wish: Wish) -> tuple[Evaluate, JobOrder] | CompanionError:
    try:
        return evaluation(wish)
    except CompanionError as error:
        return error


def _open(path: str) -> None:
    if path:
        QDesktopServices.openUrl(QUrl.fromLocalFile(path))
