"""The top of a job's page: what it is, in which state, and what can be done with it."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from companion.app.job_entry import JobEntry, JobPhase
from companion.core.amounts import duration_text
from companion.core.job import CROSS_VALIDATION, FINISHES_PART
from companion.ui.cards import breakable, plain_label
from companion.ui.chat.icon_button import IconButton
from companion.ui.flow_layout import FlowLayout
from companion.ui.keyboard import show_some
from companion.ui.theme import Theme
from companion.ui.workshop.jobs.phase_chip import PhaseChip
from companion.ui.workshop.jobs.words import when

KEEPS_BEST: Final = {
    "fine-tune": "Stop and keep best",
    "prefer": "Stop and keep best",
    "pretrain": "Stop and keep best",
    "evaluate": "Stop and report",
    CROSS_VALIDATION: "Stop and report",
}
"""What a cancel does, by kind of job; others are just cancelled."""
ENDING: Final = {
    "evaluate": "It leaves the part that it is in, which can take a minute, and writes the report of those before.",
    CROSS_VALIDATION: "It leaves the fold that it is in, which can take a minute, and writes the report of those before.",
}
PAUSING: Final = {
    "evaluate": "It leaves the part that it is in, which can take a minute; when it goes on, that part is measured anew.",
    "quantize": "It leaves what it is at, which can take a minute; what is finished is kept.",
    "prune": "It leaves what it is at, which can take a minute; what is finished is kept.",
}
"""What a pause waits for, by kind of job; whoever learns writes a checkpoint."""


class JobHeader(QWidget):
    """Emits what the person wants done: "pause", "resume", "cancel", "retry", "tonight", "reveal" or "delete"."""

    wanted = Signal(str)
    back_requested = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.back = IconButton(theme, "chevron-left", "Back to the list of jobs")
        self.back.hide()
        self.title, self.caption = plain_label("title"), plain_label("caption")
        self.chip = PhaseChip(theme)
        self.buttons = {
            name: QPushButton(words)
            for name, words in (("resume", "Resume"), ("retry", "Begin anew"), ("pause", "Pause"), ("cancel", "Cancel"))
        }
        self.buttons["resume"].setProperty("role", "primary")
        self.more = IconButton(theme, "more", "More about this job", side=36)
        self.menu = QMenu(self)
        self.reveal_action = self.menu.addAction("Open its folder")
        self.tonight_action = self.menu.addAction("Go on tonight")
        self.delete_action = self.menu.addAction("Delete")
        self.stage, self.bar = plain_label("muted"), QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("How much of everything is done")
        self._build()

    def show_entry(self, entry: JobEntry) -> None:
        self.title.setText(breakable(entry.title))
        self.title.setAccessibleName(entry.title)
        kind = "" if entry.title.startswith(entry.kind_words) else entry.kind_words
        self.caption.setText(", ".join(filter(None, (kind, when(entry.summary.began)))))
        self.chip.show_entry(entry)
        shown = {
            "pause": entry.may_pause or entry.phase is JobPhase.PAUSING,
            "resume": entry.may_resume or entry.may_start_now,
            "cancel": entry.may_cancel and entry.phase is not JobPhase.WAITING,
            "retry": entry.may_retry,
        }
        # Whoever pressed one finds another; the menu is always there.
        here = {self.buttons[name]: is_shown for name, is_shown in shown.items()}
        show_some(here, *(button for button, is_shown in here.items() if is_shown), self.more)
        pauses = {JobPhase.WAITING: "Take off the queue", JobPhase.PAUSING: "Pausing…"}
        self.buttons["pause"].setText(pauses.get(entry.phase, "Pause"))
        words = {JobPhase.UNSTARTED: "Start", JobPhase.WAITING: "Start now"}
        self.buttons["resume"].setText(words.get(entry.phase, "Resume"))
        self.tonight_action.setEnabled(entry.may_resume)
        self.buttons["cancel"].setText(KEEPS_BEST.get(entry.summary.kind, "Cancel"))
        self.delete_action.setEnabled(entry.may_delete)
        self._show_stage(entry)

    def set_compact(self, compact: bool) -> None:
        """Whether the list is another page, to which there is a way back."""
        self.back.setVisible(compact)

    def _show_stage(self, entry: JobEntry) -> None:
        kind, says_itself = entry.summary.kind, entry.stage == FINISHES_PART
        texts = {
            JobPhase.PAUSING: PAUSING.get(kind, "Writing a checkpoint, then it pauses."),
            JobPhase.ENDING: f"{entry.stage}." if says_itself else ENDING.get(kind, "Finishing with the best it has."),
            JobPhase.WAITING: f"{entry.stage}." if entry.waits_for else "It begins when nothing else computes.",
        }
        is_whole_known = bool(entry.fraction or entry.summary.steps)
        has_share = entry.fraction >= 1 and 0 < entry.stage_fraction < 1  # what comes after the last step has no other bar
        share = f", {100 * entry.stage_fraction:.0f} %" if has_share else ""
        left = f"; about {duration_text(entry.stage_seconds_left)} of that left" if entry.stage_seconds_left else ""
        text = texts.get(entry.phase, f"{entry.stage}{share}{left}." if entry.stage else "")
        self.stage.setText(text)
        self.stage.setVisible(bool(text))
        self.bar.setVisible(entry.is_computing)
        self.bar.setValue(round(1000 * (entry.fraction if is_whole_known else entry.stage_fraction)))

    def _build(self) -> None:
        for name, button in self.buttons.items():
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.clicked.connect(partial(self._want, name))
        self.more.clicked.connect(lambda: self.menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft())))
        self.reveal_action.triggered.connect(partial(self._want, "reveal"))
        self.tonight_action.triggered.connect(partial(self._want, "tonight"))
        self.delete_action.triggered.connect(partial(self._want, "delete"))
        self.back.clicked.connect(self.back_requested)
        for label in (self.title, self.caption):  # no more room than their lines need
            exact = label.sizePolicy()
            exact.setVerticalPolicy(QSizePolicy.Policy.Fixed)
            label.setSizePolicy(exact)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self.caption)
        top = QHBoxLayout()
        top.setSpacing(8)
        state = QHBoxLayout()
        state.setSpacing(8)
        state.addWidget(self.chip)
        state.addWidget(self.more)
        top.addWidget(self.back, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        top.addLayout(state)
        top.setAlignment(state, Qt.AlignmentFlag.AlignTop)
        actions = FlowLayout()
        for button in self.buttons.values():
            actions.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(actions)
        column.addWidget(self.stage)
        column.addWidget(self.bar)

    def _want(self, what: str, _checked: bool = False) -> None:
        self.wanted.emit(what)
