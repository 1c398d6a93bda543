"""What a piece of work would cost here: a dry run of its job, which ends when the plan is made."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from companion.app.dry_run import DryRun
from companion.app.measuring_turn import MeasuringTurn
from companion.core.job import JobOrder
from companion.core.job_history import JobHistory
from companion.core.recipes.files import Recipe


class CostEstimate(QObject):
    """One at a time; a new one, or `stop`, ends what is under way."""

    progressed = Signal(str)
    """What it does now, a full sentence without its full stop."""
    estimated = Signal(object)
    """JobHistory with its data and plan."""
    failed = Signal(str, str)
    """What happened and what to do."""

    def __init__(self, turn: MeasuringTurn, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._run = DryRun("The estimate", "what something else will cost", turn, self)
        self._stage = ""
        self._run.progressed.connect(self._tell)
        self._run.done.connect(self._done)
        self._run.failed.connect(self.failed)

    @property
    def is_running(self) -> bool:
        return self._run.is_running

    def begin(self, recipe: Recipe) -> None:
        """Ends in `estimated` or `failed`."""
        self._stage = ""
        self._run.begin(recipe, JobOrder(dry_run=True))

    def stop(self) -> None:
        """End it at once; nothing comes of it any more."""
        self._run.stop()

    def _tell(self, stage: str, _share: float) -> None:
        if stage != self._stage:
            self._stage = stage
            self.progressed.emit(stage)

    def _done(self, history: JobHistory) -> None:
        if history.plan is not None:
            self.estimated.emit(history)
        elif history.ended is not None:  # which it always is
            self.failed.emit(history.ended.what, history.ended.remedy)
