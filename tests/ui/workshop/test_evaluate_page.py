"""The page on which one measures and judges: real reports, a real evaluation of a tiny model, and a real blind test."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from companion.app.blind_test import BlindState
from companion.core.character import BUILT_IN
from companion.core.job import JOBS_FOLDER
from companion.core.judgement import Outcome, all_judgements
from companion.core.paths import data_folder, models_folder, own_adapters_folder, own_models_folder
from companion.core.report import GATE
from companion.core.report_file import read_report
from companion.ui.fold import Fold
from companion.ui.workshop.evaluate.evaluate_page import EvaluatePage
from companion.ui.workshop.evaluate.metric_table import MetricTable
from companion.ui.workshop.evaluate.sample_talks import SampleTalks
from tests.small_recipes import write_dialogues
from tests.tiny_adapters import write_adapter
from tests.ui.workshop.conftest import Room
from tests.workshop.recipes.small_evaluations import write_suite

SOON_MS = 90_000
SHIPPED = models_folder() / "hoshi" / "report.json"


@pytest.fixture
def base(talkative_model: Path, home: Path) -> Path:
    own_models_folder().mkdir(parents=True)
    return shutil.copyfile(talkative_model, own_models_folder() / "base.gguf")


@pytest.fixture
def voice(base: Path) -> Path:
    own_adapters_folder().mkdir(parents=True)
    return write_adapter(own_adapters_folder() / "voice.gguf", base, size=3.0, name="Voice")


@pytest.fixture
def page(room: Room, base: Path, voice: Path, qtbot) -> Iterator[EvaluatePage]:
    room.preferences.update(model=str(base))
    made = EvaluatePage(room.desk)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    qtbot.waitUntil(lambda: _is_settled(made, room), timeout=SOON_MS)
    yield made
    made.close()


def _is_settled(page: EvaluatePage, room: Room) -> bool:
    collection = room.library.collection
    return page.evaluations.found is not None and collection is not None and not collection.without_checksum


@pytest.fixture
def small_suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every suite is one that takes a second."""
    folder = tmp_path / "shipped" / "suites"
    folder.mkdir(parents=True)
    for name in ("quick", "standard"):
        suite = write_suite(folder / f"{name}.toml")
        suite.write_text(f"# Takes a second: {name}.\n{suite.read_text()}")
    monkeypatch.setattr("companion.core.suites.models_folder", lambda: folder.parent)


def choose(page: EvaluatePage, key: object) -> None:
    page.list.setCurrentIndex(page.list.rows.index(page.list.rows.place(str(key))))


def opened(page: EvaluatePage, file: Path, qtbot) -> None:
    choose(page, file)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.report, timeout=SOON_MS)


def words(page: EvaluatePage) -> str:
    return "\n".join(label.text() for label in page.report.findChildren(QLabel))


def written_report(change) -> Path:
    """A report as a finished job leaves it: the shipped one, changed."""
    told = json.loads(SHIPPED.read_text(encoding="utf-8"))
    change(told)
    file = data_folder() / JOBS_FOLDER / "20260101-000000-written" / "output" / "report.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def measured(page: EvaluatePage, room: Room, qtbot) -> Path:
    """Start what the form asks for, and wait for its report."""
    known = {report.file for report in page.evaluations.found.reports}
    with qtbot.waitSignal(room.jobs.ended, timeout=SOON_MS) as ended:
        page.form.start_button.click()
        qtbot.waitUntil(lambda: room.jobs.entry(page.list.rows.rows[0].key) is not None, timeout=SOON_MS)
        choose(page, page.list.rows.rows[0].key)
        assert "is under way" in page.waiting.sentence.text()
        assert page.waiting.button.isVisible()
    assert ended.args[0].phase.value == "done", ended.args[0].what
    qtbot.waitUntil(lambda: {report.file for report in page.evaluations.found.reports} - known != set(), timeout=SOON_MS)
    (new,) = {report.file for report in page.evaluations.found.reports} - known
    return Path(new)


def test_the_shipped_report_is_read_in_the_window(page: EvaluatePage, qtbot):
    opened(page, SHIPPED, qtbot)
    report = read_report(SHIPPED)
    assert page.report.verdict.text() == report.verdict
    shown = words(page)
    for said in (
        "Held-out loss",
        "nats per token, less is better",
        "3.20",
        "3.10 to 3.28",
        "▲ better",
        "▼ worse",
        "○ within chance",
    ):
        assert said in shown
    counted = [metric for metric in report.measured[1].metrics().values() if metric.headline]
    assert len(page.report.head_table.lines) == len(counted)
    line = next(line for line in page.report.head_table.lines if line.accessibleName().startswith("Held-out loss"))
    assert line.accessibleName().endswith("better")


