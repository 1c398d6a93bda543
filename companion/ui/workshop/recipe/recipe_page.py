"""A page that asks for a piece of work: a recipe as a form, what it would cost here, and Start.

Every page that begins a job is one of these, with the kinds of recipe it offers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.app.away import Away
from companion.app.cost_estimate import CostEstimate
from companion.app.job_orders import prepared
from companion.core.amounts import bytes_text, counted, duration_text
from companion.core.errors import CompanionError, RecipeError
from companion.core.fields import Field
from companion.core.job import CrossValidation, JobOrder
from companion.core.job_history import JobHistory
from companion.core.recipes.files import Recipe, read_any_recipe, write_recipe
from companion.ui.flow_layout import FlowLayout
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.settings.editors import ChoiceEditor, Editor
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.foot import FoldingFoot
from companion.ui.workshop.recipe.known_choices import editors_of
from companion.ui.workshop.recipe.recipe_form import RecipeForm

WIDEST = 720
RATES = "Raises the learning rate step by step for a minute or two, draws the loss, and says which rate suits. Nothing is kept."
CROSS_VALIDATE = (
    "Teaches her five times, each time without another fifth of the dialogues, and measures on that fifth whether the recipe "
    "helps: it takes about five times as long, and only a report is kept."
)
TONIGHT = "It waits for the night, until the computer is plugged in and nobody uses it. The window must stay open."
NOT_MEASURED = "What it takes is measured on this computer, in less than a minute."


class RecipeKind(NamedTuple):
    """One kind of work that a page offers."""

    words: str
    """What it is called in the choice between kinds."""
    default: Recipe
    presets: Mapping[str, Recipe]
    first: tuple[str, ...]
    """Fields of the recipe that stand on top."""
    can_estimate: bool = True
    """Whether a dry run says what it costs."""
    can_find_rate: bool = False
    """Whether learning rates can be tried for it."""
    can_cross_validate: bool = False
    """Whether it can be measured on dialogues that it did not learn from."""
    own: tuple[str, ...] = ()
    """Tables that no preset changes."""


class RecipePage(QWidget):
    """`form` is that of the kind that is chosen."""

    def __init__(self, desk: Desk, title: str, sentence: str, kinds: Sequence[RecipeKind], *, within: int = 0) -> None:
        """`within` is the wider column of which it keeps to the left, if there is one."""
        super().__init__()
        self._desk, self._within = desk, within
        self._kinds: dict[str, RecipeKind] = {kind.default.kind: kind for kind in kinds}
        self.kind: str = kinds[0].default.kind
        self.forms: dict[str, RecipeForm] = {}
        self._forms = QVBoxLayout()
        self.choice = ChoiceEditor(_KIND)
        self.choice.offer({name: kind.words for name, kind in self._kinds.items()})
        self.choice.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.open_button, self.save_button = QPushButton("Open a recipe…"), QPushButton("Save as recipe…")
        self.rate_button, self.validate_button = QPushButton("Try learning rates"), QPushButton("Cross-validate")
        self.cost_button, self.start_button = QPushButton("What will it cost?"), QPushButton("Start")
        self.tonight_button = QPushButton("Start tonight")
        self.cost, self.problem = QLabel(NOT_MEASURED), QLabel()
        self._is_measured = False
        self.estimate = CostEstimate(desk.jobs.measuring, self)
        self._away = Away(desk.engine, self._stop_measuring, self)
        self._build(title, sentence)
        self._connect()
        self.choose_kind(self.kind)

    @property
    def form(self) -> RecipeForm:
        return self.forms[self.kind]

    def choose_kind(self, kind: str) -> None:
        self.kind = kind
        if kind not in self.forms:
            form = self._make(self._kinds[kind])
            self.forms[kind] = form
            self._forms.addWidget(form)
        for name, form in self.forms.items():
            form.setVisible(name == kind)
        self.choice.set_value(kind)
        self.rate_button.setVisible(self._kinds[kind].can_find_rate)
        self.validate_button.setVisible(self._kinds[kind].can_cross_validate)
        self.cost_button.setVisible(self._kinds[kind].can_estimate)
        self._changed()

    def ready(self) -> tuple[Recipe, JobOrder]:
        """The recipe with what it leaves open, and its order. Raises CompanionError."""
        model = self._desk.engine.model
        return prepared(self.form.recipe(), model.path if model is not None else self._desk.preferences.settings.model)

    def start(self, *, tonight: bool = False) -> None:
        """Begin a job, or put it off until tonight, and lead there; what cannot be carried out is said instead."""
        self._start(None, tonight=tonight)

    def find_rate(self) -> None:
        """Only try learning rates, in a job that says which suits (Smith 2017)."""
        self._start(JobOrder(find_rate=True))

    def cross_validate(self) -> None:
        """Only find out whether the recipe helps with dialogues that it did not learn from."""
        self._start(JobOrder(cross_validation=CrossValidation()))

    def measure(self) -> None:
        """Find out what it would cost, or stop finding out."""
        if self.estimate.is_running:
            self._stop_measuring()
            return
        try:
            recipe, _ = self.ready()
        except CompanionError as error:
            self._say(error.what, error.remedy)
            return
        self._say("")
        self.estimate.begin(recipe)
        if self.estimate.is_running:
            self._show_cost("Looking into it")

    def open_recipe(self, path: Path) -> None:
        """Take the recipe of a file, of any kind that the page offers."""
        with self._desk.notices.telling(CompanionError):
            recipe = read_any_recipe(path, self._kinds[self.kind].default)
            if recipe.kind not in self._kinds:
                raise RecipeError(
                    f"“{path.name}” is a recipe for something else ({recipe.kind}).", "Open it on the page for that."
                )
            self.choose_kind(recipe.kind)
            self.form.load(recipe)
            self._changed()

    def save_recipe(self, path: Path) -> None:
        """Write the recipe as a file that the command line takes, too."""
        try:
            write_recipe(path, self.form.recipe())
        except CompanionError as error:
            self._say(error.what, error.remedy)
        except OSError as error:
            what = f"“{path.name}” could not be saved ({error.strerror})."
            self._desk.notices.error(what, "Choose another folder, or make room there.")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._away.come_back()
        self._desk.jobs.begin()
        self._follow_jobs()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._away.leave()

    def closeEvent(self, event: QCloseEvent) -> None:
        """The program ends, and what is measured with it."""
        super().closeEvent(event)
        self._stop_measuring()

    # Inside

    def _stop_measuring(self) -> None:
        if self.estimate.is_running:
            self.estimate.stop()
            self._show_unmeasured()

    def _start(self, instead: JobOrder | None, *, tonight: bool = False) -> None:
        """`instead` is asked of the job in place of its result."""
        try:
            recipe, order = self.ready()
            order = instead or order
        except CompanionError as error:
            self._say(error.what, error.remedy)
            return
        self.estimate.stop()
        self._show_unmeasured()
        if job := self._desk.jobs.start(recipe, order, tonight=tonight):
            self._desk.show_job(job)

    def _make(self, kind: RecipeKind) -> RecipeForm:
        editors: dict[str, Editor] = editors_of(kind.default, self._desk)
        form = RecipeForm(kind.default, self._desk.theme, first=kind.first, presets=kind.presets, editors=editors, own=kind.own)
        if "character" in kind.first:
            partner = self._desk.conversations.partner
            form.set_value("character", partner.identifier or partner.name)
        form.edited.connect(self._changed)
        return form

    def _changed(self) -> None:
        """Whatever was measured or said is of another recipe."""
        self.estimate.stop()
        self._show_unmeasured()
        self._say(self.form.problem())

    def _say(self, *sentences: str) -> None:
        text = " ".join(filter(None, sentences))
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        self.foot.fold()

    def _show_cost(self, text: str) -> None:
        self.cost.setText(text if text.endswith(".") or not text else f"{text} …")
        self._place_cost()
        self.cost_button.setText("Stop measuring" if self.estimate.is_running else "What will it cost?")

    def _place_cost(self) -> None:
        """Where there is little room, that nothing was measured is left to the button."""
        is_worth_it = not self.foot.is_folded or self.cost.text() != NOT_MEASURED
        self.cost.setVisible(self._kinds[self.kind].can_estimate and is_worth_it)

    def _show_unmeasured(self) -> None:
        """It can be measured, or why it cannot be now."""
        self._is_measured = False
        computing = self._desk.jobs.in_the_way
        self._show_cost(computing.keeps_from_measuring if computing is not None else NOT_MEASURED)

    def _estimated(self, history: JobHistory) -> None:
        plan, data = history.plan, history.data
        if plan is None or data is None:
            return
        self._is_measured = True
        learned = f"{counted(data.dialogues, 'dialogue')}, {data.held_out:,} of them held out"
        takes = f"About {duration_text(plan.seconds)} and {bytes_text(plan.memory_bytes)} of memory"
        self._show_cost(f"{takes}: {counted(plan.steps, 'step')} over {learned}, at {plan.tokens_per_second:,.0f} tok/s.")
        self.cost.setToolTip("\n".join((*plan.sentences, *data.left_out)))

    def _follow_jobs(self) -> None:
        """While a job computes, whatever is measured would be too slow."""
        computing = self._desk.jobs.in_the_way
        self.cost_button.setEnabled(computing is None)
        self.cost_button.setToolTip(computing.keeps_from_measuring if computing is not None else NOT_MEASURED)
        if not self._is_measured and not self.estimate.is_running:
            self._show_unmeasured()
        self.start_button.setText("Start" if computing is None else "Start after that one")
        self.start_button.setToolTip(f"It begins when “{computing.title}” is done." if computing else "")
        self.foot.fold()

    def _connect(self) -> None:
        self.choice.edited.connect(lambda: self.choose_kind(self.choice.value()))
        self.start_button.clicked.connect(self.start)
        self.tonight_button.clicked.connect(lambda: self.start(tonight=True))
        self.rate_button.clicked.connect(self.find_rate)
        self.validate_button.clicked.connect(self.cross_validate)
        self.cost_button.clicked.connect(self.measure)
        self.open_button.clicked.connect(self._ask_for_recipe)
        self.save_button.clicked.connect(self._ask_where_to_save)
        self.estimate.progressed.connect(self._show_cost)
        self.estimate.estimated.connect(self._estimated)
        self.estimate.failed.connect(self._estimate_failed)
        self._desk.jobs.changed.connect(self._follow_jobs)
        self.foot.folded.connect(self._place_cost)

    def _estimate_failed(self, what: str, remedy: str) -> None:
        self._show_unmeasured()
        self._say(what, remedy)

    def _ask_for_recipe(self) -> None:
        from companion.ui.file_dialogs import ask_for_recipe

        if (path := ask_for_recipe(self)) is not None:
            self.open_recipe(path)

    def _ask_where_to_save(self) -> None:
        from companion.ui.file_dialogs import ask_where_to_save_recipe

        if (path := ask_where_to_save_recipe(self, self.form.recipe().name or self.kind)) is not None:
            self.save_recipe(path)

    def _build(self, title: str, sentence: str) -> None:
        heading, words = QLabel(title), QLabel(sentence)
        heading.setProperty("role", "title")
        words.setProperty("role", "muted")
        words.setWordWrap(True)
        self.choice.setVisible(len(self._kinds) > 1)
        self._forms.setContentsMargins(0, 8, 0, 0)
        files = FlowLayout()
        self.rate_button.setToolTip(RATES)
        self.validate_button.setToolTip(CROSS_VALIDATE)
        for button in (self.rate_button, self.validate_button, self.open_button, self.save_button):
            button.setProperty("role", "quiet")
            files.addWidget(button)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(12)
        for widget in (heading, words):
            column.addWidget(widget)
        column.addWidget(self.choice, 0, Qt.AlignmentFlag.AlignLeft)
        column.addLayout(self._forms)
        column.addLayout(files)
        column.addStretch(1)
        self.foot = self._made_foot()
        """What stands below the form and is not to be covered."""
        fill_page(self, scroll_page(column, WIDEST, within=self._within), self.foot)

    def _made_foot(self) -> FoldingFoot:
        self.start_button.setProperty("role", "primary")
        self.tonight_button.setToolTip(TONIGHT)
        for label, role in ((self.cost, "muted"), (self.problem, "problem")):
            label.setProperty("role", role)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self.problem)
        words.addWidget(self.cost)
        return FoldingFoot(
            self._desk.theme,
            words,
            (self.cost_button, self.tonight_button, self.start_button),
            WIDEST,
            self._within,
            self.problem,
        )


_KIND = Field(
    name="kind",
    title="What is made",
    sentence="",
    kind=str,
    optional=False,
    default="",
    minimum=None,
    maximum=None,
    choices=(),
)
