"""Jobs for the night begin when nobody needs the computer and leave when somebody comes, with real job processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer

from companion.app import nights as module
from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.app.job_entry import JobPhase
from companion.app.nights import Hindrance, Nights
from companion.core.job import JobEnded, JobOrder
from companion.core.job_queue import wanted
from tests.app.test_jobs import LATER_MS, LONG, SOON_MS, begin, learning, until
from tests.app.test_jobs import Desk as JobsDesk
from tests.small_recipes import end_jobs, small_recipe, write_dialogues

IDLE_SECONDS = 0.5


class Desk(JobsDesk):
    """By day; nobody is there."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine()
        self.nights = Nights(self.jobs, self.engine, self.preferences, self.notices)
        self.nights.touch()
        self._there = QTimer(interval=100)
        self._there.timeout.connect(self.nights.touch)

    def be_night(self, is_night: bool = True) -> None:
        """Every hour is night, or none that can be now."""
        hour = module.datetime.now().hour
        ends = 0 if is_night else (hour + 4) % 24
        self.preferences.update(night_begins=0 if is_night else (hour + 3) % 24, night_ends=ends)

    def stay_there(self) -> None:
        """Somebody touches the window again and again, until they go away."""
        self._there.start()
        self.nights.touch()
        self.nights.look()

    def go_away(self) -> None:
        self._there.stop()

    def close(self) -> None:
        self._there.stop()
        self.nights.close()
        super().close()


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", IDLE_SECONDS)
    monkeypatch.setattr(module, "LOOK_MS", 100)
    monkeypatch.setattr(module, "on_battery", lambda: False)
    monkeypatch.delenv("DISPLAY", raising=False)  # else the idle time is that of the desk on which the tests run


@pytest.fixture
def desks(qapp) -> Iterator[list[Desk]]:
    made: list[Desk] = []
    yield made
    for desk in made:
        desk.close()
    end_jobs()


def open_desk(desks: list[Desk], *, is_night: bool) -> Desk:
    desks.append(Desk())
    desks[-1].be_night(is_night)
    desks[-1].jobs.begin()
    return desks[-1]


@pytest.fixture
def desk(desks: list[Desk]) -> Desk:
    return open_desk(desks, is_night=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_dialogues(tmp_path_factory.mktemp("data") / "dialogues.jsonl")


def put_off(desk: Desk, tiny_model: Path, data: Path, *changes: str) -> str:
    return desk.jobs.start(small_recipe(tiny_model, data, *changes), JobOrder(), tonight=True)


def test_it_begins_at_night_gives_way_and_goes_on_from_its_checkpoint(desk, qtbot, tiny_model, data):
    job = put_off(desk, tiny_model, data, *LONG)
    assert desk.preferences.settings.teach_at_night, "who puts a job off wants the nights to be used"
    qtbot.waitUntil(lambda: (entry := desk.jobs.entry(job)) is not None and entry.waits_for == "tonight", timeout=SOON_MS)
    assert "The window must stay open" in desk.jobs.entry(job).stage
    assert desk.jobs.entry(job).state_words == "waits for tonight"
    qtbot.wait(1500)
    assert not desk.jobs.folder(job).worker(), "by day nothing begins"
    desk.be_night()
    learning(qtbot, desk, job)
    desk.stay_there()
    until(qtbot, desk, job, JobPhase.WAITING)
    assert desk.told[-1].what.startswith("You are back: “small” writes a checkpoint and pauses.")
    assert desk.ended == [], "it is not over"
    folder = desk.jobs.folder(job)
    assert [event for event in folder.events() if isinstance(event, JobEnded)][-1].state == "interrupted"
    step = folder.resumable_step()
    assert step > 0
    desk.go_away()
    qtbot.waitUntil(lambda: desk.step(job) > step and desk.phase(job) is JobPhase.RUNNING, timeout=SOON_MS)


def test_what_waits_for_the_night_can_be_started_now(desk, qtbot, tiny_model, data):
    job = put_off(desk, tiny_model, data, *LONG)
    qtbot.waitUntil(lambda: (entry := desk.jobs.entry(job)) is not None and entry.may_start_now, timeout=SOON_MS)
    desk.jobs.resume(job)
    learning(qtbot, desk, job)
    desk.stay_there()
    qtbot.wait(800)
    assert desk.phase(job) is JobPhase.RUNNING, "the person wants it now"
    desk.jobs.pause(job)
    until(qtbot, desk, job, JobPhase.PAUSED)
    assert wanted(desk.jobs.folder(job)) is None


def test_a_job_of_the_day_does_not_wait_for_those_of_the_night(desk, qtbot, tiny_model, data):
    waiting = put_off(desk, tiny_model, data)
    now = begin(desk, tiny_model, data)
    until(qtbot, desk, now, JobPhase.DONE, timeout=LATER_MS)
    assert desk.phase(waiting) is JobPhase.WAITING
    desk.be_night()
    until(qtbot, desk, waiting, JobPhase.DONE, timeout=LATER_MS)


def test_switched_off_nothing_begins_and_the_job_says_why(desk, qtbot, tiny_model, data):
    job = put_off(desk, tiny_model, data)
    desk.preferences.update(teach_at_night=False)
    desk.be_night()
    qtbot.waitUntil(lambda: "switched off" in (entry.stage if (entry := desk.jobs.entry(job)) else ""), timeout=SOON_MS)
    qtbot.wait(1200)
    assert desk.phase(job) is JobPhase.WAITING
    desk.preferences.update(teach_at_night=True)
    until(qtbot, desk, job, JobPhase.DONE, timeout=LATER_MS)


def test_it_leaves_with_the_window_and_waits_for_the_next_night(desks, qtbot, tiny_model, data):
    first = open_desk(desks, is_night=True)
    first.preferences.update(jobs_on_close="go on")
    job = put_off(first, tiny_model, data, *LONG)
    learning(qtbot, first, job)
    folder = first.jobs.folder(job)
    first.close()
    qtbot.waitUntil(lambda: not folder.worker(), timeout=SOON_MS)
    again = open_desk(desks, is_night=False)
    qtbot.waitUntil(lambda: (entry := again.jobs.entry(job)) is not None and entry.waits_for == "tonight", timeout=SOON_MS)


def test_what_stands_in_the_way_is_known_by_name(desk, qtbot, monkeypatch):
    qtbot.wait(round(1500 * IDLE_SECONDS))
    assert desk.nights.hindrance() is Hindrance.OFF
    desk.preferences.update(teach_at_night=True)
    assert desk.nights.hindrance() is Hindrance.DAY
    desk.be_night()
    assert desk.nights.hindrance() is None
    monkeypatch.setattr(module, "on_battery", lambda: True)
    assert desk.nights.hindrance() is Hindrance.BATTERY
    desk.engine.state = EngineState.ANSWERING
    assert desk.nights.hindrance() is Hindrance.PERSON
    desk.engine.state = EngineState.STOPPED
    desk.nights.touch()
    assert desk.nights.hindrance() is Hindrance.PERSON