def test_a_family_is_made_when_it_is_opened(page: EvaluatePage, qtbot):
    opened(page, SHIPPED, qtbot)
    assert len(page.report.findChildren(MetricTable)) == 1
    assert not page.report.findChildren(SampleTalks)
    part = next(part for part in page.report.parts if part.part.key == "talk")
    assert "▲ 2 better" in part.button.text()
    part.button.click()
    assert len(page.report.findChildren(MetricTable)) == 2
    (samples,) = page.report.findChildren(SampleTalks)
    assert samples.shown == 3
    sample = part.part.talks[0]
    shown = words(page)
    assert f"You: {sample.prompt}" in shown
    assert all(reply.strip() in shown for reply in sample.replies)
    samples.more.click()
    assert samples.shown == len(part.part.talks)
    assert not samples.more.isVisible()
    part.button.click()
    part.button.click()
    assert len(page.report.findChildren(MetricTable)) == 2


def test_the_page_is_opened_and_the_report_saved_as_it_is(page: EvaluatePage, qtbot, tmp_path):
    opened(page, SHIPPED, qtbot)
    asked, wanted = [], []
    for signal, heard in ((page.report.page_requested, asked), (page.report.export_requested, wanted)):
        signal.disconnect()
        signal.connect(heard.append)
    page.report.page_button.click()
    assert asked == [str(SHIPPED.with_suffix(".html"))]
    page.report.export_button.click()
    page.save_report(wanted[0], tmp_path / "mine.json")
    assert read_report(tmp_path / "mine.json") == read_report(SHIPPED)


def test_what_cannot_be_saved_or_read_is_said(page: EvaluatePage, room: Room, qtbot, tmp_path):
    file = written_report(lambda told: told.update(verdict="Soon gone."))
    page.evaluations.refresh()
    qtbot.waitUntil(lambda: len(page.evaluations.found.reports) == 2, timeout=SOON_MS)
    found = page.evaluations.found.reports[0]
    page.save_report(found, tmp_path / "nowhere" / "mine.json")
    assert "could not be saved" in room.told[-1].what
    file.write_text("{", encoding="utf-8")
    choose(page, file)
    qtbot.waitUntil(lambda: "is not a report" in page.waiting.sentence.text(), timeout=SOON_MS)
    assert page.stack.currentWidget() is page.waiting


def test_her_model_is_preselected_with_and_without_the_newest_adapter(page: EvaluatePage):
    assert [each.name for each in page.form.subjects.chosen()] == ["base", "base + Voice"]
    assert "“base” is the yardstick" in page.form.subjects.order.text()
    assert page.form.gate.isEnabled()
    for box in page.form.subjects.boxes.values():
        box.setChecked(False)
    page.form.subjects.choose()
    assert not page.form.start_button.isEnabled()
    assert page.form.problem.text() == "Tick at least one to be measured."
    assert not page.form.gate.isEnabled()


def test_an_evaluation_is_started_listed_read_and_its_time_is_known_the_next_time(
    small_suites, page: EvaluatePage, room: Room, qtbot, tmp_path
):
    assert "Takes a second: quick." in page.form.suite.buttons["quick"].accessibleDescription()
    page.form.data.add([str(write_dialogues(tmp_path / "talks.jsonl"))])
    file = measured(page, room, qtbot)
    assert room.went, "it leads to the job"
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.report, timeout=SOON_MS)
    assert page.list.key == str(file), "whoever waits for the report gets it"
    assert re.match(r"About \d+ s, going by the last time", page.form.suite.buttons["quick"].accessibleDescription())
    assert "About" not in page.form.suite.buttons["standard"].accessibleDescription()
    opened(page, file, qtbot)
    assert page.report.verdict.text().startswith("base + voice ")
    assert page.report.about.text().startswith("suite quick · today")


def test_two_reports_are_compared_without_measuring_again(small_suites, page: EvaluatePage, room: Room, qtbot, tmp_path):
    page.form.data.add([str(write_dialogues(tmp_path / "talks.jsonl"))])
    alone, adapted = list(page.form.subjects.boxes)[:2]
    page.form.subjects.choose(alone)
    first = measured(page, room, qtbot)
    page.form.subjects.choose(adapted)
    measured(page, room, qtbot)
    opened(page, first, qtbot)
    (other,) = page.report.menu.actions()
    assert other.text().startswith("base + voice")
    with qtbot.waitSignal(page.evaluations.compared, timeout=SOON_MS) as compared:
        other.trigger()
        assert page.report.compare_button.text() == "Comparing…"
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.report and len(page.report.report.measured) == 2, timeout=SOON_MS)
    assert [one.subject.name for one in page.report.report.measured] == ["base", "base + voice"]
    assert page.report.report.comparisons
    assert page.list.key == compared.args[0]
    assert len([job for job in room.jobs.entries if job.summary.kind == "evaluate"]) == 2


