"""What a fold says while it is carried out, told in the words of the whole cross-validation, with how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Final

from msgspec.structs import replace

from companion.core.amounts import counted
from companion.core.job import JobEnded, JobEvent, JobStarted, Stage, StageBegan, StageProgress, StepDone, Trouble
from companion.workshop.evaluation.cross_validation import FoldResult
from companion.workshop.job import Job
from companion.workshop.recipes.fold_jobs import Fold

TRAINING_SHARE: Final = 0.9
"""Of a fold's time, about; the rest is measured."""


class Pace:
    """How much of all folds is done, and about how long the others take."""

    def __init__(self, job: Job, rounds: int, finished: Sequence[FoldResult]) -> None:
        self._job, self._rounds = job, rounds
        self._seconds = [result.seconds for result in finished]
        self._foreseen = 0.0
        """Of a fold, while none is finished."""

    def finished(self, result: FoldResult) -> None:
        self._seconds.append(result.seconds)

    def foresee(self, seconds: float) -> None:
        """How long a fold takes, going by its steps so far."""
        self._foreseen = seconds

    def tell(self, fold: Fold, share: float) -> None:
        """How far a fold is, 0 to 1. Raises nothing: whoever works on the fold listens to wishes by itself."""
        done = fold.number - 1 + share
        a_fold = fmean(self._seconds) if self._seconds else self._foreseen
        left = round(a_fold * (self._rounds - done), 1)
        self._job.tell(StageProgress(fraction=round(done / self._rounds, 6), seconds_left=left))

    def words(self, fold: Fold, sentence: str) -> str:
        return f"Fold {fold.number} of {self._rounds}: {sentence}"


class FoldListener:
    """A fold's stages, steps and troubles reach whoever watches the whole; its own history keeps all of it."""

    def __init__(self, job: Job, fold: Fold, pace: Pace) -> None:
        self._job, self._fold, self._pace = job, fold, pace
        self._trains = False
        self._share = 0.0
        self.seconds_before = sum(event.seconds for event in fold.job.events() if isinstance(event, JobEnded))
        """Of earlier runs of this fold that came to their end."""

    def send(self, event: JobEvent) -> None:
        """What the fold's own job says."""
        if isinstance(event, JobStarted):
            self.tell_troubles()
        elif isinstance(event, Trouble):
            self._tell_trouble(event)
        elif isinstance(event, StageBegan):
            self._trains = event.stage == "training"
            if event.stage == "training":
                self.tell_stage("training", f"learning from {counted(self._fold.learned, 'dialogue')}")
            elif event.stage != "evaluating":  # which interrupts the training for moments
                self.tell_stage(event.stage, event.sentence[:1].lower() + event.sentence[1:])
        elif isinstance(event, StepDone):
            self._trains = True
            self._step(event)
        elif isinstance(event, StageProgress) and self._trains:
            self._tell_share(event.fraction * TRAINING_SHARE)

    def measured(self, share: float) -> None:
        """How much of what the fold did not see is measured. Raises Stopped when the job is to pause or to cancel."""
        self._job.check()
        self._tell_share(TRAINING_SHARE + share * (1 - TRAINING_SHARE))

    def tell_stage(self, stage: Stage, sentence: str) -> None:
        self._job.tell(StageBegan(stage=stage, sentence=self._pace.words(self._fold, sentence)))
        self._tell_share(self._share)

    def tell_troubles(self) -> None:
        """Those of the fold's earlier runs: a job that begins again has forgotten what was told with a step."""
        for event in self._fold.job.events():
            if isinstance(event, Trouble):
                self._tell_trouble(event)

    def _step(self, event: StepDone) -> None:
        share = event.step / event.steps
        if share < 1:
            self._pace.foresee(event.seconds_left / (1 - share) / TRAINING_SHARE)
        self._tell_share(share * TRAINING_SHARE)

    def _tell_share(self, share: float) -> None:
        self._share = share
        self._pace.tell(self._fold, share)

    def _tell_trouble(self, event: Trouble) -> None:
        when = f"Fold {self._fold.number}, step {event.step:,}" if event.step else f"Fold {self._fold.number}"
        self._job.tell(replace(event, step=0, what=f"{when}: {event.what}"))
