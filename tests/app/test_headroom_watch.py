"""A job makes room when memory gets tight. What is left is told to the watch; the jobs are real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.app import headroom_watch as module
from companion.app.headroom_watch import HeadroomWatch
from companion.app.job_entry import JobPhase
from companion.core.headroom import MEMORY_FLOOR, Headroom
from tests.app.test_jobs import LONG, SOON_MS, Desk, begin, learning, until
from tests.small_recipes import end_jobs, write_dialogues

HELD = 1 << 30


class Machine:
    """How much memory is left."""

    def __init__(self) -> None:
        self.available = 8 << 30
        self.asked_about: set[int] = set()

    def beside(self, pid: int) -> Headroom:
        self.asked_about.add(pid)
        return Headroom(available=self.available, held=HELD if pid else 0)


@pytest.fixture
def machine(monkeypatch) -> Machine:
    found = Machine()
    monkeypatch.setattr(module, "headroom_beside", found.beside)
    monkeypatch.setattr(module, "LOOK_MS", 100)
    monkeypatch.setattr(module, "ROOM_SECONDS", 1.0)
    return found


@pytest.fixture
def desk(qapp, machine) -> Iterator[Desk]:
    made = Desk()
    watch = HeadroomWatch(made.jobs, made.notices)
    made.jobs.begin()
    yield made
    watch.close()
    made.close()
    end_jobs()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_dialogues(tmp_path_factory.mktemp("data") / "dialogues.jsonl")


def test_it_pauses_says_why_and_goes_on_when_there_is_room_for_what_it_held(desk, qtbot, machine, tiny_model, data):
    job = begin(desk, tiny_model, data, *LONG)
    learning(qtbot, desk, job)
    assert desk.jobs.folder(job).worker() in machine.asked_about
    machine.available = MEMORY_FLOOR - 1
    until(qtbot, desk, job, JobPhase.WAITING)
    assert desk.told[-1].what == "Only 537 MB of memory are left: “small” writes a checkpoint and pauses."
    assert desk.jobs.entry(job).waits_for == "memory"
    assert desk.ended == []
    step = desk.jobs.folder(job).resumable_step()
    machine.available = MEMORY_FLOOR + HELD - 1
    qtbot.wait(1800)
    assert desk.phase(job) is JobPhase.WAITING, "it would not fit"
    another = begin(desk, tiny_model, data)
    qtbot.wait(1000)
    assert desk.phase(another) is JobPhase.WAITING, "nothing begins while memory is tight"
    machine.available = MEMORY_FLOOR + HELD
    qtbot.waitUntil(lambda: desk.step(job) > step and desk.phase(job) is JobPhase.RUNNING, timeout=SOON_MS)


def test_a_moment_of_need_passes_and_a_machine_that_does_not_tell_is_never_tight(desk, qtbot, machine, tiny_model, data):
    machine.available = 0
    job = begin(desk, tiny_model, data, *LONG)
    learning(qtbot, desk, job)
    qtbot.wait(800)
    assert desk.phase(job) is JobPhase.RUNNING
    assert desk.told == []
