"""What is told of a job that runs: how far it is within a step, and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from companion.app.job_scan import JobScanner
from companion.core.files import write_atomic
from companion.core.job import Stage, StageBegan, StageProgress
from companion.core.job_folder import JobFolder
from companion.core.job_lock import JobLock
from companion.core.messages import encode
from tests.ui.workshop.written_jobs import job, learning, write


@pytest.fixture
def running() -> Iterator[JobFolder]:
    """A job that somebody works on, after the second of four steps; a step takes 1.5 seconds."""
    folder = job("slow", *learning(4, 2))
    lock = JobLock(folder.lock_file)
    assert lock.acquire()
    yield folder
    lock.release()


def test_within_a_long_step_the_share_grows_and_the_time_left_shrinks(running: JobFolder):
    write(running, StageBegan(stage="training", sentence="Learning"))
    scanner, found = JobScanner(), []
    for share in (0.5, 0.6, 0.74):
        write_atomic(running.progress_file, encode(StageProgress(fraction=share)))
        (entry,) = scanner.scan()
        found.append((round(entry.fraction, 3), round(entry.summary.seconds_left, 3)))
    assert found == [(0.5, 3.0), (0.6, pytest.approx(2.4)), (0.74, pytest.approx(1.56))]


def test_of_a_stage_whose_share_is_known_it_is_told_how_long_it_still_takes(running: JobFolder):
    write(running, StageBegan(stage="verifying", sentence="Measuring the build", time=time.time() - 30))
    write_atomic(running.progress_file, encode(StageProgress(fraction=0.6)))
    (entry,) = JobScanner().scan()
    assert entry.stage_seconds_left == pytest.approx(20, abs=2)
    write_atomic(running.progress_file, encode(StageProgress(fraction=0.02)))
    (entry,) = JobScanner().scan()
    assert entry.stage_seconds_left == 0, "it is too early to tell"


@pytest.mark.parametrize(("stage", "share"), [("evaluating", 0.6), ("training", 0.9), ("training", 0.2)])
def test_progress_of_anything_else_is_not_taken_for_that_of_the_step(running: JobFolder, stage: Stage, share: float):
    write(running, StageBegan(stage=stage, sentence="At something"))
    write_atomic(running.progress_file, encode(StageProgress(fraction=share)))
    (entry,) = JobScanner().scan()
    assert (entry.fraction, entry.summary.seconds_left) == (0.5, 3.0)
