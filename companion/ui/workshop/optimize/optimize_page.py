"""Optimize: one model, and the ways to make it smaller or faster on this computer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from companion.app.build_plans import BuildPlans, Known
from companion.core.recipes import distill, prune
from companion.ui.scroll_page import in_the_middle
from companion.ui.section_bar import SectionBar
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.optimize.machine_view import MachineView
from companion.ui.workshop.optimize.model_choice import ModelChoice
from companion.ui.workshop.optimize.quantize_recipe import QuantizeRecipe
from companion.ui.workshop.optimize.quantize_view import QuantizeView
from companion.ui.workshop.optimize.tune_view import TuneView
from companion.ui.workshop.optimize.widths import WIDEST
from companion.ui.workshop.recipe.recipe_page import RecipeKind, RecipePage

PRUNE = RecipeKind(
    "Prune",
    prune.Prune(),
    prune.PRESETS,
    ("model", "layers", "neurons", "heads", "sparsity", "data_files", "name"),
    can_estimate=False,
)
PRUNE_SENTENCE = (
    "Pruning takes out what the model misses least: whole layers, neurons, heads, or single weights. The smaller model can then "
    "learn back from the one before."
)
DISTILL = RecipeKind("Distill", distill.Distill(), distill.PRESETS, ("teacher", "model", "data_files", "character", "name"))
DISTILL_SENTENCE = (
    "Distilling lets a smaller model, the student, learn on your dialogues what a larger one, the teacher, thinks of every "
    "next word."
)


class _Way(NamedTuple):
    title: str
    make: Callable[[], QWidget]


class OptimizePage(QWidget):
    """Each way has a page of its own, made when it is first shown."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._known: Known | None = None
        self.plans = BuildPlans(desk.jobs.measuring, self)
        self.model = ModelChoice(desk)
        self.quantize = QuantizeView(desk, self.plans)
        self.every: QuantizeRecipe | None = None
        """Every setting of it, made when it is first asked for."""
        self._shows_every = False
        self._ways = (
            _Way("Quantize", lambda: self.quantize),
            _Way("Tune", lambda: TuneView(desk)),
            _Way("Prune", lambda: RecipePage(desk, "Prune", PRUNE_SENTENCE, (PRUNE,), within=WIDEST)),
            _Way("Distill", lambda: RecipePage(desk, "Distill", DISTILL_SENTENCE, (DISTILL,), within=WIDEST)),
            _Way("This computer", lambda: MachineView(desk)),
        )
        self.bar = SectionBar(desk.theme, tuple(way.title for way in self._ways), WIDEST)
        self.views: dict[str, QWidget] = {}
        self.stack = QStackedWidget()
        self._build()
        self.bar.chosen.connect(lambda number: self.show_way(self._ways[number].title))
        self.plans.known.connect(self._take_known)
        self.model.chosen.connect(self._take_model)
        self.quantize.every_setting_requested.connect(self.show_every_setting)
        self.show_way("Quantize")

    @property
    def foot(self) -> QWidget | None:
        """What is not to be covered at the bottom of the way that is shown."""
        foot = getattr(self.stack.currentWidget(), "foot", None)
        return foot if isinstance(foot, QWidget) and not foot.isHidden() else None

    def show_way(self, title: str) -> None:
        """Bring one of the ways to the front."""
        ways = {way.title: way for way in self._ways}
        if title not in self.views:
            view = self.views[title] = ways[title].make()
            self.stack.addWidget(view)
            if self._known is not None:
                self._tell(view, self._known)
        view = self.views[title]
        shown = self.every if view is self.quantize and self._shows_every and self.every is not None else view
        self.stack.setCurrentWidget(shown)
        self.model.setVisible(isinstance(shown, QuantizeView | TuneView))  # the others ask for it themselves
        self.bar.mark(list(ways).index(title))

    def show_every_setting(self) -> None:
        """The form of the whole recipe instead of the sliders, with what they say in it."""
        if self.model.model is None:
            return
        if self.every is None:
            self.every = QuantizeRecipe(self._desk)
            self.every.simple_requested.connect(self.show_simple)
            self.stack.addWidget(self.every)
        self.every.take(self.model.model, self.quantize.sliders.budget())
        self._shows_every = True
        self.show_way("Quantize")

    def show_simple(self) -> None:
        """Back to the sliders, with the model and the budget of the form."""
        self._shows_every = False
        if self.every is not None:
            self.quantize.take(self.every.model, self.every.budget, has_more=self.every.is_changed)
            if self.every.model != self.model.model:
                self.model.choose(self.every.model)
        self.show_way("Quantize")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._desk.jobs.begin()
        self.model.refresh()
        self.plans.look(self.model.model)  # jobs may have proven something meanwhile

    def closeEvent(self, event: QCloseEvent) -> None:
        """The program ends: each way ends what it measures."""
        super().closeEvent(event)
        for view in (*self.views.values(), *filter(None, (self.every,))):
            view.close()

    def _take_model(self, model: Path) -> None:
        self.plans.look(model)

    def _take_known(self, known: Known) -> None:
        is_other = self._known is None or known.model != self._known.model
        self._known = known
        for view in (*self.views.values(), *filter(None, (self.every,))):
            if not isinstance(view, RecipePage) or is_other:
                self._tell(view, known)

    def _tell(self, view: QWidget, known: Known) -> None:
        if isinstance(view, QuantizeView | TuneView):
            view.show_known(known)
        elif isinstance(view, RecipePage):
            view.form.set_value("teacher" if view.kind == "distill" else "model", str(known.model))

    def _build(self) -> None:
        top = QVBoxLayout()
        top.setContentsMargins(0, 12, 0, 4)
        top.setSpacing(8)
        top.addWidget(self.bar)
        top.addWidget(self.model)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(in_the_middle(top, WIDEST, right=34))  # as the pages below, which have a scroll bar
        outer.addWidget(self.stack, 1)
