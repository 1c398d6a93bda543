"""The whole loop in the real window: talk, judge, teach, watch, adopt, talk on, roll back; and every process dies once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication

from companion.app.engine_state import EngineState
from companion.app.job_entry import JobPhase
from companion.core.appearance import Appearance
from companion.core.paths import settings_file
from companion.core.sampling import Sampling
from companion.core.settings import Settings, save_settings
from companion.core.teaching.goals import Goal
from companion.core.teaching.plan import Effort
from companion.program import Program
from companion.ui.shell import Shell
from companion.ui.workshop.teach.teach_page import TeachPage
from tests.small_recipes import end_jobs, write_dialogues

SOON_MS, LATER_MS = 120_000, 600_000
LINES = ("Do you like the rain?", "What do you do when nobody comes?", "Tell me about your tea.")
BETTER = "Rain? Then the dome stays shut and I read. And you?"
LESSON = "Hoshi-sounds-like-this"
pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes otherwise"),
    pytest.mark.qt_log_ignore(r"does not support (propagateSizeHints|raise\(|grabbing the keyboard)"),
]


@pytest.fixture(autouse=True)
def no_job_left_behind() -> Iterator[None]:
    yield
    end_jobs()


class Sitting:
    """The program in its window, as one person uses it; `reopen` closes it and begins anew."""

    def __init__(self, qapp: QApplication, qtbot) -> None:
        self._qapp, self._qtbot = qapp, qtbot
        self.program = self._opened()

    def _opened(self) -> Program:
        window = Shell(self._qapp, Appearance(theme="dark"))
        self._qtbot.addWidget(window)
        with self._qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        made = Program(self._qapp, window)
        window.resize(1280, 900)
        return made

    def close(self) -> None:
        self.program.close()
        self.program.theme.deleteLater()

    def reopen(self) -> None:
        self.close()
        self.program = self._opened()

    def until(self, condition, timeout: int = LATER_MS) -> None:
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=timeout)

    def click(self, button: QAbstractButton) -> None:
        self.until(button.isVisible, SOON_MS)
        self._qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def say(self, text: str) -> list[str]:
        """Talk; which adapters were on the model when she answered."""
        self.until(lambda: self.program.engine.state is EngineState.READY, SOON_MS)
        self.program.content.show_page("chat")
        with self._qtbot.waitSignal(self.program.chat.reply_finished, timeout=SOON_MS):
            self.program.chat.send(text)
        return [Path(adapter.path).stem for adapter in self.program.engine.model.adapters]

    @property
    def page(self) -> TeachPage:
        return self.program.workshop.panel.pages["teach"]

    @property
    def phase(self) -> JobPhase | None:
        lesson = self.page.lesson
        return lesson.entry.phase if lesson is not None else None

    def points(self) -> int:
        return max((len(line.curve) for line in self.page.view.chart.chart.lines), default=0)

    def worker(self) -> int:
        return self.program.workshop.jobs.folder(self.page.lesson.entry.id).worker()


@pytest.mark.parametrize(
    ("model", "more", "effort"),
    [("talkative_model", 24, "balanced"), pytest.param("starter", 0, "quick", marks=pytest.mark.slow)],
)
def test_talk_judge_teach_adopt_talk_on_and_roll_back_while_every_process_dies_once(
    qapp, qtbot, request, tmp_path, model, more, effort
):
    """`more` dialogues from a file keep a tiny model busy for some seconds, too."""
    chosen = "" if model == "starter" else str(request.getfixturevalue(model))
    save_settings(
        settings_file(),
        Settings(
            model=chosen, theme="dark", reduce_motion=True, typing_rhythm=False, person_name="Sam", jobs_on_close="go on",
            sampling=Sampling(max_tokens=24, seed=1),
        ),
    )  # fmt: skip
    sitting = Sitting(qapp, qtbot)
    try:
        as_before = _talk_and_judge(sitting)
        _teach(sitting, [write_dialogues(tmp_path / "more.jsonl", more)] if more else [], effort)
        _lose_the_job_the_window_and_the_engine(sitting)
        _adopt_and_roll_back(sitting, as_before)
    finally:
        sitting.close()


def _talk_and_judge(sitting: Sitting) -> list[str]:
    """What she talks with before anything was taught."""
    chat = sitting.program.chat
    adapters = [sitting.say(line) for line in LINES][-1]
    replies = [step.message.id for step in chat.path if step.message.role == "assistant" and step.message.parent is not None]
    chat.give_feedback(replies[1], 1)
    chat.give_feedback(replies[2], -1)
    chat.edit(replies[0], BETTER)
    assert LESSON not in adapters
    return adapters


def _teach(sitting: Sitting, files: list[Path], effort: Effort) -> None:
    """From the button in the chat to the first point of the live chart."""
    program = sitting.program
    sitting.click(program.content.chat_view.header.teach_button)
    page = sitting.page
    assert page.isVisible()
    assert page.teaching.sources == (f"conversation:{program.conversations.current.id}",)
    page.teaching.pick((*page.teaching.sources, *map(str, files)))
    sitting.until(page.form.goal.isVisible)
    sitting.click(page.form.goal.cards[Goal.SOUND].radio)
    sitting.click(page.form.effort.cards[effort].radio)
    sitting.click(page.form.start_button)
    sitting.until(lambda: sitting.phase is JobPhase.RUNNING)
    sitting.until(lambda: sitting.points() > 0)
    assert page.view.header.stage.text()


def _lose_the_job_the_window_and_the_engine(sitting: Sitting) -> None:
    """Each is killed or closed in turn, and everything is found again."""
    before = sitting.points()
    os.kill(sitting.worker(), signal.SIGKILL)
    sitting.until(lambda: sitting.phase is JobPhase.STOPPED)
    assert "ended by force" in sitting.page.view.messages.shown[0].what
    sitting.click(sitting.page.view.header.buttons["resume"])
    sitting.until(lambda: sitting.worker() > 0)

    lesson = sitting.page.lesson.entry.id
    sitting.reopen()
    sitting.program.content.show_page("workshop")
    sitting.until(lambda: sitting.page.lesson is not None and sitting.page.lesson.entry.id == lesson)
    sitting.until(lambda: sitting.points() >= before)

    sitting.until(lambda: sitting.program.engine.state is EngineState.READY, SOON_MS)
    engine = sitting.program.engine.process_id
    os.kill(engine, signal.SIGKILL)
    sitting.until(lambda: sitting.program.engine.process_id not in (0, engine), SOON_MS)
    sitting.until(lambda: sitting.program.engine.state is EngineState.READY, SOON_MS)
    assert not psutil.pid_exists(engine)
    assert sitting.page.lesson.entry.id == lesson


def _adopt_and_roll_back(sitting: Sitting, as_before: list[str]) -> None:
    page = sitting.page
    sitting.until(lambda: sitting.phase is JobPhase.DONE)
    sitting.until(page.view.outcome.isVisible)
    assert page.view.outcome.details.text()
    sitting.click(page.view.outcome.buttons["adopt"])
    assert sitting.say("And now?") == [LESSON]
    sitting.program.content.show_page("workshop")
    assert "Hoshi talks with" in page.bar.sentence.text()
    sitting.click(page.bar.button)
    assert sitting.say("Still you?") == as_before
