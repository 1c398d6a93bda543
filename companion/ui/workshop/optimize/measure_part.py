"""A button that has something measured by a process, with what is said of it: progress, what is in the way, what went wrong."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QPushButton

from companion.app.measuring import Measuring
from companion.ui.cards import plain_label, say
from companion.ui.keyboard import pass_on
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.progress_row import ProgressRow


class MeasurePart(QObject):
    """The page places its widgets, and says when it begins; `meanwhile` is said while it measures."""

    def __init__(self, desk: Desk, button: QPushButton, parent: QObject, meanwhile: str = "") -> None:
        super().__init__(parent)
        self._desk, self._meanwhile = desk, meanwhile
        self._can_begin = True
        self.button = button
        self.measuring = Measuring(desk.jobs.measuring, self)
        self.progress, self.problem, self.waits = ProgressRow(), plain_label("problem"), plain_label("muted")
        self.measuring.failed.connect(self._failed)
        self.progress.stopped.connect(self.stop)
        desk.jobs.changed.connect(self.follow)
        self.follow()

    def set_can_begin(self, can_begin: bool) -> None:
        """Whether the page knows what would be measured."""
        self._can_begin = can_begin
        self.follow()

    def began(self, words: str) -> None:
        """The page has just asked for a measurement."""
        say(self.problem)
        self.progress.tell(words, 0.0)
        self.follow()

    def ended(self) -> None:
        self.follow()
        pass_on(self.progress, self.button)
        self.progress.hide()

    def stop(self) -> None:
        self.measuring.stop()
        self.ended()

    def follow(self) -> None:
        """As the jobs allow."""
        in_the_way, is_running = self._desk.jobs.in_the_way, self.measuring.is_running
        may_begin = in_the_way is None and not is_running and self._can_begin
        if not may_begin:
            pass_on(self.button, self.progress.stop_button)
        self.button.setEnabled(may_begin)
        say(self.waits, self._meanwhile if is_running else in_the_way.keeps_from_measuring if in_the_way is not None else "")

    def _failed(self, what: str, remedy: str) -> None:
        self.stop()
        say(self.problem, what, remedy)
