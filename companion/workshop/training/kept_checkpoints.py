"""The checkpoints of one run of a job: when one is due, the newest and the one before, and what is told when a disk is full."""

from __future__ import annotations

import time

from msgspec.structs import replace
from torch import Tensor

from companion.core.job import CheckpointWritten
from companion.core.recipes.parts import Watch
from companion.workshop.job import Job
from companion.workshop.training.checkpoints import (
    KEPT,
    KINDS,
    Checkpoint,
    best_file,
    forget_others,
    forget_unfinished,
    load_best,
    load_checkpoint,
    save_best,
    save_checkpoint,
)
from companion.workshop.training.trouble import TroubleFinder


class KeptCheckpoints:
    """Each with the best weights it names. A full disk is told, and training goes on with what is there."""

    def __init__(self, job: Job, watch: Watch, trouble: TroubleFinder) -> None:
        self._job, self._watch, self._trouble = job, watch, trouble
        self._folder = job.folder.checkpoints
        self._saved: list[tuple[int, int]] = []
        """The step of every checkpoint that is kept, and of the best weights it names; the newest last."""
        self._saved_at = time.monotonic()

    @property
    def newest(self) -> int:
        """Its step, -1 when there is none."""
        return self._saved[-1][0] if self._saved else -1

    def is_due(self, step: int) -> bool:
        """Whether the person wants one after this step, by steps or by minutes."""
        if step == self.newest:
            return False
        by_steps = self._watch.checkpoint_steps and step % self._watch.checkpoint_steps == 0
        minutes = self._watch.checkpoint_minutes
        return bool(by_steps or (minutes and time.monotonic() - self._saved_at >= minutes * 60))

    def write(self, state: Checkpoint) -> None:
        """Older ones than the one before it are deleted; when it cannot be written, nothing is."""
        path = self._job.folder.checkpoint_file(state.step)
        self._job.journal.sync()
        self._saved_at = time.monotonic()
        try:
            save_checkpoint(path, state)
        except OSError as error:
            self.tell_unwritten(state.step, f"The checkpoint of step {state.step:,}", error)
            return
        self._keep((*(kept for kept in self._saved if kept[0] != state.step), (state.step, state.counters["best_step"])))
        self._job.tell(CheckpointWritten(step=state.step, file=path.name))

    def write_best(self, step: int, loss: float, weights: dict[str, Tensor]) -> bool:
        """Whether they could be written: weights that cannot be had again do not count as the best."""
        try:
            save_best(self._folder, step, loss, weights)
        except OSError as error:
            self.tell_unwritten(step, f"The best weights, those of step {step:,},", error)
            return False
        return True

    def read(self) -> Checkpoint | None:
        """The newest one that can be resumed from, None when there is none. Raises JobError."""
        forget_unfinished(self._folder)
        step = self._job.folder.resumable_step()
        return load_checkpoint(self._job.folder.checkpoint_file(step)) if step >= 0 else None

    def go_on_from(self, state: Checkpoint) -> None:
        """It was taken over: it is the newest now."""
        self._saved = [(state.step, int(state.counters["best_step"]))]

    def best(self, step: int) -> dict[str, Tensor]:
        """The best weights as of `step`. Raises JobError when they cannot be read."""
        return load_best(self._folder, step)

    def forget(self) -> None:
        """Delete all of them."""
        for kind in KINDS:
            forget_others(self._folder, kind)

    def tell_unwritten(self, step: int, what: str, error: OSError) -> None:
        """Tell of a full disk, and what can be resumed from as it is. Raises JobError when it is the folder that is gone."""
        self._job.refuse_deleted()
        told = self._trouble.tell(step, "disk", f"{what} could not be written ({error.strerror or error}).")
        if told is not None:
            there = f"the checkpoint of step {self.newest:,} is whole" if self._saved else "there is no checkpoint to resume from"
            self._job.tell(replace(told, remedy=f"{told.remedy} Until then {there}."))

    def _keep(self, saved: tuple[tuple[int, int], ...]) -> None:
        self._saved = list(saved[-KEPT:])
        forget_others(self._folder, "step", (self._job.folder.checkpoint_file(step) for step, _ in self._saved))
        forget_others(self._folder, "best", (best_file(self._folder, best) for _, best in self._saved))
