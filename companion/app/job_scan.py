"""Looking through the folders of all jobs, in a thread: only what has changed is read again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from companion.app.job_entry import STOPPED_REMEDY, STOPPED_UNSEEN, JobEntry, JobPhase
from companion.core.amounts import seconds_left
from companion.core.job import StageProgress
from companion.core.job_folder import JobFolder, JobSummary, all_jobs
from companion.core.job_history import JobHistory, JobReader
from companion.core.job_queue import Wanted, wanted

_PHASES = {
    "cancelled": JobPhase.CANCELLED,
    "failed": JobPhase.FAILED,
    "done": JobPhase.DONE,
}


class _Stamp(NamedTuple):
    """Tells one state of a file from another; `changed` is in seconds since the epoch, all 0 for one that is not there."""

    changed: float
    size: int
    number: int


class _Known(NamedTuple):
    """What was read of a job, and which state its files had then."""

    stamp: tuple[_Stamp, ...]
    summary: JobSummary


class JobScanner:
    """Belongs to the thread that scans: it remembers what was read, and follows the jobs that run line by line."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._readers: dict[str, JobReader] = {}

    def scan(self) -> tuple[JobEntry, ...]:
        """Every job, the newest first."""
        jobs = all_jobs()
        here = {job.id for job in jobs}
        self._known = {name: known for name, known in self._known.items() if name in here}
        self._readers = {name: reader for name, reader in self._readers.items() if name in here}
        return tuple(self._entry(job) for job in jobs)

    def _entry(self, job: JobFolder) -> JobEntry:
        if job.worker():
            return self._running(job)
        self._readers.pop(job.id, None)
        stamp = (_stamp(job.events_file), _stamp(job.recipe_file))
        known = self._known.get(job.id)
        if known is None or known.stamp != stamp:
            summary = job.summary()
            known = self._known[job.id] = _Known(stamp, summary)
        summary, asked = known.summary, wanted(job)
        phase = _phase(summary, asked, stamp[0].changed)
        what, remedy = summary.what, summary.remedy
        if phase is JobPhase.STOPPED:
            what, remedy = STOPPED_UNSEEN, STOPPED_REMEDY
        elif summary.state == "interrupted":
            remedy = ""  # the one that is written there is for a terminal
        done = 1.0 if phase is JobPhase.DONE else _share(summary)
        return JobEntry(
            id=job.id,
            summary=summary,
            phase=phase,
            since=asked.since if asked else 0.0,
            tonight=asked is not None and asked.tonight,
            what=what,
            remedy=remedy,
            fraction=done,
        )

    def _running(self, job: JobFolder) -> JobEntry:
        known = self._known.get(job.id)
        reader = self._readers.get(job.id)
        if known is None or reader is None:
            known = self._known[job.id] = _Known((), job.summary())
            reader = self._readers[job.id] = JobReader(job.events_file)
        reader.read()
        history = reader.history
        asked = wanted(job)
        phase = JobPhase.ENDING if job.cancel_mark.exists() else JobPhase.PAUSING if job.pause_mark.exists() else JobPhase.RUNNING
        summary, told = _followed(known.summary, history), job.progress()
        fraction = _share(summary)
        if told.seconds_left:
            summary, fraction = replace(summary, seconds_left=told.seconds_left), told.fraction
        elif summary.steps and fraction < told.fraction <= fraction + 1 / summary.steps and history.is_in_step:
            left = summary.seconds_left * (1 - told.fraction) / (1 - fraction)
            summary, fraction = replace(summary, seconds_left=left), told.fraction
        return JobEntry(
            id=job.id,
            summary=summary,
            phase=phase,
            since=asked.since if asked else 0.0,
            tonight=asked is not None and asked.tonight,
            stage=history.stage.sentence if history.stage else "Starting",
            stage_fraction=told.fraction,
            stage_seconds_left=_left_of_stage(history, told) if not summary.seconds_left else 0.0,
            fraction=fraction,
        )


def _phase(summary: JobSummary, asked: Wanted | None, last_word: float) -> JobPhase:
    """`last_word` is when something happened last: what is wanted since then waits, however it ended before."""
    if asked is not None and asked.since > last_word:
        return JobPhase.WAITING
    if summary.state in _PHASES:
        return _PHASES[summary.state]
    if summary.state == "interrupted" and not summary.what:
        return JobPhase.STOPPED
    if asked is not None:
        return JobPhase.WAITING
    return JobPhase.PAUSED if summary.state == "interrupted" else JobPhase.UNSTARTED


def _followed(summary: JobSummary, history: JobHistory) -> JobSummary:
    """The summary of a running job as its events are now."""
    began = history.began or summary.began
    summary = replace(summary, state="running", began=began, tokens_per_second=0.0, seconds_left=0.0)
    if (step := history.last_step) is not None:
        summary = replace(
            summary,
            step=step.step,
            steps=step.steps,
            loss=step.loss,
            tokens_per_second=step.tokens_per_second if history.is_training else 0.0,
            seconds_left=step.seconds_left if history.is_training else 0.0,
        )
    elif history.plan is not None:
        summary = replace(summary, steps=history.plan.steps, seconds_left=history.plan.seconds)
    if history.parts:
        part = history.parts[-1]
        summary = replace(summary, step=part.part, steps=part.parts)
    return replace(summary, first_held_out=history.first_held_out, best_held_out=history.best_held_out)


def _left_of_stage(history: JobHistory, told: StageProgress) -> float:
    if history.stage is None or history.is_in_step:  # then it tells of all steps, and the stage of this run
        return 0.0
    return seconds_left(time.time() - history.stage.time, told.fraction)


def _share(summary: JobSummary) -> float:
    return min(summary.step / summary.steps, 1.0) if summary.steps else 0.0


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return _Stamp(0.0, 0, 0)
    return _Stamp(found.st_mtime, found.st_size, found.st_ino)
