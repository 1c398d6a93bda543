"""Jobs from the window's side, with real job processes: begun, paused, resumed, cancelled, killed, and found again."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from companion.app.job_entry import JobEntry, JobPhase
from companion.app.job_needs import titles_needing
from companion.app.jobs import Jobs
from companion.app.notices import Notice, Notices
from companion.app.preferences import Preferences
from companion.core import processes
from companion.core.job import JobEnded, JobOrder, StepDone
from companion.core.job_folder import create_job
from companion.core.job_history import JobHistory
from companion.core.job_queue import wanted
from companion.core.paths import settings_file
from companion.workshop.client import JobProcess
from tests.small_recipes import end_jobs, small_recipe, write_dialogues

LONG = (
    "training.epochs=1000",
    "training.tokens_per_step=64",
    "watch.evaluations=4",
    "watch.samples=0",
    "training.patience=0",
    "optimizer.learning_rate=0.0001",
)
SOON_MS, LATER_MS = 30_000, 60_000


class Desk:
    """A window's jobs; `reopened` is what the next window finds."""

    def __init__(self) -> None:
        self.notices = Notices()
        self.told: list[Notice] = []
        self.notices.notice_raised.connect(self.told.append)
        self.preferences = Preferences(settings_file(), self.notices)
        self.jobs = Jobs(self.notices, self.preferences)
        self.ended: list[JobEntry] = []
        self.jobs.ended.connect(self.ended.append)

    def phase(self, job: str) -> JobPhase | None:
        entry = self.jobs.entry(job)
        return entry.phase if entry is not None else None

    def step(self, job: str) -> int:
        entry = self.jobs.entry(job)
        return entry.summary.step if entry is not None else 0

    def close(self) -> None:
        self.jobs.close()
        self.preferences.save()


@pytest.fixture
def desks(qapp) -> Iterator[list[Desk]]:
    made: list[Desk] = []
    yield made
    for desk in made:
        desk.close()
    end_jobs()


@pytest.fixture
def desk(desks: list[Desk]) -> Desk:
    return open_desk(desks)


def open_desk(desks: list[Desk]) -> Desk:
    made = Desk()
    desks.append(made)
    made.jobs.begin()
    return made


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_dialogues(tmp_path_factory.mktemp("data") / "dialogues.jsonl")


def begin(desk: Desk, tiny_model: Path, data: Path, *changes: str, **order: object) -> str:
    job = desk.jobs.start(small_recipe(tiny_model, data, *changes), JobOrder(**order))
    assert job
    return job


def until(qtbot, desk: Desk, job: str, *phases: JobPhase, timeout: int = SOON_MS) -> None:
    qtbot.waitUntil(lambda: desk.phase(job) in phases, timeout=timeout)


def learning(qtbot, desk: Desk, job: str) -> None:
    qtbot.waitUntil(lambda: desk.step(job) > 0, timeout=SOON_MS)


def test_a_job_runs_to_its_end_with_less_priority_and_says_what_came_of_it(desk, qtbot, tiny_model, data, tmp_path):
    job = begin(desk, tiny_model, data, *LONG, output=str(tmp_path / "made.gguf"))
    learning(qtbot, desk, job)
    worker = psutil.Process(desk.jobs.folder(job).worker())
    assert worker.nice() >= processes.LOW_PRIORITY
    if (session := Path(f"/proc/{worker.pid}/autogroup")).exists():
        assert session.read_text().split()[-1] == str(processes.LOW_PRIORITY), "else its session gets half of the processor"
    if (score := Path(f"/proc/{worker.pid}/oom_score_adj")).exists():
        assert int(score.read_text()) > int(Path("/proc/self/oom_score_adj").read_text()), "memory runs out: the chat stays"
    assert desk.jobs.own is not None
    desk.jobs.cancel(job)
    until(qtbot, desk, job, JobPhase.CANCELLED, timeout=LATER_MS)
    assert (tmp_path / "made.gguf").is_file(), "what was learned is kept"
    assert [entry.id for entry in desk.ended] == [job]
    assert "ended early, after step" in desk.ended[0].what
    assert desk.jobs.own is None
    assert wanted(desk.jobs.folder(job)) is None


def test_a_watch_tells_of_events_as_they_come(desk, qtbot, tiny_model, data):
    job = begin(desk, tiny_model, data, *LONG)
    watch = desk.jobs.watch(job)
    seen: list[JobHistory] = []
    watch.grew.connect(seen.append)
    watch.set_live(True)
    qtbot.waitUntil(lambda: len(watch.history.curve("loss")) > 20, timeout=SOON_MS)
    history = watch.history
    assert len(seen) > 1
    assert history.plan is not None
    assert history.data is not None
    curve = history.curve("loss")
    assert list(curve.xs)[:20] == list(range(1, 21))
    written = [event.loss for event in desk.jobs.folder(job).events() if isinstance(event, StepDone)]
    assert list(curve.ys)[:20] == written[:20]
    watch.close()


