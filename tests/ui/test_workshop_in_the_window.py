"""The workshop in the real window, with real job processes: begun from the form, watched, paused, killed, found again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from companion.app.job_entry import JobPhase
from companion.core.appearance import Appearance
from companion.core.job import JobOrder
from companion.core.job_folder import create_job
from companion.core.job_queue import want
from companion.core.paths import settings_file
from companion.core.recipes.files import with_changes
from companion.core.settings import Settings, save_settings
from companion.core.suites import read_suite
from companion.program import Program
from companion.ui.shell import Shell
from companion.ui.workshop.jobs.jobs_page import JobsPage
from companion.ui.workshop.recipe.recipe_page import RecipePage
from companion.ui.workshop.sections import SECTIONS
from tests.small_recipes import end_jobs, small_recipe, write_dialogues

SOON_MS, LATER_MS = 30_000, 600_000
LONG = ("training.epochs=1000", "training.tokens_per_step=64", "watch.samples=0", "training.patience=0")
WAYS = ("Quantize", "Tune", "Prune", "Distill", "This computer")
SMALLEST = (
    "likelihood.dialogues=1", "likelihood.most_tokens=64", "likelihood.context=32", "replies.dialogues=1",
    "persona.enabled=false", "safety.enabled=false", "mood.enabled=false", "robustness.enabled=false", "cost.enabled=false",
    "overlap.enabled=false", "talk.enabled=false", "character=",
)  # fmt: skip
FEW = (
    "data.longest=96", "data.most_held_out=2", "training.tokens_per_step=64", "training.epochs=1000", "adapter.rank=2",
    "machine.threads=1", "machine.micro_batch_tokens=64", "watch.evaluations=1", "watch.samples=1", "watch.sample_tokens=2",
    "watch.checkpoint_steps=1", "training.patience=0", "optimizer.learning_rate=0.0001",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_job_left_behind() -> Iterator[None]:
    yield
    end_jobs()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_dialogues(tmp_path_factory.mktemp("data") / "dialogues.jsonl")


def open_window(qapp: QApplication, qtbot) -> Program:
    window = Shell(qapp, Appearance(theme="dark"))
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    made = Program(qapp, window)
    window.resize(1280, 800)
    return made


def shut(program: Program) -> None:
    program.close()
    program.theme.deleteLater()


def click(qtbot, button) -> None:
    qtbot.waitUntil(button.isVisible)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def jobs_page(program: Program) -> JobsPage:
    return program.workshop.panel.pages["jobs"]


def phase(program: Program, job: str) -> JobPhase | None:
    entry = program.workshop.jobs.entry(job)
    return entry.phase if entry is not None else None


def points(program: Program) -> int:
    card = jobs_page(program).details.charts.cards.get("Loss")
    return max((len(line.curve) for line in card.chart.lines), default=0) if card is not None else 0


def begin(program: Program, model: Path, data: Path) -> str:
    """A job that goes on until it is ended."""
    return program.workshop.jobs.start(with_changes(small_recipe(model, data), list(LONG)), JobOrder())


def test_nothing_of_the_workshop_is_made_before_somebody_goes_there(program: Program, qtbot):
    assert "jobs" not in vars(program.workshop)
    click(qtbot, program.content.rail.buttons["workshop"])
    assert program.workshop.panel.isVisible()
    assert not program.content.stage.isVisible(), "she has a smaller stage there"
    qtbot.waitUntil(program.workshop.panel.stage.isVisible)
    assert program.content.rail.buttons["workshop"].isChecked()


def test_every_page_is_reached_with_the_mouse_and_the_keyboard(program: Program, qtbot):
    program.content.show_page("workshop")
    panel = program.workshop.panel
    names = list(panel.navigation.buttons)
    assert names == list(SECTIONS)
    before = names[names.index("jobs") - 1]
    click(qtbot, panel.navigation.buttons["jobs"])
    assert panel.page == "jobs"
    panel.navigation.buttons["jobs"].setFocus()
    qtbot.keyClick(panel.navigation.buttons["jobs"], Qt.Key.Key_Up)
    assert panel.page == before
    assert program.window.focusWidget() is panel.navigation.buttons[before]
    program.window.resize(1000, 640)
    qtbot.waitUntil(lambda: panel.bar.isVisible() and not panel.navigation.isVisible())
    panel.bar.choose(names.index("jobs"))
    assert panel.page == "jobs"


def test_a_narrow_workshop_counts_its_jobs_and_its_tabs_stay_as_high(program: Program, qtbot):
    program.theme.set_font_size(24)
    program.content.show_page("workshop")
    program.window.resize(1000, 640)
    panel = program.workshop.panel
    heights = set()
    for page in ("teach", "data", "train", "library"):
        panel.show_page(page)
        qtbot.wait(50)
        heights.add(panel.bar.height())
        assert panel.bar.height() >= panel.bar.buttons()[0].sizeHint().height(), "no frame of the focus is cut"
    assert len(heights) == 1
    panel.bar.set_note(list(SECTIONS).index("jobs"), 1, "1 running")
    tab = panel.bar.buttons()[list(SECTIONS).index("jobs")]
    assert (tab.text(), tab.accessibleName()) == ("Jobs · 1", "Jobs, 1 running")
    panel.bar.set_note(list(SECTIONS).index("jobs"), 0, "")
    assert tab.text() == "Jobs"


def test_what_this_computer_is_stands_below(program: Program, qtbot):
    program.content.show_page("workshop")
    qtbot.waitUntil(lambda: "core" in program.workshop.panel.navigation.machine.text(), timeout=SOON_MS)


def test_a_dataset_leads_to_a_lesson_and_a_comparison_to_the_form_of_a_blind_test(program: Program, data):
    wiring = program.workshop
    program.content.show_page("workshop")
    wiring.learn_from(str(data))
    assert wiring.panel.page == "teach"
    assert wiring.panel.pages["teach"].teaching.sources == (str(data),)
    wiring.compare(("one.gguf",), ("one.gguf", "lesson.gguf:1"))
    assert wiring.panel.page == "evaluate"
    page = wiring.panel.pages["evaluate"]
    assert page.stack.currentWidget() is page.blind_form


@pytest.mark.parametrize(("width", "height", "font"), [(1000, 640, 14), (1000, 640, 28), (1280, 800, 28), (3840, 2160, 14)])
def test_pages_hold_at_every_size_of_window_and_letters(program: Program, qtbot, width, height, font):
    program.content.show_page("workshop")
    program.theme.set_font_size(font)
    program.window.resize(width, height)
    panel = program.workshop.panel
    plain = ("teach", "data", "train", "evaluate", "jobs")
    for page, way in (*((page, "") for page in plain), *(("optimize", way) for way in WAYS)):
        panel.show_page(page)
        if way:
            panel.pages[page].show_way(way)
        qtbot.wait(100)
        assert program.window.size().toTuple() == (width, height), "nothing pushes the window wider"
        shown = panel.pages[page]
        assert shown.minimumSizeHint().width() <= shown.width()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes otherwise")
@pytest.mark.parametrize("model", ["tiny_model", pytest.param("starter", marks=pytest.mark.slow)])
def test_teaching_from_the_form_through_pause_and_death_to_a_kept_result(qapp, qtbot, request, model, data, home):
    """In one go, as a person would."""
    model = str(request.getfixturevalue(model))
    save_settings(settings_file(), Settings(theme="dark", reduce_motion=True, jobs_on_close="go on", person_name="Sam"))
    program = open_window(qapp, qtbot)
    click(qtbot, program.content.rail.buttons["workshop"])
    click(qtbot, program.workshop.panel.navigation.buttons["train"])
    train = program.workshop.panel.pages["train"]
    assert isinstance(train, RecipePage)
    train.form.load(with_changes(replace(train.form.recipe(), model=model, name="warmer", character=""), list(FEW)))
    train.form.top.rows["data_files"].editor.add([str(data)])
    click(qtbot, train.start_button)
    assert program.workshop.panel.page == "jobs"
    jobs, page = program.workshop.jobs, jobs_page(program)
    job = page.list.key
    qtbot.waitUntil(lambda: points(program) > 2, timeout=LATER_MS)
    assert phase(program, job) is JobPhase.RUNNING
    assert page.details.header.stage.text()
    before = points(program)
    qtbot.waitUntil(lambda: points(program) > before, timeout=LATER_MS)

    click(qtbot, page.details.header.buttons["pause"])
    qtbot.waitUntil(lambda: phase(program, job) is JobPhase.PAUSED, timeout=LATER_MS)
    step = jobs.folder(job).resumable_step()
    assert step > 0
    click(qtbot, page.details.header.buttons["resume"])
    qtbot.waitUntil(lambda: jobs.entry(job).summary.step > step and phase(program, job) is JobPhase.RUNNING, timeout=LATER_MS)

    os.kill(jobs.folder(job).worker(), signal.SIGKILL)
    qtbot.waitUntil(lambda: phase(program, job) is JobPhase.STOPPED, timeout=LATER_MS)
    assert "ended by force" in page.details.messages.shown[0].what
    click(qtbot, page.details.header.buttons["resume"])
    qtbot.waitUntil(lambda: phase(program, job) is JobPhase.RUNNING and jobs.folder(job).worker() > 0, timeout=LATER_MS)

    worker = jobs.folder(job).worker()
    shut(program)
    again = open_window(qapp, qtbot)
    again.content.show_page("workshop")
    again.workshop.show("jobs")
    qtbot.waitUntil(lambda: phase(again, job) is JobPhase.RUNNING, timeout=LATER_MS)
    assert again.workshop.jobs.folder(job).worker() == worker, "it was never interrupted"
    page = jobs_page(again)
    page.show_job(job)
    qtbot.waitUntil(lambda: points(again) > 2, timeout=LATER_MS)
    click(qtbot, page.details.header.buttons["cancel"])
    qtbot.waitUntil(lambda: phase(again, job) is JobPhase.CANCELLED, timeout=LATER_MS)
    assert (home / "data" / "adapters" / "warmer.gguf").is_file()
    shut(again)


def answer(words: str, seen: list[str]) -> None:
    """Press a button of the question that stands before the window, as soon as it does."""

    def press() -> None:
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            QTimer.singleShot(50, press)
            return
        seen.append(box.text())
        next(button for button in box.buttons() if button.text() == words).click()

    QTimer.singleShot(50, press)


@pytest.mark.parametrize(
    ("words", "closes", "kept"), [("Keep the window open", False, "ask"), ("Close, the job pauses", True, "pause")]
)
def test_closing_with_a_job_asks_once_and_remembers(program: Program, qtbot, tiny_model, data, words, closes, kept):
    program.content.show_page("workshop")
    job = begin(program, tiny_model, data)
    qtbot.waitUntil(lambda: phase(program, job) is JobPhase.RUNNING, timeout=SOON_MS)
    seen: list[str] = []
    answer(words, seen)
    assert program.window.close() is closes
    assert seen == ["“small” is still running."]
    assert program.preferences.settings.jobs_on_close == kept
    if closes:
        program.close()
        folder = program.workshop.jobs.folder(job)
        qtbot.waitUntil(lambda: not folder.worker(), timeout=SOON_MS)
        assert folder.wanted_file.exists(), "the next window goes on with it"
    program.preferences.update(jobs_on_close="pause")  # the test's own end closes the window, too


def test_the_end_of_a_job_is_told_to_whoever_is_elsewhere(program: Program, qtbot, tiny_model, data):
    program.workshop.jobs.begin()
    program.workshop.jobs.start(small_recipe(tiny_model, data), JobOrder())
    with qtbot.waitSignal(program.notices.notice_raised, timeout=LATER_MS) as told:
        pass
    notice = told.args[0]
    assert notice.what.startswith("“small” is done.")
    notice.act()
    assert program.workshop.panel.page == "jobs"
    qtbot.waitUntil(jobs_page(program).details.results.isVisible, timeout=SOON_MS)


@pytest.mark.parametrize("is_lesson", [True, False])
def test_the_end_of_a_lesson_leads_to_the_lesson(program: Program, qtbot, tiny_model, data, is_lesson):
    program.workshop.jobs.begin()
    program.workshop.show("library")
    with qtbot.waitSignal(program.notices.notice_raised, timeout=LATER_MS) as told:
        job = program.workshop.jobs.start(small_recipe(tiny_model, data), JobOrder(lesson=is_lesson))
    notice = told.args[0]
    assert notice.what == "“small” is done."
    assert notice.remedy.count(". ") == 0, "one sentence; the rest stands where it leads"
    assert notice.waits
    notice.act()
    assert program.workshop.panel.page == ("teach" if is_lesson else "jobs")
    if is_lesson:
        assert program.workshop._teach_page.lesson.entry.id == job


def test_the_end_of_an_evaluation_leads_to_its_report(program: Program, qtbot, tiny_model):
    program.workshop.jobs.begin()
    program.workshop.show("library")
    recipe = with_changes(read_suite("quick"), SMALLEST)
    with qtbot.waitSignal(program.notices.notice_raised, timeout=LATER_MS) as told:
        program.workshop.jobs.start(replace(recipe, name="look", subjects=((str(tiny_model),),)), JobOrder())
    assert told.args[0].what == "“look” is done."
    told.args[0].act()
    assert program.workshop.panel.page == "evaluate"
    page = program.workshop.panel.pages["evaluate"]
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.report, timeout=SOON_MS)


def test_what_a_notice_tells_of_a_job_goes_when_its_page_comes(program: Program, qtbot, tiny_model, data):
    program.workshop.jobs.begin()
    program.workshop.show("data")
    program.workshop.jobs.start(small_recipe(tiny_model, data), JobOrder())
    area = program.content.notice_area
    qtbot.waitUntil(lambda: [card.notice.action for card in area.cards] == ["Look"], timeout=LATER_MS)
    program.workshop.show("library")
    qtbot.wait(50)
    assert area.cards
    program.workshop.show("jobs")
    qtbot.waitUntil(lambda: not area.cards, timeout=SOON_MS)


def test_work_that_waits_from_the_last_time_goes_on_by_itself(program: Program, qtbot, tiny_model, data):
    folder = create_job(small_recipe(tiny_model, data), JobOrder())
    want(folder)
    told: list[str] = []
    program.notices.notice_raised.connect(lambda notice: told.append(notice.what))
    program.workshop.start()
    qtbot.waitUntil(lambda: phase_if_there(program, folder.id) is JobPhase.DONE, timeout=LATER_MS)
    qtbot.waitUntil(lambda: len(told) == 2, timeout=SOON_MS)
    assert told == ["“small” begins.", "“small” is done."]


def phase_if_there(program: Program, job: str) -> JobPhase | None:
    return phase(program, job) if "jobs" in vars(program.workshop) else None
