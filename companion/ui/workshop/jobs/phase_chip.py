"""What state a job is in: a word, with a dot in the colour of that state."""

from __future__ import annotations

from typing import Final

from PySide6.QtWidgets import QLabel, QSizePolicy

from companion.app.job_entry import JobEntry, JobPhase
from companion.ui.theme import Theme

COLOURS: Final = {
    JobPhase.UNSTARTED: "muted",
    JobPhase.WAITING: "muted",
    JobPhase.RUNNING: "accent2",
    JobPhase.PAUSING: "warn",
    JobPhase.ENDING: "warn",
    JobPhase.PAUSED: "warn",
    JobPhase.STOPPED: "bad",
    JobPhase.CANCELLED: "muted",
    JobPhase.FAILED: "bad",
    JobPhase.DONE: "ok",
}
MARKS: Final = {
    JobPhase.RUNNING: "●",
    JobPhase.DONE: "✓",
    JobPhase.FAILED: "!",
    JobPhase.STOPPED: "!",
    JobPhase.PAUSED: "‖",
    JobPhase.PAUSING: "‖",
}
"""Before the word, so that no colour has to be told from another; “○” where there is none."""


class PhaseChip(QLabel):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._phase = JobPhase.WAITING
        self._words = self._phase.value
        self.setProperty("role", "chip")
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        theme.changed.connect(self._redraw)
        self._redraw()

    def show_entry(self, entry: JobEntry) -> None:
        self._phase, self._words = entry.phase, entry.state_words
        self._redraw()

    def _redraw(self) -> None:
        colour = getattr(self._theme.palette, COLOURS[self._phase])
        self.setText(f'<span style="color:{colour}">{MARKS.get(self._phase, "○")}</span>&nbsp; {self._words}')
        self.setAccessibleName(f"State: {self._words}")
