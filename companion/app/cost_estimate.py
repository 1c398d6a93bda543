"""What a piece of work would cost here: a dry run of its job, which ends when the plan is made."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from companion.core.errors import CompanionError
from companion.core.job import JobEnded, JobOrder
from companion.core.job_folder import create_job
from companion.core.job_history import JobReader
from companion.core.job_start import LeashedJob
from companion.core.processes import exit_sentence
from companion.core.recipes.files import Recipe

LOOK_MS = 250


class CostEstimate(QObject):
    """One at a time; a new one, or `stop`, ends what is under way."""

    progressed = Signal(str)
    """What it does now, a full sentence without its full stop."""
    estimated = Signal(object)
    """JobHistory with its data and plan."""
    failed = Signal(str, str)
    """What happened and what to do."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: LeashedJob | None = None
        self._reader: JobReader | None = None
        self._stage = ""
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def begin(self, recipe: Recipe) -> None:
        """Ends in `estimated` or `failed`."""
        self.stop()
        self._folder = tempfile.TemporaryDirectory(prefix="companion-", ignore_cleanup_errors=True)
        try:
            job = create_job(recipe, JobOrder(dry_run=True), Path(self._folder.name))
            self._process = LeashedJob(job)
        except CompanionError as error:
            self.stop()
            self.failed.emit(error.what, error.remedy)
            return
        self._reader, self._stage = JobReader(job.events_file), ""
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

    def _look(self) -> None:
        if self._process is None or self._reader is None:
            return
        status = self._process.exit_status()
        self._reader.read()  # after the status: its last words are there when it has left
        history = self._reader.history
        if status is None:
            if history.stage is not None and history.stage.sentence != self._stage:
                self._stage = history.stage.sentence
                self.progressed.emit(self._stage)
            return
        self.stop()
        ended = history.ended
        if isinstance(ended, JobEnded) and ended.state == "done" and history.plan is not None:
            self.estimated.emit(history)
        elif ended is not None:
            self.failed.emit(ended.what, ended.remedy)
        else:
            self.failed.emit(exit_sentence("The estimate", status, "torch or llama.cpp"), "Try it again.")