def test_a_gate_without_dialogues_of_which_it_is_known_that_it_did_not_learn_them_asks_for_some(
    page: EvaluatePage, room: Room, qtbot
):
    page.form.gate.click()
    page.form.start_button.click()
    qtbot.waitUntil(page.form.problem.isVisible, timeout=SOON_MS)
    assert "Add some under “Dialogues”" in page.form.problem.text()
    assert page.form.data_fold.is_open
    assert page.form.data.add_files.hasFocus()
    qtbot.waitUntil(lambda: not page.form.data.add_files.visibleRegion().isEmpty(), timeout=SOON_MS)
    assert room.went == []


def test_what_the_gate_is_for_is_adopted_or_left(page: EvaluatePage, room: Room, qtbot):
    item = next(each for each in room.library.collection.items if each.name == "Voice")

    def decided(told) -> None:
        told["verdict"] = "Adopt: the loss on your dialogues fell by 0.63 nats per token."
        told["measured"][-1]["subject"]["adapters"][0]["sha256"] = item.sha256
        told["measured"][-1]["sections"].insert(0, {"key": GATE, "title": "Whether to adopt it"})

    file = written_report(decided)
    page.evaluations.refresh()
    qtbot.waitUntil(lambda: len(page.evaluations.found.reports) == 2, timeout=SOON_MS)
    opened(page, file, qtbot)
    gate = page.report.gate
    assert gate.isVisible()
    assert gate.heading.text() == "The gate is for “starter + hoshi”"
    gate.keep_button.click()
    assert "She stays as she is" in gate.state.text()
    assert room.characters.load(BUILT_IN).options.adapters is None
    gate.adopt_button.click()
    assert room.characters.load(BUILT_IN).options.adapters[0].file == str(item.path)
    qtbot.waitUntil(lambda: gate.state.text() == "Hoshi talks with it.", timeout=SOON_MS)
    assert not gate.adopt_button.isEnabled()


def test_what_was_measured_without_a_decision_leads_to_the_gate(small_suites, page: EvaluatePage, room: Room, qtbot, tmp_path):
    page.form.data.add([str(write_dialogues(tmp_path / "talks.jsonl"))])
    opened(page, measured(page, room, qtbot), qtbot)
    assert page.report.gate.heading.text() == "Nothing is decided about “base + voice”"
    page.report.gate.decide_button.click()
    assert page.stack.currentWidget() is page.form
    assert page.form.decides
    assert page.form.suite.suite == "standard"
    assert [each.name for each in page.form.subjects.chosen()] == ["base", "base + Voice"]


def test_the_gate_is_offered_only_where_all_that_was_measured_is_here(page: EvaluatePage, room: Room, qtbot):
    items = {each.name: each for each in room.library.collection.items}
    report = json.loads(SHIPPED.read_text(encoding="utf-8"))
    report["measured"][-1]["subject"]["adapters"][0]["sha256"] = items["Voice"].sha256
    file = written_report(lambda told: told.update(report))
    page.evaluations.refresh()
    qtbot.waitUntil(lambda: len(page.evaluations.found.reports) == 2, timeout=SOON_MS)
    opened(page, file, qtbot)
    assert page.report.gate.isHidden(), "the adapter is here, but not the model it was measured with"
    for one in report["measured"]:
        one["subject"]["model"]["sha256"] = items["base"].sha256
    file.write_text(json.dumps(report), encoding="utf-8")
    opened(page, SHIPPED, qtbot)
    assert page.report.gate.isHidden(), "nothing of it is here"
    opened(page, file, qtbot)
    assert page.report.gate.decide_button.isVisible()


