"""The job process: carries out the recipe of one folder, says what happens, and can be told to pause or to cancel.

`companion job FOLDER [cancel]` is started by the command line, the window or a test, never by hand.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from companion.core.errors import CompanionError, JobError
from companion.core.job import (
    Cancel,
    JobEnded,
    JobEvent,
    JobRequest,
    JobStarted,
    Pause,
    Stage,
    StageBegan,
    StageProgress,
    Trouble,
)
from companion.core.job_folder import PAUSE_MARK, JobFolder
from companion.core.job_lock import JobLock
from companion.core.logs import log_file, log_to_stderr
from companion.core.messages import decode
from companion.core.pipes import WorkerPipe
from companion.core.recipes.distill import Distill
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.files import Recipe
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.prefer import Prefer
from companion.core.recipes.prune import Prune
from companion.core.recipes.quantize import Quantize
from companion.workshop.journal import Journal, Voice

log = logging.getLogger(__name__)
LEAVE_SECONDS = 120.0
"""A job that has not left this long after its pipe was closed is ended where it is: no orphans, ever."""
MARK_SECONDS = 0.5
"""How often the folder is looked at for a mark that asks to cancel or to pause."""

NOTHING_KEPT = "The job was cancelled before it had learned anything that could be kept."

Wish = Literal["", "pause", "cancel"]


class Stopped(Exception):
    """The work ends early because somebody asked for it; `wish` says how."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish)
        self.wish = wish


class Wishes:
    """What was asked of the running job, from any thread. A pause does not take back a cancel."""

    keeps_best = True
    """Whether a cancel ends the job with the best it has."""

    def __init__(self, mark: Path) -> None:
        """`mark` asks to cancel; the one that asks to pause lies beside it."""
        self._mark, self._pause_mark = mark, mark.with_name(PAUSE_MARK)
        self.stays = False
        """Whether work goes on when the pipe is closed."""
        self._looked = 0.0
        self._wish: Wish = ""
        self._lock = threading.RLock()  # a signal may come while its own thread holds it

    def pause(self) -> None:
        with self._lock:
            self._wish = self._wish or "pause"

    def cancel(self) -> None:
        with self._lock:
            self._wish = "cancel"

    def reader_gone(self) -> None:
        """Whoever started the job has left."""
        if not self.stays:
            self.pause()

    def now(self) -> Wish:
        if not self._wish and time.monotonic() - self._looked > MARK_SECONDS:
            self._looked = time.monotonic()
            if self._mark.exists():
                self.cancel()
            elif self._pause_mark.exists():
                self.pause()
        return self._wish


class WishesOfPart(Wishes):
    """Those of a job that is a part of another one: whatever ends the whole pauses it, as nobody wants its result then."""

    keeps_best = False

    def __init__(self, mark: Path, whole: Wishes) -> None:
        super().__init__(mark)
        self._whole = whole

    def now(self) -> Wish:
        return "pause" if self._whole.now() else ""


class Job:
    """What a recipe works with: its folder, its voice, and the ear for wishes."""

    def __init__(self, folder: JobFolder, journal: Journal, wishes: Wishes) -> None:
        """Raises RecipeError or JobError when the folder does not say what to do."""
        self.folder = folder
        self.journal = journal
        self.recipe: Recipe = folder.recipe()
        self.order = folder.order()
        self.has_result = False
        """Whether something was learned: a cancel then ends with it instead of with nothing."""
        self._wishes = wishes

    def tell(self, event: JobEvent) -> None:
        self.journal.tell(event)

    def stage(self, stage: Stage, sentence: str, fraction: float = 0.0, seconds_left: float = 0.0) -> None:
        """Begin a stage, unless the job is to stop: raises Stopped. `fraction` and `seconds_left` as of `progress`."""
        self.tell(StageBegan(stage=stage, sentence=sentence))
        self.progress(fraction, seconds_left)

    def progress(self, fraction: float, seconds_left: float = 0.0) -> None:
        """Say how much of the stage is done, or with `seconds_left` how much of the whole, unless the job is to stop: raises
        Stopped. Before and after the training."""
        self.refuse_deleted()
        if self.wish == "pause" or not self.has_result:
            self.check()
        self.tell(StageProgress(fraction=fraction, seconds_left=seconds_left))

    @property
    def wish(self) -> Wish:
        return self._wishes.now()

    @property
    def keeps_best(self) -> bool:
        """Whether a cancel ends it with the best it has."""
        return self._wishes.keeps_best

    def carry_out_part(self, folder: JobFolder, listener: Voice) -> JobEnded:
        """Work on another job, a part of this one, in this process and from wherever it stands; what ends this one pauses it."""
        return carry_out(folder, listener, WishesOfPart(folder.cancel_mark, self._wishes))

    def check(self) -> None:
        """Raises Stopped when the job is to pause or to cancel, JobError when its folder is gone."""
        self.refuse_deleted()
        if wish := self.wish:
            raise Stopped(wish)

    def refuse_deleted(self) -> None:
        """Raises JobError when somebody deleted the folder, before anything is written that would bring it back by half."""
        if self.folder.is_deleted():
            raise _gone()


