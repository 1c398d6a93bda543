"""A job that is only tried out: in a folder of its own that nobody keeps, and ended at once when nobody wants it any more."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from companion.app.measuring_turn import MeasuringTurn
from companion.core.errors import CompanionError
from companion.core.job import JobEnded, JobOrder
from companion.core.job_folder import JobFolder, create_job
from companion.core.job_history import JobReader
from companion.core.job_start import LeashedJob
from companion.core.processes import exit_sentence
from companion.core.recipes.files import Recipe

LOOK_MS = 250


class DryRun(QObject):
    """One at a time, which waits for its turn; a new one, `stop` or the end of the program ends what is under way."""

    progressed = Signal(str, float)
    """What it does now, a full sentence without its full stop, and how much of that is done, 0 to 1."""
    done = Signal(object)
    """JobHistory."""
    failed = Signal(str, str)
    """What happened and what to do."""

    def __init__(self, what: str, measured: str, turn: MeasuringTurn, parent: QObject | None = None) -> None:
        """`what` is what dies when the process does, such as “The estimate”; `measured` is what others wait for."""
        super().__init__(parent)
        self._what, self._measured, self._turn = what, measured, turn
        self._is_asked = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: LeashedJob | None = None
        self._job: JobFolder | None = None
        self._reader: JobReader | None = None
        self._told: tuple[str, float] = ("", 0.0)
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._look)
        if (program := QCoreApplication.instance()) is not None:
            program.aboutToQuit.connect(self.stop)

    @property
    def is_running(self) -> bool:
        return self._is_asked

    def begin(self, recipe: Recipe, order: JobOrder) -> None:
        """As soon as it is its turn; ends in `done` or `failed`."""
        self.stop()
        self._is_asked = True
        QTimer.singleShot(0, self, self._tell_wait)  # whoever began it hears no word of it before this returns
        self._turn.ask(self, self._measured, partial(self._start, recipe, order))

    def _start(self, recipe: Recipe, order: JobOrder) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="companion-", ignore_cleanup_errors=True)
        try:
            self._job = create_job(recipe, order, Path(self._folder.name))
            self._process = LeashedJob(self._job)
        except CompanionError as error:
            self.stop()
            self.failed.emit(error.what, error.remedy)
            return
        self._reader, self._told = JobReader(self._job.events_file), ("", 0.0)
        self._timer.start()

    def stop(self) -> None:
        """End it at once; nothing comes of it any more."""
        self._timer.stop()
        if self._process is not None:
            self._process.kill()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        self._is_asked = False
        self._turn.give_back(self)

    def _tell_wait(self) -> None:
        if waits_for := self._turn.waits_for(self):
            self.progressed.emit(f"Waiting until {waits_for}", 0.0)

    def _look(self) -> None:
        if self._process is None or self._reader is None or self._job is None:
            return
        status = self._process.exit_status()
        self._reader.read()  # after the status: its last words are there when it has left
        history = self._reader.history
        if status is None:
            told = (history.stage.sentence if history.stage is not None else "", self._job.progress().fraction)
            if told[0] and told != self._told:
                self._told = told
                self.progressed.emit(*told)
            return
        self.stop()
        ended = history.ended
        if isinstance(ended, JobEnded) and ended.state == "done":
            self.done.emit(history)
        elif ended is not None:
            self.failed.emit(ended.what, ended.remedy)
        else:
            self.failed.emit(exit_sentence(self._what, status, "torch or llama.cpp"), "Try it again.")
