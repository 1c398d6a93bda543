"""The history of a job: whole lines, no more than happened, whatever ended the process."""

from __future__ import annotations

import resource

import pytest

from companion.core.job import CheckpointWritten, StageBegan, StageProgress, StepDone
from companion.core.job_folder import JobFolder
from companion.core.job_lock import JobLock, holder
from companion.workshop import journal as journal_module
from companion.workshop.journal import Journal
from tests.workshop.small_jobs import Ears


def step(number: int) -> StepDone:
    return StepDone(
        step=number, steps=9, epoch=0.1, loss=1.0, learning_rate=0.1, gradient_norm=1.0, tokens=5, tokens_per_second=1.0,
        data_share=0.0, memory_bytes=1,
    )  # fmt: skip


def steps(job: JobFolder) -> list[int]:
    return [event.step for event in job.events() if isinstance(event, StepDone)]


def test_everything_is_echoed_and_progress_is_not_kept(tmp_path):
    job, ears = JobFolder(tmp_path), Ears()
    journal = Journal(job.events_file, ears)
    journal.tell(StageBegan(stage="data", sentence="Reading"))
    journal.tell(StageProgress(fraction=0.5))
    journal.close()
    assert [type(event) for event in ears] == [StageBegan, StageProgress]
    assert [event.sentence for event in job.events()] == ["Reading"]
    assert ears[0].time > 0


def test_a_line_cut_short_is_left_out_and_the_next_one_is_whole(tmp_path):
    job = JobFolder(tmp_path)
    journal = Journal(job.events_file, Ears())
    journal.tell(step(1))
    journal.close()
    job.events_file.write_bytes(job.events_file.read_bytes() + b'{"type":"StepDone","step":2,')
    journal = Journal(job.events_file, Ears())
    journal.tell(step(3))
    journal.close()
    assert steps(job) == [1, 3]


def test_a_full_disk_loses_lines_and_nothing_else(tmp_path):
    job = JobFolder(tmp_path)
    journal = Journal(job.events_file, Ears())
    journal.tell(step(1))
    room = job.events_file.stat().st_size + 40
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        journal.tell(step(2))
        journal.tell(step(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.tell(step(4))
    journal.close()
    assert steps(job) == [1, 4]


def test_a_resumed_run_forgets_what_it_will_do_again(tmp_path):
    job = JobFolder(tmp_path)
    journal = Journal(job.events_file, Ears())
    journal.tell(StageBegan(stage="training", sentence="Learning"))
    for number in range(1, 6):
        journal.tell(step(number))
    journal.tell(CheckpointWritten(step=3, file="step-3.pt"))
    journal.forget_after(3)
    journal.tell(step(4))
    assert steps(job) == [1, 2, 3, 4]
    journal.forget_after(-1)
    journal.close()
    assert [type(event) for event in job.events()] == [StageBegan]


def test_a_history_that_cannot_be_written_anew_can_still_be_added_to(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    job = JobFolder(tmp_path)
    journal = Journal(job.events_file, Ears())
    journal.tell(step(1))
    monkeypatch.setattr(journal_module, "write_atomic", full)
    with pytest.raises(OSError, match="No space"):
        journal.forget_after(0)
    journal.tell(step(2))
    journal.close()
    assert steps(job) == [1, 2]


def test_a_lock_belongs_to_one_and_ends_with_it(tmp_path):
    ours, theirs = JobLock(tmp_path / "lock"), JobLock(tmp_path / "lock")
    assert ours.acquire()
    assert not theirs.acquire()
    assert holder(tmp_path / "lock") > 0
    ours.release()
    assert holder(tmp_path / "lock") == 0
    assert theirs.acquire()
    theirs.release()


def test_a_lock_of_a_process_whose_number_was_given_to_another_is_stale(tmp_path):
    path = tmp_path / "lock"
    path.write_text('{"pid": 1, "began": 1.0}')
    assert holder(path) == 0
    path.write_text("nonsense")
    assert holder(path) == 0
    lock = JobLock(path)
    assert lock.acquire()
    lock.release()
