"""Quantizing: what builds of the model would be like, chosen by sliders or on the chart, and made by a job."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from companion.app.build_plans import BuildPlans, Known, recipe_for
from companion.app.job_orders import prepared
from companion.core.amounts import bytes_text
from companion.core.build_plan import BuildPlan, ForeseenBuild
from companion.core.errors import CompanionError
from companion.core.recipes.quantize import Budget
from companion.ui.cards import plain_label, say
from companion.ui.charts.lines import number_text, rounded
from companion.ui.charts.scatter import ScatterChart
from companion.ui.invitation import Invitation
from companion.ui.keyboard import pass_on, show_some
from companion.ui.scroll_page import UNBOUNDED, fill_page, scroll_page
from companion.ui.theme import BODY
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.foot import Foot
from companion.ui.workshop.optimize.budget_sliders import BudgetSliders
from companion.ui.workshop.optimize.build_chart import LEGEND, Drawn, drawn, mixture
from companion.ui.workshop.optimize.sensitivity_card import SensitivityCard
from companion.ui.workshop.optimize.widths import WIDEST
from companion.ui.workshop.progress_row import ProgressRow

BESIDE_FROM = 760
"""A narrower page has the sliders above the chart; at the usual size of letters."""
SLIDERS = 280
ROOMY = 480
"""A lower page leaves out of how many matrices of which type the build is made; the chart tells it, too."""
BUSY: float = 0.6
"""A source that is foreseen at so little of the speed the engine has measured was planned beside other work."""
SENTENCE = (
    "Quantizing packs the weights with fewer bits: the model gets smaller and often faster, and its words move a little. "
    "Every matrix gets the type that it can bear."
)
INVITATION = (
    "Press “Foresee builds” to see a chart of what this model could become on this computer, how small and how fast, and a map "
    "of what each of its matrices can bear; that is measured, and nothing is built."
)
AS_IT_IS = "That is the model as it is: there is nothing to build. Ask for a smaller or a faster one."
BESIDES = "What else is set under “Every setting” does not count here."


class QuantizeView(QWidget):
    """Shows what `plans` knows of a model."""

    every_setting_requested = Signal()

    def __init__(self, desk: Desk, plans: BuildPlans) -> None:
        super().__init__()
        self._desk, self._plans = desk, plans
        self._known: Known | None = None
        self._drawn = Drawn([], [], [])
        self._wanted: dict[Path, Budget] = {}
        """Budgets that were chosen elsewhere or before, until their model is looked at."""
        self.foreseen: ForeseenBuild | None = None
        """What the sliders choose."""
        self.sliders = BudgetSliders()
        self.chart = ScatterChart(
            desk.theme, "Builds", x_word="size", y_word="divergence, nats per token", x_text=lambda x: bytes_text(x * 1e6)
        )
        self.sensitivity = SensitivityCard(desk.theme)
        self.invitation = Invitation()
        self.progress = ProgressRow()
        self.figures, self.against, self.mixture = plain_label("heading"), plain_label("muted"), plain_label("caption")
        self.busy, self.problem, self.besides = plain_label("problem"), plain_label("problem"), plain_label("caption", BESIDES)
        self.waits, self.waits_again = plain_label("muted"), plain_label("muted")
        self.again_button, self.start_button = QPushButton("Foresee again"), QPushButton("Build it")
        self.every_button = QPushButton("Every setting")
        self._content, self._card = QWidget(), QFrame()
        self._beside = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._build()
        self._connect()
        self._show_state()

    @property
    def plan(self) -> BuildPlan | None:
        return self._known.plan if self._known is not None else None

    def show_known(self, known: Known) -> None:
        """What there is of the model now."""
        is_other = self._known is None or known.model != self._known.model
        if is_other and self._known is not None:
            self._wanted[self._known.model] = self.sliders.budget()
        is_new = self.plan is None or known.plan is None or known.plan.when != self.plan.when
        self._known = known
        if is_other:
            say(self.problem)
            self.sliders.set_budget(self._wanted.pop(known.model, Budget()))
        if known.plan is not None:
            if is_other or is_new:
                self.sliders.show_plan(known.plan)
                self.sensitivity.show_plan(known.plan)
            self._drawn = drawn(known.plan, known.proven)
            self.chart.show_marks(self._drawn.marks, self._drawn.line)
            self._show_busy(known, known.plan)
            self._answer()
        self._show_state()

    def take(self, model: Path, budget: Budget, *, has_more: bool) -> None:
        """A budget that was chosen elsewhere, for a model that may be looked at only next; `has_more` when more was set there."""
        self.besides.setVisible(has_more)
        if self._known is not None and self._known.model == model:
            self.sliders.set_budget(budget)
            self._answer()
        else:
            self._wanted[model] = budget

    def foresee(self) -> None:
        """Let a process find out what builds would be like."""
        if self._known is None:
            return
        say(self.problem)
        self._plans.plan(self._known)
        if self._plans.is_planning:
            self.progress.tell("Beginning to measure", 0.0)
        self._show_state()

    def choose(self, number: int) -> None:
        """Take a mark of the chart: the sliders say what it takes."""
        self.sliders.set_budget(self._drawn.budgets[number])
        self._answer()

    def start(self) -> None:
        """Begin a job that makes the build, and lead there."""
        if self._known is None or self.foreseen is None:
            return
        try:
            recipe, order = prepared(recipe_for(self._known.model, self.sliders.budget()), "")
        except CompanionError as error:
            say(self.problem, error.what, error.remedy)
            return
        if job := self._desk.jobs.start(recipe, replace(order, plan=str(self._known.file))):
            self._desk.show_job(job)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        scale = max(self._desk.theme.font_size / BODY, 1.0)
        is_wide = self.width() >= BESIDE_FROM * scale
        self._beside.setDirection(QBoxLayout.Direction.LeftToRight if is_wide else QBoxLayout.Direction.TopToBottom)
        self.sliders.setMinimumWidth(round(SLIDERS * scale) if is_wide else 0)
        self.sliders.setMaximumWidth(round(SLIDERS * scale) if is_wide else UNBOUNDED)
        self.mixture.setVisible(self.height() >= ROOMY * scale)

    # Inside

    def _answer(self) -> None:
        """What the sliders choose, at once."""
        plan, budget = self.plan, self.sliders.budget()
        if plan is None:
            return
        found = self.foreseen = plan.best(budget)
        can_build = found is not None and not plan.is_as_it_is(found)
        if not can_build:
            pass_on(self.start_button, self.sliders.size_limit.slider)
        self.start_button.setEnabled(can_build)
        if found is None:
            self.figures.setText("No such build")
            self.against.setText(plan.refusal(budget))
            self.mixture.setText("")
            self.chart.choose(None)
            return
        self.chart.choose(plan.builds.index(found))
        self.mixture.setText(mixture(found.kinds))
        source = plan.source
        self.figures.setText(f"{bytes_text(found.bytes)} · {number_text(rounded(found.write))} tok/s")
        if not can_build:
            self.against.setText(AS_IT_IS)
            return
        size = f"{bytes_text(source.bytes)} now" if found.bytes != source.bytes else "as large as now"
        self.against.setText(
            f"Foreseen: divergence {found.divergence:.4f} nats per token; {size}. Writes {found.write / source.write:.2f} and "
            f"reads {found.read / source.read:.2f} times as fast."
        )

    def _show_busy(self, known: Known, plan: BuildPlan) -> None:
        speed = known.run.reply_speed if known.run is not None else 0.0
        is_busy = speed > 0 and plan.source.write < BUSY * speed
        speeds = (
            f"This computer was busy when these speeds were measured: the model wrote {plan.source.write:,.0f} tok/s, and has "
            f"written {speed:,.0f}. Foresee again when it is quiet."
        )
        say(self.busy, speeds if is_busy else "")

    def _show_state(self) -> None:
        """One of: nothing is known, it is being found out, here it is."""
        has_plan, is_planning = self.plan is not None, self._plans.is_planning
        computing = self._desk.jobs.in_the_way
        self.every_button.setEnabled(self._known is not None)
        if is_planning:
            self.progress.show()
        for button in (self.again_button, self.invitation.button):
            may_measure = not is_planning and computing is None
            if not may_measure:
                pass_on(button, self.progress.stop_button)
            button.setEnabled(may_measure)
        parts: dict[QWidget, bool] = {
            self._content: has_plan,
            self.foot: has_plan,
            self.invitation: self._known is not None and not has_plan and not is_planning,
            self.progress: is_planning,
        }
        show_some(parts, self.invitation.button, self.sliders.size_limit.slider)
        why = computing.keeps_from_measuring if computing is not None and not is_planning else ""
        for words, is_here in ((self.waits, not has_plan), (self.waits_again, has_plan)):
            say(words, why if is_here else "")
        self.start_button.setText("Build it" if computing is None else "Build it after that job")
        self.start_button.setToolTip(f"It begins when “{computing.title}” is done." if computing is not None else "")

    def _failed(self, what: str, remedy: str) -> None:
        say(self.problem, what, remedy)
        self._show_state()

    def _stop(self) -> None:
        self._plans.stop()
        self._show_state()

    def _connect(self) -> None:
        self._plans.failed.connect(self._failed)
        self._plans.progressed.connect(self.progress.tell)
        self.progress.stopped.connect(self._stop)
        self.invitation.button.clicked.connect(self.foresee)
        self.again_button.clicked.connect(self.foresee)
        self.sliders.changed.connect(self._answer)
        self.chart.chosen.connect(self.choose)
        self.every_button.clicked.connect(self.every_setting_requested)
        self.start_button.clicked.connect(self.start)
        self._desk.jobs.changed.connect(self._show_state)

    def _build(self) -> None:
        self.waits.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.invitation.sentence.setText(INVITATION)
        self.invitation.button.setText("Foresee builds")
        self.invitation.button.setProperty("role", "primary")
        self.start_button.setProperty("role", "primary")
        left = QVBoxLayout()
        left.setSpacing(12)
        left.addWidget(self.sliders)
        left.addStretch(1)
        left.addWidget(self.busy)
        left.addWidget(self.waits_again)
        left.addWidget(self.again_button, 0, Qt.AlignmentFlag.AlignLeft)
        right = QVBoxLayout()
        right.setSpacing(6)
        right.addWidget(self.chart, 1)
        right.addWidget(plain_label("caption", LEGEND))
        self._card.setProperty("role", "card")
        self._card.setLayout(self._beside)
        self._beside.setContentsMargins(16, 16, 16, 16)
        self._beside.setSpacing(24)
        self._beside.addLayout(left)
        self._beside.addLayout(right, 1)
        content = QVBoxLayout(self._content)
        content.setContentsMargins(0, 0, 0, 0)
        content.setSpacing(16)
        content.addWidget(self._card)
        content.addWidget(self.sensitivity)
        self.every_button.setProperty("role", "quiet")
        self.every_button.setToolTip("An adapter to work in, dialogues of yours, types, and how carefully it is measured.")
        self.besides.hide()
        top = QHBoxLayout()
        top.addWidget(plain_label("title", "Quantize"), 1, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self.every_button)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(12)
        column.addLayout(top)
        for widget in (
            plain_label("muted", SENTENCE),
            self.besides,
            self.problem,
            self.progress,
            self.invitation,
            self.waits,
            self._content,
        ):
            column.addWidget(widget)
        column.addStretch(1)
        self.foot = self._made_foot()
        """What stands below the page and is not to be covered."""
        fill_page(self, scroll_page(column, WIDEST), self.foot)

    def _made_foot(self) -> QWidget:
        told = QVBoxLayout()
        told.setSpacing(2)
        for words in (self.figures, self.against, self.mixture):
            told.addWidget(words)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addLayout(told, 1)
        row.addWidget(self.start_button, 0, Qt.AlignmentFlag.AlignVCenter)
        return Foot(self._desk.theme, row, WIDEST)