def main(folder: str, wish: str = "") -> int:
    """`wish` "cancel" makes what there is to keep. Returns the exit status: 1 when the job failed, else 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the program that started us
    log_to_stderr()
    job = JobFolder(Path(folder))
    wishes = Wishes(job.cancel_mark)
    if wish == "cancel":
        wishes.cancel()
    for ending in ("SIGTERM", "SIGHUP"):  # the second one when its terminal is closed; Windows has none
        if hasattr(signal, ending):
            signal.signal(getattr(signal, ending), lambda _number, _frame: wishes.pause())
    pipe = WorkerPipe(reader_gone=wishes.reader_gone)
    threading.Thread(target=_listen, args=(pipe, wishes), name="requests", daemon=True).start()
    ended = carry_out(job, pipe, wishes)
    logging.shutdown()
    os._exit(1 if ended.state == "failed" else 0)  # tearing down a GPU driver can hang, and nothing is left to save


def carry_out(folder: JobFolder, pipe: Voice, wishes: Wishes) -> JobEnded:
    """Take the lock, work, and say how it ended."""
    lock = JobLock(folder.lock_file)
    try:
        if not lock.acquire():
            raise JobError("Another process is working on this job.", "Wait for it, or cancel it: companion jobs cancel.")
        folder.cancel_mark.unlink(missing_ok=True)
        folder.pause_mark.unlink(missing_ok=True)
        journal = Journal(folder.events_file, pipe)
    except (CompanionError, OSError) as error:
        lock.release()
        ended = _failure(error, folder)
        pipe.send(ended)
        return ended
    try:
        began = time.monotonic()
        ended = msgspec.structs.replace(_outcome(folder, journal, wishes), seconds=round(time.monotonic() - began, 3))
        with contextlib.suppress(OSError):
            folder.cancel_mark.unlink(missing_ok=True)
            folder.pause_mark.unlink(missing_ok=True)
        journal.tell(ended)
        journal.sync()
        journal.close()
        if folder.is_deleted():
            shutil.rmtree(folder.path, ignore_errors=True)  # what was being written when it was deleted
    finally:
        lock.release()
    return ended


def _outcome(folder: JobFolder, journal: Journal, wishes: Wishes) -> JobEnded:
    job: Job | None = None
    try:
        job = Job(folder, journal, wishes)
        damaged = _without_damaged_checkpoints(folder)
        step = folder.resumable_step()
        job.has_result = step > 0
        journal.forget_after(step)
        journal.tell(JobStarted(pid=os.getpid(), resumed_step=max(step, 0)))
        for trouble in damaged:
            journal.tell(trouble)
        return _recipe_of(job)
    except Stopped as stopped:
        return JobEnded(state="cancelled", what=NOTHING_KEPT) if stopped.wish == "cancel" else interrupted(folder)
    except Exception as error:
        failed = _failure(error, folder)
        if wishes.now() == "cancel" and not (job and job.has_result):
            return JobEnded(state="cancelled", what=f"{NOTHING_KEPT} {failed.what}")
        return failed


def interrupted(folder: JobFolder, reached: int = 0) -> JobEnded:
    """The last word of a job that was paused after the step it had `reached`."""
    step = max(folder.resumable_step(), 0)
    when = f"after step {max(step, reached):,}" if max(step, reached) else "before the first step"
    if reached > step:
        when += f"; no checkpoint of that could be written, so it will go on from step {step:,}"
    return JobEnded(
        state="interrupted", what=f"The job was paused {when}.", remedy=f"Go on with: companion jobs resume {folder.id}"
    )


def _without_damaged_checkpoints(folder: JobFolder) -> list[Trouble]:
    """What is to be said of checkpoints that cannot be resumed from, which are put aside."""
    if folder.resumable_step() < 0:
        return []
    from companion.workshop.training.checkpoints import put_unusable_aside

    return put_unusable_aside(folder)


def _recipe_of(job: Job) -> JobEnded:
    recipe = job.recipe
    if isinstance(recipe, FineTune) and job.order.cross_validation is not None:
        from companion.workshop.recipes.cross_validate import cross_validate

        return cross_validate(job, recipe, job.order.cross_validation)
    if isinstance(recipe, FineTune):
        from companion.workshop.recipes.fine_tune import fine_tune

        return fine_tune(job, recipe)
    if isinstance(recipe, Distill):
        from companion.workshop.recipes.distill import distill

        return distill(job, recipe)
    if isinstance(recipe, Prefer):
        from companion.workshop.recipes.prefer import prefer

        return prefer(job, recipe)
    if isinstance(recipe, Evaluate):
        from companion.workshop.recipes.evaluate import evaluate

        return evaluate(job, recipe)
    if isinstance(recipe, Quantize):
        from companion.workshop.recipes.quantize import quantize

        return quantize(job, recipe)
    if isinstance(recipe, Prune):
        from companion.workshop.recipes.prune import prune

        return prune(job, recipe)
    from companion.workshop.recipes.pretrain import pretrain

    return pretrain(job, recipe)


def _gone() -> JobError:
    return JobError("The folder of this job is gone: it was deleted or moved while the job worked.", "Start a new job.")


def _failure(error: Exception, folder: JobFolder) -> JobEnded:
    """How a fault is told to a person; what is not foreseen goes to the log."""
    if folder.is_deleted():
        error = _gone()
    if isinstance(error, CompanionError):
        what, remedy = error.what, error.remedy
    elif isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        step = folder.resumable_step()
        there = f"it goes on from step {step:,}" if step > 0 else "it begins anew, as nothing was learned yet"
        what, remedy = "The disk is full.", f"Make room and resume the job: {there}."
    elif isinstance(error, OSError):
        where = f" “{error.filename}”" if error.filename else ""
        what = f"A file{where} could not be read or written ({error.strerror})."
        remedy = "Check the folder and resume the job."
    elif isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's own, which is no MemoryError
        what = "There is not enough memory for this."
        remedy = "Close other programs, take a smaller model, shorter dialogues (data.longest) or a smaller rank."
    else:
        log.error("the job failed", exc_info=error)
        what, remedy = f"Something went wrong in the job ({type(error).__name__}).", f"The details are in “{log_file('job')}”."
    return JobEnded(state="failed", what=what, remedy=remedy)


def _listen(pipe: WorkerPipe, wishes: Wishes) -> None:
    requests = msgspec.json.Decoder(JobRequest)
    for line in pipe.lines():
        try:
            request = decode(requests, line)
        except msgspec.DecodeError:
            log.warning("a request was not understood: %r", line[:200])
            continue
        if isinstance(request, Cancel):
            wishes.cancel()
        elif isinstance(request, Pause):
            wishes.pause()
        else:
            wishes.stays = True
    if wishes.stays:
        return
    wishes.pause()
    leave: Callable[..., None] = os._exit
    timer = threading.Timer(LEAVE_SECONDS, leave, args=(0,))
    timer.daemon = True
    timer.start()