def test_pausing_and_resuming_goes_on_from_the_checkpoint(desk, qtbot, tiny_model, data):
    job = begin(desk, tiny_model, data, *LONG)
    learning(qtbot, desk, job)
    desk.jobs.pause(job)
    until(qtbot, desk, job, JobPhase.PAUSED)
    entry = desk.jobs.entry(job)
    for file, needed in ((tiny_model, 1), (data, 1), (data.with_name("another.jsonl"), 0)):
        assert len(titles_needing(desk.jobs, str(file))) == needed, file
    assert "paused after step" in entry.what
    assert entry.remedy == "", "what the terminal is told to type is nothing for the window"
    step = desk.jobs.folder(job).resumable_step()
    assert step > 0
    desk.jobs.resume(job)
    qtbot.waitUntil(lambda: desk.step(job) > step and desk.phase(job) is JobPhase.RUNNING, timeout=SOON_MS)
    starts = [event.resumed_step for event in desk.jobs.folder(job).events() if type(event).__name__ == "JobStarted"]
    assert starts == [0, step]


def test_one_computes_and_the_others_wait_for_their_turn(desk, qtbot, tiny_model, data):
    first = begin(desk, tiny_model, data, *LONG)
    second = begin(desk, tiny_model, data)
    learning(qtbot, desk, first)
    assert desk.phase(second) is JobPhase.WAITING
    assert not desk.jobs.folder(second).worker()
    desk.jobs.pause(first)
    until(qtbot, desk, second, JobPhase.DONE, timeout=LATER_MS)
    assert desk.phase(first) is JobPhase.PAUSED, "nobody asked for it to go on"


def test_a_job_paused_before_it_has_begun_pauses_all_the_same(desk, qtbot, tiny_model, data):
    job = begin(desk, tiny_model, data, *LONG)
    until(qtbot, desk, job, JobPhase.RUNNING)
    desk.jobs.pause(job)
    until(qtbot, desk, job, JobPhase.PAUSED)
    assert desk.step(job) == 0


def test_one_whose_process_has_hardly_begun_is_not_deleted_under_it(desk, qtbot, tiny_model, data):
    job = begin(desk, tiny_model, data, *LONG)
    qtbot.waitUntil(lambda: desk.jobs._leash is not None, timeout=SOON_MS)
    desk.jobs.delete(job)
    desk.jobs.cancel(job)
    assert desk.jobs.folder(job).path.is_dir()
    until(qtbot, desk, job, JobPhase.CANCELLED)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes otherwise")
def test_a_killed_job_is_told_in_words_and_can_be_resumed(desk, qtbot, tiny_model, data):
    job = begin(desk, tiny_model, data, *LONG)
    learning(qtbot, desk, job)
    os.kill(desk.jobs.folder(job).worker(), signal.SIGKILL)
    until(qtbot, desk, job, JobPhase.STOPPED)
    entry = desk.jobs.entry(job)
    assert entry.what == "The job was ended by force."
    assert "resume" in entry.remedy
    assert desk.ended[-1].phase is JobPhase.STOPPED
    qtbot.wait(1000)
    assert desk.phase(job) is JobPhase.STOPPED, "it does not run into the same wall again by itself"
    desk.jobs.resume(job)
    learning(qtbot, desk, job)
    until(qtbot, desk, job, JobPhase.RUNNING)


def test_a_job_goes_on_without_the_window_and_the_next_one_finds_it(desks, qtbot, tiny_model, data):
    desk = open_desk(desks)
    desk.preferences.update(jobs_on_close="go on")
    job = begin(desk, tiny_model, data, *LONG)
    learning(qtbot, desk, job)
    worker = desk.jobs.folder(job).worker()
    desk.close()
    qtbot.wait(1500)
    assert desk.jobs.folder(job).worker() == worker
    again = open_desk(desks)
    until(qtbot, again, job, JobPhase.RUNNING)
    assert again.jobs.own is not None
    again.jobs.pause(job)
    until(qtbot, again, job, JobPhase.PAUSED)


def test_a_job_that_pauses_with_the_window_goes_on_with_the_next_one(desks, qtbot, tiny_model, data):
    desk = open_desk(desks)
    desk.preferences.update(jobs_on_close="pause")
    job = begin(desk, tiny_model, data, *LONG)
    learning(qtbot, desk, job)
    folder = desk.jobs.folder(job)
    desk.close()
    qtbot.waitUntil(lambda: not folder.worker(), timeout=SOON_MS)
    assert next(event for event in reversed(list(folder.events())) if isinstance(event, JobEnded)).state == "interrupted"
    step = folder.resumable_step()
    again = open_desk(desks)
    qtbot.waitUntil(lambda: again.step(job) > step and again.phase(job) is JobPhase.RUNNING, timeout=SOON_MS)


