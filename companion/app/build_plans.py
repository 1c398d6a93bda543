"""What builds of a model would be like: kept plans, plans that a process makes now, and what earlier jobs have proven."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from companion.app.background import Background
from companion.app.dry_run import DryRun
from companion.core.build_plan import BuildPlan, plan_file, read_plan
from companion.core.character_library import built_in_character
from companion.core.errors import CompanionError
from companion.core.fingerprint import file_sha256
from companion.core.job import JobOrder
from companion.core.measured_here import Run, run_of, runs_here
from companion.core.proven_builds import ProvenBuild, proven_builds
from companion.core.recipes.quantize import USUAL, Budget, Quantize


class Known(NamedTuple):
    """What is known of the builds of one model."""

    model: Path
    file: Path
    """Where its plan is, or would be, kept."""
    plan: BuildPlan | None
    proven: tuple[ProvenBuild, ...]
    run: Run | None
    """How the engine ran it when it was checked, and as what it was tuned; None when it was not."""


class BuildPlans(QObject):
    """For one model at a time."""

    known = Signal(object)
    """Known: of the model that was looked at."""
    progressed = Signal(str, float)
    """What the process does now, without a full stop, and how much of that is done."""
    failed = Signal(str, str)
    """No plan: what happened and what to do."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = Background(parent=self)
        self._model: Path | None = None
        self._run = DryRun("The process that foresees builds", self)
        self._run.progressed.connect(self.progressed)
        self._run.done.connect(lambda _history: self.look(self._model))
        self._run.failed.connect(self.failed)

    @property
    def is_planning(self) -> bool:
        return self._run.is_running

    def look(self, model: Path | None) -> None:
        """Read what there is of this model, in the background; ends in `known` or `failed`. A plan of another is given up."""
        if model != self._model:
            self._run.stop()
        self._model = model
        if model is not None:
            self._background.run(partial(_look, model), partial(self._looked, model))

    def plan(self, known: Known) -> None:
        """Let a process foresee builds; ends in `known` or `failed`."""
        self._run.begin(recipe_for(known.model), JobOrder(dry_run=True, output=str(known.file)))

    def stop(self) -> None:
        """End the process; nothing comes of it."""
        self._run.stop()

    def _looked(self, model: Path, found: Known | CompanionError) -> None:
        if model != self._model:
            return
        if isinstance(found, CompanionError):
            self.failed.emit(found.what, found.remedy)
        else:
            self.known.emit(found)


def recipe_for(model: Path, budget: Budget | None = None) -> Quantize:
    """The quantization that is planned, and begun with a budget: the same texts and measurements."""
    return replace(USUAL, model=str(model), character=built_in_character().name, budget=budget or Budget())


def _look(model: Path) -> Known | CompanionError:
    try:
        file = plan_file(file_sha256(model))
        return Known(model, file, read_plan(file), proven_builds(model), run_of(model, runs_here()))
    except CompanionError as error:
        return error
