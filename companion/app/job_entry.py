"""One job as the window tells of it."""

from __future__ import annotations

from enum import Enum

import msgspec
from msgspec.structs import replace

from companion.core.fitted import NAME, TITLE
from companion.core.job import CROSS_VALIDATION
from companion.core.job_folder import UNKNOWN_KIND, JobSummary


class JobPhase(Enum):
    """The values are what a person reads."""

    UNSTARTED = "not started"
    """Made by somebody who did not begin it, or taken off the queue."""
    WAITING = "waiting"
    """Its turn comes when the others are done."""
    RUNNING = "running"
    PAUSING = "pausing"
    ENDING = "ending"
    """It was cancelled and keeps its best."""
    PAUSED = "paused"
    STOPPED = "stopped"
    """Its process is gone without a last word."""
    CANCELLED = "cancelled"
    FAILED = "failed"
    DONE = "done"


COMPUTING = frozenset({JobPhase.RUNNING, JobPhase.PAUSING, JobPhase.ENDING})
OVER = frozenset({JobPhase.CANCELLED, JobPhase.FAILED, JobPhase.DONE})
WAITS_FOR_NIGHT = "It begins tonight, while the computer is plugged in and nobody uses it. The window must stay open"
NIGHT_IS_OFF = "Teaching at night is switched off in the settings: switch it on there, or start it now"
WAITS_FOR_MEMORY = "It begins when there is memory for it; closing other programs helps"
STOPPED_REMEDY = "Nothing up to its last checkpoint is lost: resume it."
DONE_EARLY = "done early"
WAITS_FOR_QUIET = "It begins when nothing was done in the window for a minute"
STOPPED_UNSEEN = "It stopped without a word: it was ended by force, or the computer was switched off."


class JobEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows of a job, and what can be done with it."""

    id: str
    summary: JobSummary
    phase: JobPhase
    since: float = 0.0
    """Since when the person wants it done by the window, 0 when they do not."""
    tonight: bool = False
    """Whether it is for times when nobody needs the computer only."""
    waits_for: str = ""
    """What it waits for beside its turn: "tonight", "memory" or "a quiet moment"."""
    stage: str = ""
    """What it does now, or what it waits for, in words."""
    fraction: float = 0.0
    """How much of everything is done, 0 to 1."""
    stage_fraction: float = 0.0
    stage_seconds_left: float = 0.0
    """Of the stage, where nothing is known of the whole; 0 for unknown."""
    what: str = ""
    """How it ended, one sentence."""
    remedy: str = ""

    @property
    def title(self) -> str:
        """What it is called after; what was done to see whether a recipe helps is not taken for what was made with it."""
        if self.summary.kind == CROSS_VALIDATION and self.summary.name:
            return f"Cross-validation of {self.summary.name}"
        if self.is_quiet:
            return TITLE
        return self.summary.name or KIND_WORDS.get(self.summary.kind, self.summary.kind.capitalize())

    @property
    def place(self) -> str:
        """“Step 12 of 50”, “Parts 6 of 10”, “Folds 1 of 5”; empty for what is not counted."""
        summary = self.summary
        return f"{self.counted} {summary.step:,} of {summary.steps:,}" if summary.steps and summary.step else ""

    @property
    def counted(self) -> str:
        """What its steps are called."""
        return COUNTED.get(self.summary.kind, "Step")

    @property
    def kind_words(self) -> str:
        return KIND_WORDS.get(self.summary.kind, self.summary.kind.replace("-", " ").capitalize())

    @property
    def state_words(self) -> str:
        """“running”, “waits for tonight”; what was stopped and has its result all the same is no failure."""
        if self.phase is JobPhase.CANCELLED and self.summary.outputs:
            return DONE_EARLY
        return f"waits for {self.waits_for}" if self.waits_for else self.phase.value

    def waiting(self, *, is_tight: bool, is_quiet: bool, is_night: bool, night_is_on: bool) -> JobEntry:
        """With what it waits for: memory that is tight, a moment when nobody works, or the night, if anything is done then."""
        if is_tight:
            return replace(self, waits_for="memory", stage=WAITS_FOR_MEMORY)
        if self.is_quiet and not is_quiet:
            return replace(self, waits_for="a quiet moment", stage=WAITS_FOR_QUIET)
        if self.tonight and not is_night:
            return replace(self, waits_for="tonight", stage=WAITS_FOR_NIGHT if night_is_on else NIGHT_IS_OFF)
        return self

    @property
    def is_computing(self) -> bool:
        return self.phase in COMPUTING

    @property
    def is_ready(self) -> bool:
        """Whether it waits for nothing but its turn."""
        return self.phase is JobPhase.WAITING and not self.waits_for

    @property
    def is_ours(self) -> bool:
        """Whether the window is to see to it; a job of a terminal is only watched."""
        return self.since > 0

    @property
    def is_quiet(self) -> bool:
        """Whether nobody asked for it: the starter model is fitted to the machine without a word."""
        return self.summary.name == NAME

    @property
    def keeps_from_measuring(self) -> str:
        """What is said where something cannot be measured because of it."""
        return f"“{self.title}” computes now; this can be measured when it is done."

    @property
    def may_pause(self) -> bool:
        return self.phase in {JobPhase.RUNNING, JobPhase.WAITING}

    @property
    def may_start_now(self) -> bool:
        """It waits for the night, and need not."""
        return self.waits_for == "tonight"

    @property
    def may_resume(self) -> bool:
        if self.summary.kind == UNKNOWN_KIND:
            return False
        if self.phase is JobPhase.CANCELLED:
            return not self.summary.is_over
        return self.phase in {JobPhase.PAUSED, JobPhase.STOPPED, JobPhase.UNSTARTED, JobPhase.FAILED}

    @property
    def may_cancel(self) -> bool:
        """End it and keep what there is to keep."""
        return self.phase in {JobPhase.RUNNING, JobPhase.PAUSING, JobPhase.WAITING, JobPhase.PAUSED, JobPhase.STOPPED}

    @property
    def may_retry(self) -> bool:
        """Begin anew, with the same recipe."""
        return self.summary.kind != UNKNOWN_KIND and self.phase in OVER

    @property
    def may_delete(self) -> bool:
        return not self.is_computing and self.phase is not JobPhase.WAITING


COUNTED = {"evaluate": "Parts", CROSS_VALIDATION: "Folds"}
KIND_WORDS = {
    "fine-tune": "Fine-tuning",
    "prefer": "Preference tuning",
    "pretrain": "Pretraining",
    "evaluate": "Evaluation",
    CROSS_VALIDATION: "Cross-validation",
    "quantize": "Quantization",
    "prune": "Pruning",
    "distill": "Distillation",
    "unknown": "A job of another version",
}
"""How a kind of job is called; one that is not here goes by its own name."""
