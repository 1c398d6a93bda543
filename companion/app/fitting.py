"""The starter model is fitted to this computer: once, in the background, while nobody talks; and taken when that is faster."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer

from companion.app.background import Background
from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.app.job_entry import JobEntry, JobPhase
from companion.app.jobs import Jobs
from companion.app.models import Models
from companion.app.notices import Notice, Notices, Tone
from companion.app.preferences import Preferences
from companion.core.character_library import built_in_character
from companion.core.errors import CompanionError
from companion.core.fitted import (
    NAME,
    WORTH,
    Fitted,
    delivered_build,
    fitted_file,
    is_fitted,
    machine_and_model,
    remember,
    remembered,
    speedup,
)
from companion.core.job import JobOrder
from companion.core.job_history import JobReader
from companion.core.job_targets import with_free_targets
from companion.core.messages import ModelInfo
from companion.core.paths import starter_model
from companion.core.power import on_battery
from companion.core.recipes.quantize import Budget, Quantize

log = logging.getLogger(__name__)
QUIET_MS: Final = 60_000
"""Nobody has said anything, touched the window or had anything done for so long: now is a time for it."""
TICK_MS: Final = 5000
"""How often it is looked whether that is so."""
BUDGET: Final = Budget(divergence=0.05)
"""Nats per token: of a hundred next words, some ninety are the same as the shipped model's likeliest."""