def test_a_blind_test_by_keys_only_is_told_at_the_end_and_found_again(page: EvaluatePage, room: Room, qtbot):
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    page.blind_button.click()
    assert [box.currentText() for box in (page.blind_form.one, page.blind_form.other)] == ["base", "base + Voice"]
    page.blind_form.wished.disconnect()
    page.blind_form.wished.connect(lambda wish: page._start_test(wish._replace(prompts=4, tokens=6)))
    page.blind_form.start_button.click()
    assert page.stack.currentWidget() is page.blind
    assert room.jobs.are_wanted, "what nobody asked for waits meanwhile"
    test = page.test

    def asked() -> None:
        qtbot.waitUntil(lambda: test.state in (BlindState.ASKING, BlindState.FAILED), timeout=SOON_MS)
        assert test.state is BlindState.ASKING, test.what

    asked()
    first = test.pair
    assert {page.blind.left.text.text(), page.blind.right.text.text()} == {first.first.strip(), first.second.strip()}
    for key, done in ((Qt.Key.Key_Left, 1), (Qt.Key.Key_Backspace, 0), (Qt.Key.Key_Right, 1), (Qt.Key.Key_Down, 2)):
        asked()
        QTest.keyClick(page.blind, key)
        assert test.done == done + test.alike
    asked()
    shown = "\n".join(label.text() for label in page.blind.findChildren(QLabel))
    assert "Voice" not in shown
    assert "base" not in shown
    QTest.keyClick(page.blind, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.outcome, timeout=SOON_MS)
    (judgement,) = all_judgements()
    verdicts = [(each.answer, each.asked) for each in judgement.verdicts()]
    assert len([answer for answer, was_asked in verdicts if was_asked]) == 2
    assert page.outcome.sentence.text() == judgement.outcome().sentence
    (fold,) = page.outcome.findChildren(Fold)
    fold.set_open(True)
    told = "\n".join(label.text() for label in fold.findChildren(QLabel))
    assert all(word in told for word in ("base + voice", first.first.strip(), first.second.strip())), "whose they were is told"
    qtbot.waitUntil(lambda: len(page.evaluations.found.contests) == 1, timeout=SOON_MS)
    page.show_form()
    choose(page, judgement.folder)
    assert page.stack.currentWidget() is page.outcome
    assert "preferred" in page.outcome.sentence.text()
    assert page.outcome.adopt_button.text() == "Adopt “Voice” for Hoshi"
    page.outcome.adopt_button.click()
    qtbot.waitUntil(lambda: page.outcome.in_use.text() == "Hoshi talks with “Voice”.", timeout=SOON_MS)
    assert not page.outcome.adopt_button.isVisible()
    page.outcome.again_button.click()
    assert not room.jobs.are_wanted
    assert page.stack.currentWidget() is page.blind_form
    sides = {page.blind_form.one.currentText(), page.blind_form.other.currentText()}
    assert sides == {"base", "base + Voice"}


def test_a_test_with_nothing_new_to_ask_says_so_and_leads_to_other_prompts(page: EvaluatePage):
    names = {"a": "base", "b": "base + Voice", "sentence": "Voice is preferred."}
    outcome = Outcome(**names, a_wins=1, b_wins=2, ties=0, share=0.7, low=0.2, high=0.9)
    form = page.blind_form
    form.own_words.setChecked(True)
    for has_asked in (True, False):
        page.outcome.show_outcome(outcome, has_asked=has_asked)
        assert page.outcome.nothing_new.isHidden() is has_asked
        page.outcome.again_button.click()
        assert form.built_in.isChecked() is not has_asked
    page.outcome.again_button.click()
    assert form.built_in.isChecked(), "there is nothing else to turn to"


def test_of_two_adapters_that_were_judged_the_newer_one_is_offered(
    page: EvaluatePage, room: Room, base: Path, voice: Path, qtbot
):
    later = write_adapter(own_adapters_folder() / "later.gguf", base, name="Later")
    os.utime(voice, (1, 1))
    room.library.refresh()
    qtbot.waitUntil(lambda: page.blind_form.one.findText("base + Later") >= 0, timeout=SOON_MS)
    page._judged = ((str(base), f"{voice}:1"), (str(base), f"{later}:1"))
    names = {"a": "base + Voice", "b": "base + Later", "sentence": "Later is preferred."}
    page.outcome.show_outcome(Outcome(**names, a_wins=1, b_wins=5, ties=1, share=0.8, low=0.5, high=0.9))
    page._show_judged()
    assert page.outcome.adopt_button.text() == "Adopt “Later” for Hoshi"
    page.outcome.adopt_button.click()
    qtbot.waitUntil(lambda: page.outcome.in_use.text() == "Hoshi talks with “Later”.", timeout=SOON_MS)
    assert page.outcome.adopt_button.isHidden()


