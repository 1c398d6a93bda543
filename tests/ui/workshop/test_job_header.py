"""What can be done with a job: the buttons keep their places, and the keyboard stays at them."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QVBoxLayout, QWidget

from companion.app.job_entry import JobEntry, JobPhase
from companion.core.job import FINISHES_PART
from companion.core.job_folder import JobSummary
from companion.ui.workshop.jobs.job_header import JobHeader


@pytest.fixture
def page(qtbot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def header(theme, page: QWidget) -> JobHeader:
    """At the top of a page, as everywhere."""
    column, made = QVBoxLayout(page), JobHeader(theme)
    column.addWidget(made)
    column.addStretch(1)
    page.resize(700, 400)
    page.show()
    return made


def in_phase(phase: JobPhase, kind: str = "fine-tune", stage: str = "", *, outputs: tuple[str, ...] = ()) -> JobEntry:
    summary = JobSummary(id="j", kind=kind, name="", state="running", outputs=outputs)
    return JobEntry(id="j", summary=summary, phase=phase, stage=stage)


def test_what_a_pause_and_an_early_end_wait_for_is_said(header: JobHeader):
    header.show_entry(in_phase(JobPhase.PAUSING))
    assert header.stage.text() == "Writing a checkpoint, then it pauses."
    header.show_entry(in_phase(JobPhase.PAUSING, "evaluate", "starter: Cost"))
    assert "that part is measured anew" in header.stage.text()
    header.show_entry(in_phase(JobPhase.ENDING, "evaluate", "starter: Cost"))
    assert header.stage.text().startswith("It leaves the part that it is in, which can take a minute")
    header.show_entry(in_phase(JobPhase.ENDING, "evaluate", FINISHES_PART))
    assert header.stage.text() == f"{FINISHES_PART}."
    header.show_entry(in_phase(JobPhase.CANCELLED, "evaluate", outputs=("report.json",)))
    assert header.chip.accessibleName() == "State: done early"
    header.show_entry(in_phase(JobPhase.CANCELLED, "evaluate"))
    assert header.chip.accessibleName() == "State: cancelled"


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
