"""A job that is only tried out: in a folder of its own that nobody keeps, and ended at once when nobody wants it any more."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from companion.core.errors import CompanionError
from companion.core.job import JobEnded, JobOrder
from companion.core.job_folder import JobFolder, create_job
from companion.core.job_history import JobReader
from companion.core.job_start import LeashedJob
from companion.core.processes import exit_sentence
from companion.core.recipes.files import Recipe

LOOK_MS = 250


class DryRun(QObject):
    """One at a time; a new one, `stop` or the end of the program ends what is under way."""

    progressed = Signal(str, float)
    """What it does now, a full sentence without its full stop, and how much of that is done, 0 to 1."""
    done = Signal(object)
    """JobHistory."""
    failed = Signal(str, str)
    """What happened and what to do."""

    def __init__(self, what: str, parent: QObject | None = None) -> None:
        """`what` is what dies when the process does, such as “The estimate”."""
        super().__init__(parent)
        self._what = what
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
        return self._process is not None

    def begin(self, recipe: Recipe, order: JobOrder) -> None:
        """Ends in `done` or `failed`."""
        self.stop()
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