def test_a_job_that_is_still_pausing_when_the_next_window_opens_goes_on(desks, qtbot, tiny_model, data):
    desk = open_desk(desks)
    job = begin(desk, tiny_model, data, *LONG)
    learning(qtbot, desk, job)
    worker = desk.jobs.folder(job).worker()
    desk.jobs._is_closed = True  # as when the window is killed: its pipe closes, and nothing else happens
    desk.jobs._leash.let_go()
    again = open_desk(desks)
    folder = again.jobs.folder(job)
    qtbot.waitUntil(lambda: folder.worker() not in {0, worker} and again.phase(job) is JobPhase.RUNNING, timeout=LATER_MS)


def test_a_job_of_the_window_before_pauses_when_that_is_wanted_now(desks, qtbot, tiny_model, data):
    desk = open_desk(desks)
    desk.preferences.update(jobs_on_close="go on")
    job = begin(desk, tiny_model, data, *LONG)
    learning(qtbot, desk, job)
    desk.close()
    again = open_desk(desks)
    until(qtbot, again, job, JobPhase.RUNNING)
    again.preferences.update(jobs_on_close="pause")
    again.close()
    qtbot.waitUntil(lambda: not again.jobs.folder(job).worker(), timeout=SOON_MS)


def test_a_job_of_a_terminal_is_found_watched_and_waited_for(desk, qtbot, tiny_model, data):
    job = create_job(small_recipe(tiny_model, data, *LONG), JobOrder())
    with JobProcess(job) as process:
        learning(qtbot, desk, job.id)
        assert desk.jobs.own is None, "the terminal sees to it"
        mine = begin(desk, tiny_model, data)
        until(qtbot, desk, mine, JobPhase.WAITING)
        desk.jobs.pause(job.id)
        assert [event for event in process.events() if isinstance(event, JobEnded)][-1].state == "interrupted"
    until(qtbot, desk, job.id, JobPhase.PAUSED)
    until(qtbot, desk, mine, JobPhase.DONE, timeout=LATER_MS)


def test_what_ended_while_there_was_no_window_is_told_once(desks, qtbot, tiny_model, data):
    desk = open_desk(desks)
    desk.preferences.update(jobs_on_close="go on")
    job = begin(desk, tiny_model, data)
    until(qtbot, desk, job, JobPhase.RUNNING)
    folder = desk.jobs.folder(job)
    qtbot.waitUntil(lambda: folder.worker() > 0, timeout=SOON_MS)
    desk.close()
    qtbot.waitUntil(lambda: not folder.worker(), timeout=LATER_MS)
    again = open_desk(desks)
    qtbot.waitUntil(lambda: len(again.ended) == 1, timeout=SOON_MS)
    assert again.ended[0].phase is JobPhase.DONE
    again.close()
    third = open_desk(desks)
    until(qtbot, third, job, JobPhase.DONE)
    assert third.ended == []


def test_a_failed_job_can_be_retried_and_says_why(desk, qtbot, tiny_model, tmp_path):
    data = write_dialogues(tmp_path / "there.jsonl")
    kept = data.read_bytes()
    data.write_text("", encoding="utf-8")
    job = begin(desk, tiny_model, data, output=str(tmp_path / "made.gguf"))
    until(qtbot, desk, job, JobPhase.FAILED)
    assert desk.jobs.entry(job).what.endswith(".")
    data.write_bytes(kept)
    desk.jobs.resume(job)
    until(qtbot, desk, job, JobPhase.DONE, timeout=LATER_MS)
    again = desk.jobs.retry(job)
    until(qtbot, desk, again, JobPhase.DONE, timeout=LATER_MS)
    assert (tmp_path / "made.gguf").is_file()
    assert (tmp_path / "made-2.gguf").is_file()


def test_a_deleted_job_can_be_brought_back(desk, qtbot, tiny_model, data):
    job = create_job(small_recipe(tiny_model, data), JobOrder())
    qtbot.waitUntil(lambda: desk.phase(job.id) is JobPhase.UNSTARTED, timeout=SOON_MS)
    desk.jobs.delete(job.id)
    qtbot.waitUntil(lambda: desk.phase(job.id) is None, timeout=SOON_MS)
    assert desk.told[-1].action == "Undo"
    desk.told[-1].act()
    qtbot.waitUntil(lambda: desk.phase(job.id) is JobPhase.UNSTARTED, timeout=SOON_MS)
    assert job.recipe().name == "small"


def test_a_folder_deleted_by_hand_is_gone_from_the_list(desk, qtbot, tiny_model, data):
    job = create_job(small_recipe(tiny_model, data), JobOrder())
    qtbot.waitUntil(lambda: desk.phase(job.id) is JobPhase.UNSTARTED, timeout=SOON_MS)
    shutil.rmtree(job.path)
    qtbot.waitUntil(lambda: desk.phase(job.id) is None, timeout=SOON_MS)
