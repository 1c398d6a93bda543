"""What a lesson takes on this computer, for every preset: one dry run says it for all of them, and is remembered."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from PySide6.QtCore import QObject, Signal

from companion.app.cost_estimate import CostEstimate
from companion.app.measuring_turn import MeasuringTurn
from companion.core.errors import CompanionError
from companion.core.job_history import JobHistory
from companion.core.recipes.files import AdapterRecipe
from companion.core.teaching.cost import Cost, cost_of
from companion.core.teaching.plan import Effort


class TeachingCost(QObject):
    """One measurement at a time; a new one, or `stop`, ends what is under way."""

    progressed = Signal(str)
    """What it does now, a sentence without its full stop; empty when it has ended."""
    failed = Signal(str, str)
    """What happened and what to do."""

    def __init__(self, turn: MeasuringTurn, parent: QObject) -> None:
        super().__init__(parent)
        self._known: dict[Hashable, dict[Effort, Cost]] = {}
        self._asked: Hashable = None
        self._recipes: Mapping[Effort, AdapterRecipe] = {}
        self._measured: Effort = "balanced"
        self._estimate = CostEstimate(turn, self)
        self._estimate.progressed.connect(self.progressed)
        self._estimate.estimated.connect(self._estimated)
        self._estimate.failed.connect(self.failed)

    @property
    def is_running(self) -> bool:
        return self._estimate.is_running

    def of(self, key: Hashable) -> dict[Effort, Cost]:
        """What was measured for this; empty when nothing was."""
        return self._known.get(key, {})

    def measure(self, key: Hashable, recipes: Mapping[Effort, AdapterRecipe], measured: Effort) -> None:
        """Dry-run one of these, which are ready to be carried out; `key` is what the answer holds for."""
        self._asked, self._recipes, self._measured = key, recipes, measured
        self.progressed.emit("Measuring what it takes on this computer")
        self._estimate.begin(recipes[measured])

    def stop(self) -> None:
        """Nothing comes of what is under way. May be called when nothing is."""
        self._estimate.stop()

    def _estimated(self, history: JobHistory) -> None:
        measured = self._recipes[self._measured]
        try:
            costs = {effort: cost_of(recipe, measured, history) for effort, recipe in self._recipes.items()}
        except CompanionError as error:
            self.failed.emit(error.what, error.remedy)
            return
        self._known[self._asked] = {effort: cost for effort, cost in costs.items() if cost is not None}
        self.progressed.emit("")