def test_two_that_are_wanted_are_chosen_when_the_library_has_them(page: EvaluatePage, room: Room, base: Path, qtbot):
    later = write_adapter(own_adapters_folder() / "later.gguf", base, name="Later")
    page.compare_blind((str(base), f"{later}:1"), (str(base),))
    form = page.blind_form
    assert page.stack.currentWidget() is form
    assert form.other.currentText() == "base"
    room.library.refresh()
    qtbot.waitUntil(lambda: form.one.currentText() == "base + Later", timeout=SOON_MS)
    assert form.start_button.isEnabled()


def test_a_blind_test_of_one_against_itself_cannot_begin_and_a_failed_one_says_why(page: EvaluatePage, voice: Path, qtbot):
    page.blind_button.click()
    page.blind_form.other.setCurrentIndex(page.blind_form.one.currentIndex())
    page.blind_form.other.activated.emit(0)
    assert not page.blind_form.start_button.isEnabled()
    assert "Both are the same" in page.blind_form.problem.text()
    page.blind_form.other.setCurrentIndex(1)
    page.blind_form.other.activated.emit(1)
    voice.write_bytes(b"GGUF")
    page.blind_form.start_button.click()
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.blind_form, timeout=SOON_MS)
    assert page.blind_form.problem.isVisible()
    assert "voice" in page.blind_form.problem.text()


def test_a_narrow_page_shows_the_list_or_what_was_chosen(page: EvaluatePage, qtbot):
    page.resize(520, 640)
    opened(page, SHIPPED, qtbot)
    assert page.report.isVisible()
    assert not page.list.isVisible()
    page.back_button.click()
    assert page.list.isVisible()
    assert not page.report.isVisible()
    opened(page, SHIPPED, qtbot)
    assert page.list.isVisible(), "arrow keys walk along it"
    QTest.keyClick(page.list, Qt.Key.Key_Return)
    assert page.report.isVisible()
    page.back_button.click()
    page.resize(1000, 640)
    assert page.list.isVisible()
    assert page.report.isVisible()


def test_page_keys_scroll_a_report(page: EvaluatePage, qtbot):
    opened(page, SHIPPED, qtbot)
    bar = page.report.area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    QTest.keyClick(page.report.export_button, Qt.Key.Key_PageDown)
    assert bar.value() > 0
    QTest.keyClick(page.report.export_button, Qt.Key.Key_Home)
    assert bar.value() == 0


def test_prompts_are_ones_own_words_where_something_was_said(page: EvaluatePage, room: Room, qtbot):
    page.blind_button.click()
    page.blind_form.own_words.click()
    page.blind_form.start_button.click()  # there is one conversation, in which she has only greeted
    qtbot.waitUntil(lambda: page.test.state is BlindState.FAILED, timeout=SOON_MS)
    assert "hold nothing to answer" in page.blind_form.problem.text()
    talk = room.store.create_conversation(character="", character_name="Hoshi", greetings=["Come in."], title="Stars")
    said = room.store.add_message(talk.id, parent=talk.active, role="user", text="Why do stars blink?")
    room.store.add_message(talk.id, parent=said.id, role="assistant", text="The air moves.", model="tiny")
    page.show_form()
    page.show_blind_test()
    assert page.blind_form.own_words.isEnabled()
    page.blind_form.own_words.click()
    page.blind_form.wished.disconnect()
    page.blind_form.wished.connect(lambda wish: page._start_test(wish._replace(tokens=6)))
    page.blind_form.start_button.click()
    qtbot.waitUntil(lambda: page.test.state in (BlindState.ASKING, BlindState.FAILED), timeout=SOON_MS)
    assert page.test.pair is not None, page.test.what
    assert page.test.total == 1
    assert page.test.pair.turns[-1].content == "Why do stars blink?"


def test_nothing_below_moves_when_one_is_unticked_and_a_sentence_can_be_pressed(page: EvaluatePage, qtbot):
    form = page.form
    page.show_form()
    qtbot.waitUntil(form.suite.isVisible)
    form.subjects.choose(*[each.files for each in form.subjects.candidates[:2]])
    QApplication.processEvents()
    assert "is the yardstick" in form.subjects.order.text()
    second = form.subjects.boxes[form.subjects.candidates[1].files]
    before = form.suite.mapTo(page, QPoint(0, 0))
    second.click()
    QApplication.processEvents()
    assert form.suite.mapTo(page, QPoint(0, 0)) == before
    assert "Tick another one" in form.subjects.order.text()
    standard = form.suite.buttons["standard"]
    sentence = standard.parentWidget().findChild(QLabel)
    QTest.mouseClick(sentence, Qt.MouseButton.LeftButton, pos=QPoint(sentence.width() // 2, sentence.height() // 2))
    assert form.suite.suite == "standard"