class Fitting(QObject):
    """Begins when `start` finds that it was not done on this machine; stops politely whenever somebody talks."""

    def __init__(self, jobs: Jobs, engine: Engine, models: Models, preferences: Preferences, notices: Notices) -> None:
        super().__init__()
        self._jobs, self._engine = jobs, engine
        self._models, self._preferences, self._notices = models, preferences, notices
        self._background = Background(parent=self)
        self._quiet = 0
        """Milliseconds since anybody did anything."""
        self._fitted: Fitted | None = None
        self._taking = False
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self._tick)
        engine.state_changed.connect(lambda _state: self.disturb())
        engine.model_ready.connect(self._model_ready)
        engine.load_failed.connect(self._load_failed)
        jobs.ended.connect(self._job_ended)
        jobs.measuring.changed.connect(self.disturb)

    def start(self) -> None:
        """The window is there: at the first quiet moment look whether there is something to do."""
        if starter_model() is not None and self._is_wanted:
            self._timer.start()
            self._jobs.set_quiet(False)

    def disturb(self) -> None:
        """Somebody is doing something: wait until it is quiet again."""
        self._quiet = 0
        if self._timer.isActive():
            self._jobs.set_quiet(False)
        fitted = self._fitted
        if fitted is not None and fitted.state == "making" and self._engine.state is EngineState.ANSWERING:
            entry = self._jobs.entry(fitted.job)
            if entry is not None and entry.phase in {JobPhase.RUNNING, JobPhase.WAITING}:
                self._keep(replace(fitted, rests=True))
                self._jobs.pause(fitted.job)

    def close(self) -> None:
        """May be called twice."""
        self._rest()
        self._background.close()

    @property
    def _is_wanted(self) -> bool:
        settings = self._preferences.settings
        return settings.fit_model and (not settings.model or is_fitted(Path(settings.model)))

    def _tick(self) -> None:
        """Every few seconds: is it quiet, and what comes next?"""
        self._quiet = 0 if self._jobs.are_wanted else self._quiet + TICK_MS
        fitted, is_ready = self._fitted, self._engine.state is EngineState.READY
        if not self._is_wanted:
            self._rest()
            return
        if not is_ready or self._quiet < QUIET_MS or on_battery():
            return
        self._jobs.set_quiet(True)
        if fitted is None:
            self._timer.stop()
            self._background.run(_standing, self._go_on)
        elif fitted.state == "made":
            self._take(fitted)
        elif (entry := self._jobs.entry(fitted.job)) is None:
            self._make(fitted)
        elif entry.phase is JobPhase.PAUSED and not fitted.rests:
            return  # by the person, who can let it go on among the jobs
        elif entry.phase in {JobPhase.PAUSED, JobPhase.STOPPED, JobPhase.UNSTARTED}:
            self._keep(replace(fitted, rests=False))
            self._jobs.resume(fitted.job)
        elif not entry.is_computing and entry.phase is not JobPhase.WAITING:
            self._job_ended(entry)

    def _go_on(self, fitted: Fitted | None) -> None:
        """From where an earlier window left it."""
        self._fitted = fitted
        if fitted is not None and fitted.state in {"making", "made"}:
            self._jobs.begin()
            self._timer.start()

    def _make(self, fitted: Fitted) -> None:
        if self._jobs.computing is not None:
            return  # what the person wants done comes first
        recipe = Quantize(name=NAME, model=str(starter_model()), character=built_in_character().name, budget=BUDGET)
        job = self._jobs.start(recipe, with_free_targets(JobOrder(output=str(fitted_file()))))
        if not job:  # the person was told why, and need not be told again and again
            self._rest()
            return
        self._keep(replace(fitted, job=job))
        self._quiet = 0  # the list of jobs is read anew meanwhile

    def _job_ended(self, entry: JobEntry) -> None:
        fitted = self._fitted
        if fitted is None or entry.id != fitted.job or fitted.state != "making":
            return
        if entry.phase is JobPhase.DONE:
            reader = JobReader(self._jobs.folder(entry.id).events_file)
            self._background.run(reader.read, lambda _: self._judge(reader))
        elif entry.phase in {JobPhase.FAILED, JobPhase.CANCELLED}:
            log.warning("the starter model was not fitted: %s", entry.what)
            self._end(replace(fitted, state="left"))

    def _judge(self, reader: JobReader) -> None:
        builds, outputs = reader.history.builds, reader.history.outputs
        gain, build = speedup(builds, outputs), delivered_build(builds, outputs)
        told = 0.0 if build is None or build.is_disturbed else round(gain, 2)
        made = [output.file for output in outputs if output.kind == "model"]
        if self._fitted is None or self._fitted.state != "making":
            return
        if gain >= WORTH and made and Path(made[-1]).is_file():
            self._keep(replace(self._fitted, state="made", file=made[-1], speedup=told))
            return
        for file in made:
            Path(file).unlink(missing_ok=True)
        self._end(replace(self._fitted, state="left", speedup=told))

    def _take(self, fitted: Fitted) -> None:
        """The engine checks it before it trusts it, and goes back to the model before when something is wrong."""
        self._taking = True
        self._models.choose(Path(fitted.file))

    def _model_ready(self, model: ModelInfo) -> None:
        fitted = self._fitted
        if not self._taking or fitted is None:
            return
        self._taking = False
        if Path(model.path) != Path(fitted.file).resolve():
            return
        self._end(replace(fitted, state="taken"))
        faster = f" and writes {fitted.speedup:.1f} times as fast" if fitted.speedup else ""
        what = f"Her model is fitted to this computer now{faster}."
        self._notices.raise_notice(Notice(Tone.SUCCESS, what, action="Undo", act=self._models.choose_starter))

    def _load_failed(self, what: str, _remedy: str) -> None:
        if self._taking and self._fitted is not None:
            self._taking = False
            log.warning("the fitted model was not taken: %s", what)
            self._end(replace(self._fitted, state="left"))

    def _keep(self, fitted: Fitted) -> None:
        self._fitted = fitted
        try:
            remember(fitted)
        except OSError as error:
            log.warning("how far the fitting has come could not be kept: %s", error.strerror)

    def _end(self, fitted: Fitted) -> None:
        self._keep(fitted)
        self._rest()

    def _rest(self) -> None:
        """Nothing is waited for any more, and nothing held back."""
        self._timer.stop()
        self._jobs.set_quiet(True)


def _standing() -> Fitted | None:
    """How far it has come on this machine; None when that cannot be told."""
    starter = starter_model()
    if starter is None:
        return None
    try:
        machine, model = machine_and_model(starter)
    except CompanionError as error:
        log.warning("the starter model is not fitted: %s", error)
        return None
    known = remembered()
    is_current = known is not None and (known.machine, known.starter) == (machine, model)
    return known if is_current else Fitted(machine=machine, starter=model, state="making")
