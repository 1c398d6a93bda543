"""The page of jobs, redrawn from folders only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QAbstractButton, QLabel, QPushButton, QWidget

from companion.app.job_entry import JobPhase
from companion.core.job import (
    BuildProven,
    CrossValidation,
    JobEnded,
    JobOrder,
    JobStarted,
    OutputWritten,
    PartMeasured,
    Proven,
    StageBegan,
    StageProgress,
    Trouble,
)
from companion.core.job_folder import JobFolder
from companion.core.job_lock import JobLock
from companion.core.job_queue import wanted
from companion.core.library.report_list import REPORT
from companion.core.messages import encode
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.quantize import Quantize
from companion.ui.workshop.jobs.jobs_page import JobsPage
from tests.ui.workshop.conftest import Room
from tests.ui.workshop.written_jobs import NOON, evaluated, finished, job, learning, step, trouble, write

LISTED_MS = 10_000


@pytest.fixture
def page(room: Room, qtbot) -> JobsPage:
    made = JobsPage(room.desk)
    qtbot.addWidget(made)
    made.resize(1000, 800)
    made.show()
    return made


def look_at(page: JobsPage, qtbot, folder: JobFolder) -> None:
    page._jobs.look()
    qtbot.waitUntil(lambda: page._jobs.entry(folder.id) is not None, timeout=LISTED_MS)
    page.show_job(folder.id)
    size = folder.events_file.stat().st_size if folder.events_file.exists() else 0
    qtbot.waitUntil(lambda: page._watch is not None and page._watch.folder.id == folder.id, timeout=LISTED_MS)
    qtbot.waitUntil(lambda: page._watch._reader._offset == size and not page._watch._is_reading, timeout=LISTED_MS)
    qtbot.waitUntil(lambda: not page.details.charts._waiting, timeout=LISTED_MS)
    qtbot.wait(50)  # what is new is laid out


@contextmanager
def locked(folder: JobFolder) -> Iterator[None]:
    """As while a process works on it."""
    lock = JobLock(folder.lock_file)
    assert lock.acquire()
    yield
    lock.release()


def words(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def shown_charts(page: JobsPage) -> list[str]:
    return [title for title, card in page.details.charts.cards.items() if card.isVisible()]


def test_an_empty_page_teaches_in_one_sentence_and_leads_on(page: JobsPage, room: Room):
    assert page.empty.isVisible()
    page.empty.button.click()
    assert room.went == ["teach"]


def test_a_finished_job_is_redrawn_from_its_folder(page: JobsPage, qtbot, tmp_path):
    folder = job("Hoshi, warmer", *finished(tmp_path / "hoshi.gguf"))
    look_at(page, qtbot, folder)
    assert shown_charts(page) == [
        "Loss", "Learning rate", "Gradient norm", "Speed, tokens per second", "Memory", "Processor",
    ]  # fmt: skip
    loss = page.details.charts.cards["Loss"].chart
    assert [len(line.curve) for line in loss.lines] == [40, 5]
    told = words(page.details)
    for word in ("Hoshi, warmer", "All 40 steps are done", "1.41", "−0.49", "40 of 40", "Adapter: hoshi.gguf", "2 min"):
        assert word in told
    assert page.details.header.chip.accessibleName() == "State: done"


def test_samples_can_be_followed_from_measurement_to_measurement(page: JobsPage, qtbot, tmp_path):
    look_at(page, qtbot, job("one", *finished(tmp_path / "a.gguf")))
    samples = page.details.samples
    assert "(40)" in words(samples)
    assert "before: As an AI language model" in words(samples)
    qtbot.mouseClick(samples.earlier, Qt.MouseButton.LeftButton)
    assert "(30)" in words(samples)
    samples.slider.setValue(0)
    assert "before the first step, held-out loss 1.900" in words(samples)
    assert not samples.earlier.isEnabled()


def test_what_a_job_made_leads_to_where_it_can_be_used(page: JobsPage, room: Room, qtbot, tmp_path):
    look_at(page, qtbot, job("one", *finished(tmp_path / "a.gguf")))
    (use,) = [each for each in page.details.results.findChildren(QPushButton) if each.text() == "Use it…"]
    use.click()
    assert room.went == [str(tmp_path / "a.gguf")]


def test_what_she_would_say_now_is_what_the_kept_measurement_said(page: JobsPage, qtbot, tmp_path):
    *events, output, end = finished(tmp_path / "a.gguf")
    look_at(page, qtbot, job("one", *events, evaluated(45, 9.9, "Worse (45)", best=False), output, end))
    samples = page.details.samples
    assert "(40)" in words(samples)
    assert "She would say now" in words(samples)
    assert "the best, which was kept" in words(samples)
    qtbot.mouseClick(samples.later, Qt.MouseButton.LeftButton)
    assert "Worse (45)" in words(samples)
    assert "now" not in words(samples)


def test_a_job_that_died_says_so_and_trouble_is_told_with_what_to_do(page: JobsPage, qtbot, room: Room):
    folder = job("dead", *learning(40, 23), trouble(23))
    look_at(page, qtbot, folder)
    assert page._jobs.entry(folder.id).phase is JobPhase.STOPPED
    told = words(page.details.messages)
    assert "It stopped without a word" in told
    assert "Step 23: She learns the dialogues by heart." in told
    assert "More dialogues help." in told
    buttons = page.details.header.buttons
    assert [name for name, button in buttons.items() if button.isVisible()] == ["resume", "cancel"]
    assert buttons["cancel"].text() == "Stop and keep best"


def test_a_job_that_grows_is_drawn_while_it_grows(page: JobsPage, qtbot):
    folder = job("growing", *learning(100, 10))
    look_at(page, qtbot, folder)
    chart = page.details.charts.cards["Loss"].chart
    assert len(chart.lines[0].curve) == 10
    write(folder, *(step(number, 100) for number in range(11, 51)))
    page._watch.look()
    qtbot.waitUntil(lambda: len(chart.lines[0].curve) == 50, timeout=LISTED_MS)
    qtbot.waitUntil(lambda: not page.details.charts._waiting, timeout=LISTED_MS)
    assert chart.shown.high == 50


def test_kinds_without_curves_are_told_as_stages_and_figures(page: JobsPage, qtbot):
    parts = [
        PartMeasured(
            subject="starter", title=title, state=state, part=number, parts=3, seconds=65.0, found=found, why=why, time=NOON
        )
        for number, (title, state, found, why) in enumerate(
            (("Talk", "done", "ends her turn 93 %", ""), ("Mood", "skipped", "", "No moods are given.")), 1
        )
    ]
    folder = job(
        "", JobStarted(pid=1, time=NOON), StageBegan(stage="evaluating", sentence="starter: Talk", time=NOON), *parts,
        JobEnded(state="interrupted", what="The job was paused after part 2."), recipe=Evaluate(name="starter, measured"),
    )  # fmt: skip
    look_at(page, qtbot, folder)
    assert shown_charts(page) == []
    told = words(page.details)
    for word in (
        "starter, measured",
        "Talk: starter, ends her turn 93 % (1 min)",
        "Mood: starter, skipped: No moods are given.",
        "2 of 3",
        "Parts",
    ):
        assert word in told
    assert page.details.header.buttons["cancel"].text() == "Stop and report"


def test_a_cross_validation_lists_its_folds_and_leads_to_its_report(page: JobsPage, room: Room, qtbot):
    losses = ((2.103, 1.734), (2.054, 1.698))
    folds = [
        PartMeasured(
            subject="learned from 48 dialogues", title=f"Fold {number}", state="done", part=number, parts=2, seconds=65.0,
            before=before, after=after, time=NOON,
        )
        for number, (before, after) in enumerate(losses, 1)
    ]  # fmt: skip
    overfits = Trouble(step=0, kind="overfitting", what="Fold 2, step 40: by heart.", remedy="More dialogues help.", time=NOON)
    folder = job(
        "Hoshi", JobStarted(pid=1, time=NOON), *folds, overfits, order=JobOrder(cross_validation=CrossValidation())
    )  # fmt: skip
    report = folder.output / REPORT
    report.write_text("{}", encoding="utf-8")
    write(
        folder,
        OutputWritten(file=str(report), kind="report", time=NOON),
        JobEnded(state="done", what="This recipe helps.", seconds=130.0),
    )
    look_at(page, qtbot, folder)
    told = words(page.details)
    for word in (
        "Cross-validation of Hoshi", "This recipe helps.", "Fold 2, step 40: by heart.", "1.72", "−0.36", "Folds", "2 of 2",
        "Fold 2: learned from 48 dialogues, held-out loss 2.054 → 1.698 (1 min)", "2 min",
    ):  # fmt: skip
        assert word in told
    assert "Step 0" not in told
    assert "Cross-validation of Hoshi" in [row.title for row in page.list.rows.rows]
    next(each for each in page.details.results.findChildren(QAbstractButton) if each.text() == "Read").click()
    assert room.went == [str(report)]


def test_a_cross_validation_says_how_long_all_its_folds_will_take(page: JobsPage, qtbot):
    folder = job("Hoshi", JobStarted(pid=1, time=NOON), order=JobOrder(cross_validation=CrossValidation()))
    write(folder, StageBegan(stage="training", sentence="Fold 1 of 5: learning from 48 dialogues", time=NOON))
    folder.progress_file.write_bytes(encode(StageProgress(fraction=0.15, seconds_left=420.0)))
    with locked(folder):
        look_at(page, qtbot, folder)
        assert "Fold 1 of 5: learning from 48 dialogues." in words(page.details.header)
        assert page.details.header.bar.value() == 150
        assert "about 7 min" in words(page.details.figures)
        assert page.list.rows.rows[0].captions == ("running, 7 min left",)
        assert page.list.rows.rows[0].fraction == pytest.approx(0.15)


def test_a_long_name_has_two_lines_and_what_is_counted_is_named(page: JobsPage, qtbot):
    short, long = job("Hoshi"), job("Standard evaluation of SmolLM2-135M-Instruct-Q4_1", *learning(4, 4))
    write(long, StageBegan(stage="verifying", sentence="Checking the adapter in llama.cpp", time=time.time()))
    long.progress_file.write_bytes(encode(StageProgress(fraction=0.25)))
    with locked(long):
        look_at(page, qtbot, long)
        rows = page.list.rows
        assert rows.rows[rows.place(long.id)].captions[0].startswith("step 4 of 4")
        assert page.details.header.bar.value() == 1000  # as in the list
        assert "Checking the adapter in llama.cpp, 25 %." in words(page.details.header)
        heights = [page.list.sizeHintForRow(rows.place(folder.id)) for folder in (short, long)]
        assert heights[1] > heights[0] + 10


def test_a_quantization_shows_its_builds(page: JobsPage, qtbot, tmp_path, monkeypatch):
    proven = Proven(
        bytes=82_000_000, bits_per_weight=4.87, divergence=0.0213, dialogues=0.02, general=0.0226, same_top=0.931,
        perplexity=15.2, source_perplexity=14.9, read=700, write=118, source_read=560, source_write=52,
    )  # fmt: skip
    picture = tmp_path / "front.svg"
    folder = job(
        "", JobStarted(pid=1, time=NOON), BuildProven(name="build", kinds={"Q4_0": 200}, proven=proven, time=NOON),
        OutputWritten(file=str(picture), kind="picture", time=NOON), JobEnded(state="done", what="The build is proven."),
        recipe=Quantize(name="fitted"),
    )  # fmt: skip
    look_at(page, qtbot, folder)
    told = words(page.details)
    for word in ("82 MB", "4.87 bits per weight", "118 tok/s", "was 52", "Picture: front.svg"):
        assert word in told
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    button = next(each for each in page.details.results.findChildren(QAbstractButton) if each.text() == "Open")
    button.click()
    assert opened == [str(picture)]


def test_speeds_that_were_measured_beside_other_programs_are_called_uncertain(page: JobsPage, qtbot):
    rest = ("bits_per_weight", "divergence", "dialogues", "general", "same_top", "perplexity", "source_perplexity", "read")
    proven = Proven(**dict.fromkeys(rest, 1.0), bytes=8, write=118, source_write=36, source_read=1.0, other_cores=1.7)
    look_at(page, qtbot, job("", JobStarted(pid=1, time=NOON), BuildProven(name="build", kinds={"Q4_0": 200}, proven=proven)))
    told = words(page.details)
    assert "was 36; uncertain, other programs were busy" in told
    assert "; other programs were busy, so the speeds are uncertain" in told


def test_another_job_takes_the_place_of_the_one_that_was_shown(page: JobsPage, qtbot, tmp_path):
    first, second = job("first", *finished(tmp_path / "a.gguf")), job("second", JobStarted(pid=1, time=NOON))
    look_at(page, qtbot, first)
    assert shown_charts(page)
    look_at(page, qtbot, second)
    assert shown_charts(page) == []
    assert "second" in words(page.details.header)
    assert not page.details.samples.isVisible()
    page.show_job(first.id)
    qtbot.waitUntil(lambda: shown_charts(page) != [], timeout=LISTED_MS)
    assert "first" in words(page.details.header)


def test_a_job_that_is_chosen_before_it_is_listed_is_shown_when_it_is(page: JobsPage, qtbot, tmp_path):
    look_at(page, qtbot, job("older", *finished(tmp_path / "a.gguf")))
    new = job("newer")
    page.show_job(new.id)
    qtbot.waitUntil(lambda: "newer" in words(page.details.header), timeout=LISTED_MS)
    assert page.list.key == new.id


def test_the_log_is_written_when_it_is_opened_and_goes_on(page: JobsPage, qtbot):
    folder = job("log", *learning(40, 10))
    look_at(page, qtbot, folder)
    assert page.details.log.toPlainText() == ""
    page.details.log_fold.set_open(True)
    text = page.details.log.toPlainText()
    for line in ("Reading the dialogues.", "90 dialogues to learn from, 10 held out", "Held-out loss after step 10: 1.7850"):
        assert line in text
    write(folder, JobEnded(state="interrupted", what="The job was paused after step 10.", time=NOON + 200))
    page._watch.look()
    qtbot.waitUntil(lambda: "paused after step 10" in page.details.log.toPlainText(), timeout=LISTED_MS)


def test_a_chart_is_saved_and_a_full_disk_becomes_a_notice(page: JobsPage, qtbot, room: Room, tmp_path):
    look_at(page, qtbot, job("saved", *finished(tmp_path / "a.gguf")))
    chart = page.details.charts.cards["Loss"].chart
    page.save_chart(chart, tmp_path / "loss.csv")
    assert (tmp_path / "loss.csv").read_text(encoding="utf-8").startswith("step,training,held-out\n0,,1.9\n1,")
    (tmp_path / "file").write_text("", encoding="utf-8")
    page.save_chart(chart, tmp_path / "file" / "loss.png")
    assert "could not be saved" in room.told[-1].what


def test_a_job_for_tonight_says_what_it_waits_for_and_can_be_started_now(page: JobsPage, qtbot, room: Room):
    name = room.jobs.start(FineTune(name="Hoshi, warmer"), JobOrder(), tonight=True)
    folder = room.jobs.folder(name)
    qtbot.waitUntil(lambda: (entry := room.jobs.entry(name)) is not None and entry.waits_for == "tonight", timeout=LISTED_MS)
    look_at(page, qtbot, folder)
    header = page.details.header
    assert header.chip.accessibleName() == "State: waits for tonight"
    assert "The window must stay open." in header.stage.text()
    assert header.buttons["resume"].text() == "Start now"
    assert header.buttons["pause"].text() == "Take off the queue"
    qtbot.mouseClick(header.buttons["resume"], Qt.MouseButton.LeftButton)
    room.jobs.set_tight(True)  # else a process would begin
    qtbot.waitUntil(lambda: room.jobs.entry(name).waits_for == "memory", timeout=LISTED_MS)
    assert wanted(folder).tonight is False
    qtbot.waitUntil(lambda: "when there is memory" in header.stage.text(), timeout=LISTED_MS)
    assert not header.buttons["resume"].isVisible()
    qtbot.mouseClick(header.buttons["pause"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: room.jobs.entry(name).phase is JobPhase.UNSTARTED, timeout=LISTED_MS)
    header.tonight_action.trigger()
    qtbot.waitUntil(lambda: room.jobs.entry(name).tonight, timeout=LISTED_MS)


def test_a_narrow_page_shows_the_list_or_a_job(page: JobsPage, qtbot, tmp_path):
    page.resize(560, 700)
    folder = job("narrow", *finished(tmp_path / "a.gguf"))
    look_at(page, qtbot, folder)
    assert page.details.isVisible()
    assert not page.list.isVisible()
    qtbot.mouseClick(page.details.header.back, Qt.MouseButton.LeftButton)
    assert page.list.isVisible()
    assert not page.details.isVisible()


def test_a_damaged_recipe_can_be_looked_at(page: JobsPage, qtbot):
    folder = job("damaged", *learning(40, 5))
    folder.recipe_file.write_text("{", encoding="utf-8")
    look_at(page, qtbot, folder)
    assert "cannot be resumed" in words(page.details.messages) or "not resumed" in words(page.details.messages)
    assert not page.details.header.buttons["resume"].isVisible()


def test_everything_has_a_name_and_can_be_reached_with_the_keyboard(page: JobsPage, qtbot, tmp_path):
    look_at(page, qtbot, job("named", *finished(Path("/made/a.gguf"))))
    for button in page.findChildren(QAbstractButton):
        if button.isVisible():
            assert button.accessibleName() or button.text()
            assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    index = page.list.rows.index(0)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole).startswith("named, Fine-tuning, done")
