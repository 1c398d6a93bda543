"""The page on which a person teaches her: steps that open as one goes, her learning, what came of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel, QRadioButton, QWidget

from companion.core.character import BUILT_IN
from companion.core.job import JobEnded, JobOrder, JobStarted, OutputWritten
from companion.core.job_folder import HELD_OUT_FILE, JobFolder
from companion.core.paths import own_adapters_folder
from companion.core.recipes.evaluate import Evaluate, Gate
from companion.core.recipes.fine_tune import FineTune
from companion.core.teaching.goals import Goal
from companion.ui.workshop.teach.lesson_view import GONE
from companion.ui.workshop.teach.outcome_card import NOT_CHECKED, ROLL_BACK
from companion.ui.workshop.teach.teach_page import TeachPage
from tests.small_recipes import write_dialogues
from tests.tiny_adapters import write_adapter
from tests.ui.workshop.conftest import Room
from tests.ui.workshop.written_jobs import NOON, job, learning, write

FOUND_MS, MEASURED_MS = 60_000, 120_000


@pytest.fixture
def page(room: Room, qtbot, tiny_model: Path):
    room.preferences.update(model=str(tiny_model))
    made = TeachPage(room.desk)
    qtbot.addWidget(made)
    made.resize(1000, 800)
    made.show()
    yield made
    made.hide()
    made.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_dialogues(tmp_path / "dialogues.jsonl")


@pytest.fixture
def adapter(tiny_model: Path) -> Path:
    own_adapters_folder().mkdir(parents=True)
    return write_adapter(own_adapters_folder() / "lesson.gguf", tiny_model, name="Lesson")


def talk(room: Room, title: str, *thumbs: int) -> int:
    """A conversation with a reply for every thumb."""
    made = room.store.create_conversation(character=BUILT_IN, character_name="Hoshi", title=title)
    parent = None
    for number, thumb in enumerate(thumbs):
        asked = room.store.add_message(made.id, parent=parent, role="user", text=f"What is star {number}?")
        said = room.store.add_message(made.id, parent=asked.id, role="assistant", text=f"A star: {number}.", model="m")
        room.store.set_feedback(said.id, thumb)
        parent = said.id
    room.conversations.refresh()
    return made.id


def words(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def choose(page: TeachPage, qtbot, *sources: str) -> None:
    page.teaching.pick(sources)
    qtbot.waitUntil(lambda: page.teaching.found is not None, timeout=FOUND_MS)


def lesson(name: str = "lesson", **more: object) -> FineTune:
    return FineTune(name=name, character="Hoshi", model="", **more)


def show(page: TeachPage, qtbot, folder: JobFolder) -> None:
    page._jobs.look()
    qtbot.waitUntil(lambda: page.lesson is not None and page.lesson.entry.id == folder.id, timeout=FOUND_MS)
    size = folder.events_file.stat().st_size
    qtbot.waitUntil(lambda: page._watch._reader._offset == size and not page._watch._is_reading, timeout=FOUND_MS)
    qtbot.wait(50)  # what is new is laid out


def finished(adapter: Path, name: str = "lesson", **metrics: float) -> JobFolder:
    told = {"held_out_loss_before": 1.9, "held_out_loss": 1.41, "llama_cpp_loss": 1.412, "torch_loss": 1.411} | metrics
    return job(
        name,
        *learning(),
        OutputWritten(file=str(adapter), kind="adapter", metrics={k: v for k, v in told.items() if v}, time=NOON + 130),
        JobEnded(state="done", what="All 40 steps are done; the adapter is that of step 40.", seconds=130, time=NOON + 131),
        recipe=lesson(name),
        order=JobOrder(lesson=True),
    )


def test_an_empty_page_teaches_in_one_sentence_and_offers_one_button(page: TeachPage):
    assert "talk with her and give thumbs" in page.form.sources.sentence.text()
    visible = [button for button in page.form.findChildren(QAbstractButton) if button.isVisible()]
    assert visible == [page.form.sources.add_button]


def test_steps_open_as_one_goes_and_close_again(page: TeachPage, room: Room, qtbot):
    talk(room, "Stars", 1, 1, -1)
    talk(room, "Rain", 0)
    form = page.form
    steps = (form.found, form.goal, form.effort, form.start_button)
    assert [step.isVisible() for step in steps] == [False] * 4
    assert "2 thumbs up, 1 down · 3 replies" in words(form.sources)
    first = next(iter(form.sources.boxes.values()))
    assert first.accessibleName() == "Stars, 2 thumbs up, 1 down · 3 replies"
    first.click()
    assert [step.isVisible() for step in steps] == [True, False, False, False]
    assert "Looking through it" in words(form.found)
    qtbot.waitUntil(form.goal.isVisible, timeout=FOUND_MS)
    assert "1 conversation: 2 replies that she can learn from" in words(form.found)
    assert "2 up, 1 down" in words(form.found)
    form.goal.cards[Goal.STOP].radio.click()
    assert [step.isVisible() for step in steps] == [True] * 4
    assert "KTO" in form.goal.cards[Goal.STOP].toolTip()
    assert form.tonight_button.isVisible()
    first.click()
    qtbot.waitUntil(lambda: not form.found.isVisible(), timeout=FOUND_MS)
    assert [step.isVisible() for step in steps] == [False] * 4


def test_a_goal_that_cannot_be_served_cannot_be_chosen_and_says_why(page: TeachPage, qtbot, data):
    choose(page, qtbot, str(data))
    card = page.form.goal.cards[Goal.STOP]
    assert not card.radio.isEnabled()
    assert "at least two replies that you judged" in words(card)
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    assert page.teaching.goal is None
    QTest.mouseClick(page.form.goal.cards[Goal.SOUND], Qt.MouseButton.LeftButton)
    assert page.teaching.goal is Goal.SOUND
    assert page.form.goal.cards[Goal.SOUND].property("chosen")


def test_what_it_takes_stands_on_every_card(page: TeachPage, qtbot, data):
    choose(page, qtbot, str(data))
    page.form.goal.cards[Goal.SOUND].radio.click()
    assert page.form.effort.measure_button.text() == "Stop measuring"
    qtbot.waitUntil(lambda: bool(page.teaching.costs), timeout=MEASURED_MS)
    for card in page.form.effort.cards.values():
        assert [line.split()[-1] for line in card.note.text().splitlines()][1:] == ["memory", "disk"]
        assert card.note.text().startswith("about ")
    assert not page.form.effort.measure_button.isVisible()
    page.form.effort.cards["thorough"].radio.click()
    assert page.teaching.effort == "thorough"


def test_measuring_goes_on_while_one_looks_at_another_page(page: TeachPage, qtbot, data):
    choose(page, qtbot, str(data))
    page.form.goal.cards[Goal.SOUND].radio.click()
    assert page.teaching.is_measuring
    page.hide()
    assert page.teaching.is_measuring
    page.show()
    assert page.teaching.is_measuring


def test_files_are_dropped_and_taken_off_again(page: TeachPage, qtbot, data):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(data))])
    action, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    page.form.dropEvent(QDropEvent(QPointF(), action, mime, button, keys))
    assert page.teaching.sources == (str(data),)
    assert page.form.sources.boxes[str(data)].accessibleName() == "dialogues.jsonl, file"
    page.form.sources.boxes[str(data)].click()
    assert page.teaching.sources == ()
    assert str(data) not in page.form.sources.boxes


def test_what_is_wrong_with_it_is_told_with_examples(page: TeachPage, qtbot, data):
    lines = data.read_text(encoding="utf-8").splitlines()
    data.write_text("\n".join([*lines, *lines[:4]]), encoding="utf-8")
    choose(page, qtbot, str(data))
    found = page.form.found
    assert "copies" in words(found) or "same" in words(found)
    assert found.cleaning.isVisible()
    assert found.cleaning.isChecked()
    found.cleaning.click()
    assert not page.teaching.cleans
    assert "is left out" not in words(found)
    found.cases.set_open(True)
    assert "is left out" in words(found)
    found.examples.set_open(True)
    assert "You: " in words(found)


def test_her_learning_is_watched_with_its_chart_and_samples(page: TeachPage, qtbot):
    folder = job("lesson", *learning(40, 20), recipe=lesson(), order=JobOrder(lesson=True))
    show(page, qtbot, folder)
    view = page.view
    assert view.isVisible()
    assert not view.outcome.isVisible()
    assert [len(line.curve) for line in view.chart.chart.lines] == [20, 3]
    assert "Which part went wrong? (20)" in words(view.samples)
    assert view.header.buttons["resume"].isVisible(), "its process is gone, and it can go on"
    assert view.else_button.isVisible()
    write(folder, *learning(40, 40)[-14:])
    page._watch.look()
    qtbot.waitUntil(lambda: len(view.chart.chart.lines[0].curve) > 20, timeout=FOUND_MS)


def test_somebody_elses_lesson_and_what_was_not_begun_here_are_not_shown(page: TeachPage, qtbot):
    job("hers", *learning(), recipe=FineTune(name="hers", character="Mia"), order=JobOrder(lesson=True))
    job("elsewhere", *learning(), recipe=lesson("elsewhere"))
    page._jobs.look()
    qtbot.waitUntil(lambda: len(page._jobs.entries) == 2, timeout=FOUND_MS)
    assert page.lesson is None
    assert page.form.isVisible()


def test_what_came_of_it_is_told_before_and_after_and_adopted_and_rolled_back(page: TeachPage, room: Room, qtbot, adapter):
    folder = finished(adapter)
    (folder.path / HELD_OUT_FILE).write_text("{}\n", encoding="utf-8")
    show(page, qtbot, folder)
    card = page.view.outcome
    assert card.number.text() == "39 %"
    assert card.means.text() == "less surprised by good replies that she has never seen"
    assert card.word.text() == "▲ better"
    assert "the loss is the same" in card.details.text()
    assert not page.view.header.buttons["retry"].isVisible()
    assert card.state.text() == NOT_CHECKED
    assert card.buttons["check"].isVisible()
    assert not page.bar.isVisible()
    card.buttons["adopt"].click()
    assert [each.file for each in room.characters.load(BUILT_IN).options.adapters] == [str(adapter)]
    assert page.bar.isVisible()
    assert "Hoshi talks with “lesson” since today" in page.bar.sentence.text()
    assert (card.buttons["adopt"].text(), card.buttons["adopt"].isEnabled()) == ("Adopted", False), "nothing takes its place"
    assert not card.buttons["else"].isVisible(), "how she is now is with it"
    card.buttons["again"].click()
    assert page.form.isVisible()
    assert page.bar.isVisible(), "the way back is always in sight"
    page.form.last_button.click()
    assert page.view.isVisible()
    page.bar.button.click()
    assert room.characters.load(BUILT_IN).options.adapters is None
    assert not page.bar.isVisible()
    assert card.buttons["adopt"].isEnabled()


def test_a_loss_is_told_as_a_loss_with_advice_that_teach_can_follow(page: TeachPage, qtbot, adapter):
    folder = finished(adapter, held_out_loss=1.92)
    ended = JobEnded(state="done", what="Done.", remedy="Try a lower learning rate.", seconds=70, time=NOON + 131)
    write(folder, JobStarted(pid=2, time=NOON + 140), ended)
    show(page, qtbot, folder)
    card = page.view.outcome
    assert (card.number.text(), card.word.text(), card.word.property("role")) == ("2 %", "▼ worse", "problem")
    assert "more surprised" in card.means.text()
    assert "More dialogues help most" in words(page.view.messages)
    assert "learning rate" not in words(page.view)
    assert "3 min" in words(page.view.figures), "both runs"


def test_comparing_blind_leads_to_her_as_before_and_with_what_she_learned(page: TeachPage, room: Room, qtbot, adapter):
    show(page, qtbot, finished(adapter))
    page.view.outcome.buttons["compare"].click()
    assert room.compared == [(("",), ("", f"{adapter}:1"))]


def test_what_is_in_the_trash_is_not_said_to_be_there(page: TeachPage, qtbot, adapter):
    show(page, qtbot, finished(adapter))
    adapter.rename(adapter.with_suffix(".deleted"))
    page.taught.changed.emit()
    qtbot.waitUntil(lambda: not page.view.outcome.isVisible(), timeout=FOUND_MS)
    assert [message.what for message in page.view.messages.shown] == [GONE]


def test_what_was_not_measured_is_not_claimed(page: TeachPage, qtbot, adapter):
    show(page, qtbot, finished(adapter, held_out_loss_before=0.0, held_out_loss=0.0))
    card = page.view.outcome
    assert not card.number.isVisible()
    assert "too little to hold some of it back" in card.details.text()
    assert card.state.text() == ROLL_BACK, "why it was not measured is said once"
    assert not card.buttons["check"].isVisible()


@pytest.mark.parametrize(
    ("verdict", "says", "why", "adopt"),
    [
        ("Adopt: the loss on your dialogues fell by 0.2.", "adopt.", "The loss on your dialogues fell by 0.2.", "Adopt"),
        ("Keep the model as it is: it got worse.", "keep the model as it is.", "It got worse.", "Adopt anyway"),
        ("It broke off.", "", "It broke off.", "Adopt"),
    ],
)
def test_the_verdict_of_the_check_stands_there(page: TeachPage, room: Room, qtbot, adapter, verdict, says, why, adopt):
    folder = finished(adapter)
    check = Evaluate(name="check", subjects=(("model.gguf",), ("model.gguf", f"{adapter}:1")), gate=Gate(enabled=True))
    checked = job("check", JobEnded(state="done", what=verdict, time=NOON + 200), recipe=check)
    show(page, qtbot, folder)
    outcome = page.view.outcome
    qtbot.waitUntil(lambda: outcome.verdict.text() == why, timeout=FOUND_MS)
    assert outcome.decision.text() == (f"The check says: {says}" if says else "")
    assert outcome.buttons["adopt"].text() == adopt
    outcome.buttons["report"].click()
    assert room.went == [str(checked.output / "report.json")]


def test_teaching_again_goes_on_from_what_she_learned(page: TeachPage, qtbot, adapter):
    show(page, qtbot, finished(adapter))
    page.view.outcome.buttons["again"].click()
    assert page.form.isVisible()
    qtbot.waitUntil(lambda: page.teaching.before.start == str(adapter), timeout=FOUND_MS)


def test_a_lesson_begins_with_the_conversation_that_is_open(page: TeachPage, room: Room, qtbot, adapter):
    stars = talk(room, "Stars", 1, 1)
    show(page, qtbot, finished(adapter))
    page.learn_from_talk(stars)
    assert page.form.isVisible()
    assert page.teaching.sources == (f"conversation:{stars}",)
    empty = talk(room, "Nothing said")
    page.learn_from_talk(empty)
    assert page.teaching.sources == (f"conversation:{stars}",)


def test_everything_is_reached_with_the_keyboard_and_has_a_name(page: TeachPage, room: Room, qtbot):
    talk(room, "Stars", 1, -1, 1)
    choose(page, qtbot, *page.form.sources.boxes)
    sound = page.form.goal.cards[Goal.SOUND].radio
    sound.setFocus()
    qtbot.keyClick(sound, Qt.Key.Key_Space)
    assert page.teaching.goal is Goal.SOUND
    qtbot.keyClick(sound, Qt.Key.Key_Down)
    assert page.teaching.goal is Goal.STOP
    for button in page.findChildren(QAbstractButton):
        if button.isVisible():
            assert button.accessibleName() or button.text(), button
            is_one_of_several = isinstance(button, QRadioButton)  # Tab comes to the chosen one, arrows to the others
            assert button.focusPolicy() & Qt.FocusPolicy.TabFocus or is_one_of_several, button.text()


def test_how_she_does_in_real_talk_stands_below_the_steps_and_leads_back_to_the_first(page: TeachPage, room: Room, qtbot):
    page.resize(1000, 300)
    talk(room, "Stars", *[1, -1] * 30)
    qtbot.waitUntil(page.quality.isVisible)
    assert page.quality.mapTo(page.form, page.quality.rect().topLeft()).y() > page.form.sources.y()
    page.quality.watch.follow(False)
    page.quality.watch.follow(True)
    qtbot.waitUntil(page.quality.teach.isVisible, timeout=FOUND_MS)
    bar = page.form._scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    page.quality.teach.click()
    assert bar.value() == 0


@pytest.mark.parametrize(("width", "font"), [(640, 14), (640, 28), (1000, 28), (2400, 14)])
def test_the_page_holds_at_every_width_and_size_of_letters(page: TeachPage, room: Room, qtbot, width, font):
    talk(room, "A conversation with a rather long title about stars, comets and the weather on Sunday", 1, -1, 1)
    choose(page, qtbot, *page.form.sources.boxes)
    page.form.goal.cards[Goal.STOP].radio.click()
    page._desk.theme.set_font_size(font)
    page.resize(width, 700)
    qtbot.wait(100)
    assert page.width() == width
    for step in (page.form.sources, page.form.found, page.form.goal, page.form.effort):
        assert step.mapTo(page, step.rect().topRight()).x() <= page.width()
        assert step.minimumSizeHint().width() <= step.width()
