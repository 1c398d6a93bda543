"""A piece of work on dialogues where one can see it: what it does, how far it is, and Stop; or why it failed."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from companion.app.datasets import Datasets, DatasetWork
from companion.core.dataset_messages import DatasetRequest
from companion.ui.cards import plain_label
from companion.ui.workshop.progress_row import ProgressRow


class WorkRow(QWidget):
    """Takes no room while there is nothing to say. One piece of work at a time: another one ends the one before."""

    done = Signal(object)
    """Inspected, TopicsMapped or Written."""
    failed = Signal(str, str)
    """What happened and what to do; it is shown here, too, unless `tells` is off."""
    changed = Signal(bool)
    """Whether work goes on."""

    def __init__(self, datasets: Datasets, *, tells: bool = True) -> None:
        super().__init__()
        self._datasets = datasets
        self._tells = tells
        self._work: DatasetWork | None = None
        self._name = ""
        self.progress, self.problem = ProgressRow(), plain_label("problem")
        self.progress.words.setProperty("role", "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.progress)
        column.addWidget(self.problem)
        self.progress.stopped.connect(self.stop)
        self.clear()

    @property
    def is_running(self) -> bool:
        return self._work is not None

    @property
    def process_id(self) -> int:
        return self._work.process_id if self._work is not None else 0

    def begin(self, request: DatasetRequest, name: str = "") -> None:
        """`name` stands before what is told, such as “Writing the clean copy”."""
        self._end()
        self._name = name
        work = self._work = self._datasets.work(request)
        work.progressed.connect(self._progress)
        work.done.connect(self._done)
        work.failed.connect(self._failed)
        self._progress("", 0.0)
        self.problem.hide()
        self.show()
        self.changed.emit(True)

    def stop(self) -> None:
        """End it; nothing is left of what was not finished."""
        was_running = self.is_running
        self._end()
        self.clear()
        if was_running:
            self.changed.emit(False)

    def clear(self) -> None:
        """Nothing more to say."""
        self.progress.hide()
        self.problem.hide()
        self.hide()

    def _end(self) -> None:
        if self._work is not None:
            work, self._work = self._work, None
            work.stop()

    def _progress(self, words: str, fraction: float) -> None:
        self.progress.tell(": ".join(filter(None, (self._name, words))), fraction)
        self.progress.bar.setVisible(fraction > 0)  # while nobody can know, there is none

    def _done(self, event: object) -> None:
        self._work = None
        self.clear()
        self.changed.emit(False)
        self.done.emit(event)

    def _failed(self, what: str, remedy: str) -> None:
        self._work = None
        self.clear()
        if self._tells:
            self.problem.setText(f"{what} {remedy}".strip())
            self.problem.show()
            self.show()
        self.changed.emit(False)
        self.failed.emit(what, remedy)
