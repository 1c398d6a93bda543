"""What can be done with a job: the buttons keep their places, and the keyboard stays at them."""

from __future__ import annotations

import pytest

from companion.app.job_entry import JobEntry, JobPhase
from companion.core.job_folder import JobSummary
from companion.ui.workshop.jobs.job_header import JobHeader


@pytest.fixture
def header(theme, qtbot) -> JobHeader:
    made = JobHeader(theme)
    qtbot.addWidget(made)
    made.resize(700, 200)
    made.show()
    return made


def in_phase(phase: JobPhase) -> JobEntry:
    return JobEntry(id="j", summary=JobSummary(id="j", kind="fine-tune", name="", state="running"), phase=phase)


def test_nothing_slides_under_the_pointer_when_pause_is_pressed(header: JobHeader, qtbot):
    header.show_entry(in_phase(JobPhase.RUNNING))
    qtbot.wait(20)
    pause = header.buttons["pause"]
    place = pause.geometry().center()
    header.show_entry(in_phase(JobPhase.PAUSING))
    qtbot.wait(20)
    assert header.childAt(place) is pause
    assert pause.text() == "Pausing…"


def test_the_keyboard_stays_at_the_buttons(header: JobHeader, qtbot):
    header.show_entry(in_phase(JobPhase.RUNNING))
    header.activateWindow()
    header.buttons["pause"].setFocus()
    qtbot.waitUntil(header.buttons["pause"].hasFocus)
    header.show_entry(in_phase(JobPhase.PAUSED))
    assert header.buttons["resume"].hasFocus()
    header.show_entry(in_phase(JobPhase.RUNNING))
    assert header.buttons["pause"].hasFocus()
