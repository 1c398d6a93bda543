"""The page of data with real files and real processes: added, looked through, cleaned, varied, mapped, divided, deleted."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QToolButton, QWidget

from companion.app.notices import Tone
from companion.core.dataset import DatasetSource, Dialogue, DialogueTurn
from companion.core.dataset_folder import DATA_FILE, SOURCE_FILE, DatasetWriter, OwnDataset, read_source
from companion.core.paths import own_datasets_folder
from companion.ui.palette import DARK
from companion.ui.settings.editors import Editor
from companion.ui.workshop.data.data_page import DataPage
from companion.ui.workshop.data.marked_difference import marked_difference
from companion.ui.workshop.data.part import Part
from tests.ui.workshop.conftest import Room

DONE_MS = 60_000
TALKS = (
    ("Do you like stars?", "I do. The bright star above the dome is called Vega tonight."),
    ("Which star is that?", "That star is Deneb, high in the sky beside Vega and the dome."),
    ("Can we see planets?", "Jupiter is up in the sky, left of the bright star and the moon."),
    ("What shall I cook?", "Boil the pasta with salt, then fry the garlic in warm butter."),
    ("How long does rice take?", "Boil the rice for twelve minutes, with salt and some butter."),
    ("Is the soup ready?", "Taste it: a little salt is missing, and the garlic needs a minute."),
)


def line(asked: str, said: str, **labels: str) -> str:
    return json.dumps({"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}], **labels})


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    """Six dialogues in two rooms, one of them twice, and a line that is none."""
    rooms = ("dome",) * 3 + ("kitchen",) * 3
    lines = [line(*talk, room=room) for talk, room in zip(TALKS, rooms, strict=True)]
    path = tmp_path / "talks.jsonl"
    path.write_text("\n".join([*lines, lines[0], '{"messages": 7}']), encoding="utf-8")
    return path


@pytest.fixture
def dataset() -> Path:
    """The same dialogues as a dataset that is there already."""
    folder = own_datasets_folder() / "nights"
    with DatasetWriter(folder) as writer:
        for number, (asked, said) in enumerate((*TALKS, TALKS[0])):
            turns = (DialogueTurn("user", asked), DialogueTurn("assistant", said))
            writer.add(Dialogue(messages=turns, labels={"room": "dome" if number < 3 else "kitchen"}))
        writer.finish(DatasetSource(name="Nights", origin="nights.csv", licence="CC0-1.0"))
    return folder


@pytest.fixture
def page(room: Room, qtbot) -> DataPage:
    made = DataPage(room.desk)
    qtbot.addWidget(made)
    made.resize(968, 760)
    with qtbot.waitSignal(made.listed, timeout=DONE_MS):
        made.show()
    return made


@pytest.fixture
def nights(dataset: Path, page: DataPage, qtbot) -> DataPage:
    """The page with one dataset, looked at."""
    qtbot.waitUntil(lambda: page.details.dataset is not None, timeout=DONE_MS)
    return page


def part(page: DataPage, name: str) -> Part:
    page.details.show_part(name)
    assert page.details.part is page.details.parts[name]
    return page.details.parts[name]


def words(widget: QWidget) -> str:
    QApplication.processEvents()
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def drop(page: DataPage, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    keys, button = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    page.dragEnterEvent(QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, button, keys))
    assert page._veil.isVisible()
    page.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, button, keys))
    assert not page._veil.isVisible()


def recognised(page: DataPage, qtbot) -> None:
    qtbot.waitUntil(lambda: page.sheet.found is not None, timeout=DONE_MS)


def test_without_datasets_there_is_one_sentence_and_one_button(page: DataPage):
    assert "Drop files or folders here" in words(page)
    assert [button.text() for button in page.findChildren(QPushButton) if button.isVisible()] == ["Add dialogues…"]
    assert [action.text() for action in page.add_menu.actions()] == ["Files…", "A folder…", "Conversations…"]


def test_what_is_dropped_is_recognised_and_becomes_a_dataset(page: DataPage, room: Room, talks: Path, qtbot):
    (talks.parent / "broken.jsonl").write_text("{}\n", encoding="utf-8")
    (talks.parent / "notes.pdf").write_bytes(b"%PDF")
    drop(page, talks.parent)
    recognised(page, qtbot)
    told = words(page.sheet)
    assert "7 dialogues, 14 turns" in told
    assert "talks.jsonl: messages as OpenAI writes them, 7 dialogues" in told
    assert "1 dialogue cannot be read and will be left out: Line 8 of “talks.jsonl”" in told
    assert "Left out: " in told
    assert "broken.jsonl" in told
    assert "notes.pdf" not in told
    assert "Do you like stars?" in words(page.sheet.examples)
    form = page.sheet.source_form.form
    form.rows["name"].set_value("Evenings")
    form.rows["licence"].set_value("CC-BY-4.0")
    form.rows["consent"].set_value("Sam and Ilse")
    page.sheet.add_button.click()
    qtbot.waitUntil(lambda: [each.source.name for each in room.datasets.own] == ["Evenings"], timeout=DONE_MS)
    source = room.datasets.own[0].source
    assert (source.licence, source.consent, source.dialogues) == ("CC-BY-4.0", "Sam and Ilse", 7)
    assert "1 dialogue of the source could not be read." in source.steps
    assert not page.sheet.is_open
    assert page.details.dataset == room.datasets.own[0]
    assert room.told[-1].tone is Tone.SUCCESS


def test_what_is_said_of_an_import_is_kept_while_one_looks_elsewhere(nights: DataPage, room: Room, talks: Path, tmp_path, qtbot):
    nights.add([talks])
    recognised(nights, qtbot)
    name = nights.sheet.source_form.form.rows["name"].editor.line
    name.clear()
    QTest.keyClicks(name, "Evenings")
    waiting = nights.list.rows.rows[0]
    assert (waiting.title, waiting.captions) == ("Evenings", ("Not added yet", "7 dialogues, 116 words", "talks.jsonl"))
    QTest.keyClick(nights.list, Qt.Key.Key_Down)
    assert nights.details.isVisible()
    assert nights.details.dataset.source.name == "Nights"
    QTest.keyClick(nights.list, Qt.Key.Key_Up)
    assert nights.sheet.isVisible()
    more = tmp_path / "more.jsonl"
    more.write_text(line("Are you awake?", "Yes, the night is clear."), encoding="utf-8")
    nights.add([more])
    qtbot.waitUntil(lambda: nights.sheet.found is not None and len(nights.sheet.found.looks) == 2, timeout=DONE_MS)
    assert nights.sheet.source_form.described().name == "Evenings"
    nights.sheet.add_button.click()
    QTest.keyClick(nights.list, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: "Evenings" in [each.source.name for each in room.datasets.own], timeout=DONE_MS)
    assert nights.details.dataset.source.name == "Nights", "whoever has gone on is not led away"
    qtbot.waitUntil(lambda: sorted(row.title for row in nights.list.rows.rows) == ["Evenings", "Nights"], timeout=DONE_MS)
    assert not nights.sheet.is_open


def test_an_import_that_is_cancelled_leads_back_and_leaves_nothing(nights: DataPage, talks: Path, qtbot):
    nights.add([talks])
    recognised(nights, qtbot)
    nights.sheet.source_form.form.rows["name"].editor.line.setText("Evenings")
    nights.sheet.cancel_button.click()
    assert [row.title for row in nights.list.rows.rows] == ["Nights"]
    assert nights.details.isVisible()
    nights.add([talks])
    recognised(nights, qtbot)
    assert nights.sheet.source_form.described().name == "talks"
    nights.resize(416, 600)
    nights.sheet.back.click()
    assert nights.list.isVisible()
    QTest.mouseClick(nights.list.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(40, 20))
    assert nights.sheet.isVisible()


def test_dialogues_can_be_cleaned_while_they_are_added(page: DataPage, room: Room, talks: Path, qtbot):
    page.add([talks])
    recognised(page, qtbot)
    why = "6 of 7 dialogues would stay: 1 dialogue is a copy of an earlier one."
    assert why in page.sheet.clean_line.sentence
    page.sheet.clean_box.click()
    page.sheet.add_button.click()
    qtbot.waitUntil(lambda: bool(room.datasets.own), timeout=DONE_MS)
    assert room.datasets.own[0].source.dialogues == 6


def test_everything_that_cannot_be_read_is_told(page: DataPage, talks: Path, qtbot):
    with talks.open("a", encoding="utf-8") as file:
        file.write("\nno JSON" + 7 * '\n{"messages": []}')
    page.add([talks])
    recognised(page, qtbot)
    assert "9 dialogues cannot be read and will be left out:\n– Line 8 of" in page.sheet.problems.text()
    assert "Line 9 of “talks.jsonl” is not JSON" in page.sheet.problems.text()
    assert "4 more" in page.sheet.more_problems.button.text()
    page.sheet.more_problems.button.click()
    assert "– Line 16 of “talks.jsonl”" in words(page.sheet)


def test_a_file_that_is_none_is_told_in_a_sentence_and_nothing_is_lost(page: DataPage, room: Room, tmp_path, qtbot):
    picture = tmp_path / "picture.txt"
    picture.write_bytes(bytes(500))
    page.add([picture])
    qtbot.waitUntil(page.sheet.row.problem.isVisible, timeout=DONE_MS)
    assert "“picture.txt” is no text." in page.sheet.row.problem.text()
    assert not page.sheet.add_button.isEnabled()
    page.sheet.cancel_button.click()
    assert page.empty.isVisible()
    assert picture.exists()
    (tmp_path / "pictures").mkdir()
    page.add([tmp_path / "pictures"])
    qtbot.waitUntil(lambda: bool(room.told), timeout=DONE_MS)
    assert room.told[-1].what == "No file in there looks like dialogues."


def test_what_was_refused_goes_when_other_files_are_chosen(page: DataPage, tmp_path, qtbot):
    bad, worse, good = tmp_path / "bad.jsonl", tmp_path / "worse.csv", tmp_path / "good.jsonl"
    bad.write_text('{"messages": ', encoding="utf-8")
    worse.write_bytes(bytes(500))
    good.write_text(line(*TALKS[0]), encoding="utf-8")
    page.add([bad])
    qtbot.waitUntil(lambda: "“bad.jsonl”" in page.sheet.row.problem.text(), timeout=DONE_MS)
    page.add([worse])
    qtbot.waitUntil(lambda: page.sheet.row.problem.text().startswith("“worse.csv” is no text."), timeout=DONE_MS)
    page.add([good])
    recognised(page, qtbot)
    assert not page.sheet.problems.isVisible()
    page.add([worse])
    qtbot.waitUntil(lambda: page.sheet.found is not None and len(page.sheet.found.looks) == 2, timeout=DONE_MS)
    assert "Left out: “worse.csv” is no text." in page.sheet.problems.text()
    assert page.sheet.card_row("").captions[-1] == "good.jsonl"


def test_conversations_are_added_with_their_names(page: DataPage, room: Room, qtbot):
    talk = room.conversations.current
    first = room.store.add_message(talk.id, parent=None, role="user", text="Hello there")
    room.store.add_message(talk.id, parent=first.id, role="assistant", text="Hello Sam, the dome is open.")
    page.add_sources([f"conversation:{talk.id}"], {f"conversation:{talk.id}": "First night (Hoshi)"})
    recognised(page, qtbot)
    assert "First night (Hoshi): a conversation of yours" in words(page.sheet)
    said = page.sheet.source_form.described()
    assert (said.name, said.licence, said.consent) == ("First night (Hoshi)", "private", "the person's own")


def test_a_dataset_tells_what_is_in_it(nights: DataPage, room: Room, qtbot):
    overview = part(nights, "Overview")
    qtbot.waitUntil(lambda: overview.found.inspection is not None, timeout=DONE_MS)
    told = words(overview)
    assert "She: 7 turns" in told
    assert "Label “room”: kitchen 4, dome 3" in told
    assert "From nights.csv" in told
    assert overview.found.inspection.tokens > 7 * 10, "counted by the model one chats with"
    assert overview.dialogues.isVisible()
    assert sum(bar.count for bar in overview.replies.bars) == 7
    QTest.keyClick(overview.replies, Qt.Key.Key_Right)
    assert "words: " in overview.replies.accessibleDescription()
    assert "Dialogue 1 of 7" in words(overview.examples)
    overview.examples.later.click()
    assert "Which star is that?" in words(overview.examples)


def test_what_is_said_of_a_dataset_is_written(nights: DataPage, dataset: Path, qtbot):
    overview = part(nights, "Overview")
    assert not overview.save_button.isVisible()
    row = overview.source_form.form.rows["name"]
    QTest.keyClicks(row.editor.line, " and days")
    assert overview.save_button.isVisible()
    overview.save_button.click()
    qtbot.waitUntil(lambda: nights.details.title.accessibleName() == "Nights and days", timeout=DONE_MS)
    source = read_source(dataset)
    assert (source.name, source.licence, source.dialogues) == ("Nights and days", "CC0-1.0", 7)
    assert not overview.save_button.isVisible()


def test_what_was_begun_to_be_said_waits_while_another_dataset_is_looked_at(nights: DataPage, dataset: Path, room: Room, qtbot):
    with DatasetWriter(dataset.with_name("days")) as writer:
        writer.add(Dialogue(messages=(DialogueTurn("user", "Noon?"), DialogueTurn("assistant", "Noon."))))
        writer.finish(DatasetSource(name="Days", origin="days.csv"))
    room.datasets.refresh()
    qtbot.waitUntil(lambda: len(room.datasets.own) == 2, timeout=DONE_MS)
    overview = part(nights, "Overview")
    QTest.keyClicks(overview.source_form.form.rows["consent"].editor.line, "Sam and Ilse")
    for name, said, can_save in (("days", "", False), ("nights", "Sam and Ilse", True)):
        place = nights.list.rows.place(str(dataset.with_name(name)))
        nights.list.setCurrentIndex(nights.list.rows.index(place))
        assert overview.source_form.described().consent == said
        assert overview.save_button.isVisible() is can_save
    overview.save_button.click()
    qtbot.waitUntil(lambda: not overview.save_button.isVisible(), timeout=DONE_MS)
    assert read_source(dataset).consent == "Sam and Ilse"


def test_a_damaged_description_is_set_aside_and_never_written_over(dataset: Path, page: DataPage, room: Room, qtbot):
    (dataset / SOURCE_FILE).write_text("name = ", encoding="utf-8")
    room.datasets.refresh()
    qtbot.waitUntil(lambda: page.list.rows.index(0).data() == "nights", timeout=DONE_MS)
    room.datasets.describe(room.datasets.own[0], replace(room.datasets.own[0].source, name="Again"))
    assert read_source(dataset).name == "Again"
    assert [path.read_text(encoding="utf-8") for path in dataset.glob("source damaged*")] == ["name = "]


def test_cleaning_shows_before_and_after_and_writes_a_copy(nights: DataPage, room: Room, dataset: Path, qtbot):
    lines = (dataset / DATA_FILE).read_text(encoding="utf-8").splitlines()
    lines.append(line("Write to sam@example.org, please", "<|im_start|>I did.<|im_end|>"))
    (dataset / DATA_FILE).write_text("\n".join(lines), encoding="utf-8")
    clean = part(nights, "Clean")
    clean.options.masks["email"].click()
    assert "1 changed" in clean.fold.button.text()
    clean.look_button.click()
    qtbot.waitUntil(lambda: clean.found.cleaning is not None, timeout=DONE_MS)
    assert "A clean copy has 7 of 8 dialogues" in words(clean)
    assert {"copies", "markers", "email"} <= set(clean.findings.folds)
    for step, marked in (("email", "[e-mail]"), ("markers", "I did."), ("copies", "line-through")):
        clean.findings.folds[step].button.click()
        assert marked in words(clean.findings.folds[step])
    height = clean.findings.height()
    clean.options.steps["copies"].click()
    assert "Changed since" in words(clean), "what was found was found with another choice"
    assert clean.findings.height() == height, "nothing jumps under the pointer"
    clean.options.steps["copies"].click()
    assert "Changed since" not in words(clean)
    clean.options.steps["copies"].click()
    clean.write_button.click()
    qtbot.waitUntil(lambda: len(room.datasets.own) == 2, timeout=DONE_MS)
    made = room.datasets.own[0]
    assert (made.source.name, made.source.dialogues, made.source.licence) == ("Nights, clean", 8, "CC0-1.0")
    assert "sam@example.org" not in (made.folder / DATA_FILE).read_text(encoding="utf-8")
    assert nights.details.dataset == made, "one is led to what was made"


def test_versions_are_shown_and_added(nights: DataPage, room: Room, qtbot):
    vary = part(nights, "Vary")
    vary.methods.rows["synonyms"].editor.box.click()
    assert not vary.look_button.isEnabled()
    assert not vary.write_button.isEnabled()
    vary.methods.rows["swap"].editor.box.click()
    vary.look_button.click()
    qtbot.waitUntil(lambda: vary.found.versions is not None, timeout=DONE_MS)
    assert vary.findings.folds["swap"].is_open
    assert "underline" in words(vary.findings)
    vary.write_button.click()
    qtbot.waitUntil(lambda: len(room.datasets.own) == 2, timeout=DONE_MS)
    made = room.datasets.own[0].source
    assert made.name == "Nights, varied"
    assert made.dialogues > 7
    assert "swap 0.1" in made.steps[-1]


def test_versions_that_cannot_be_made_are_told_and_nothing_is_written(nights: DataPage, room: Room, qtbot):
    vary = part(nights, "Vary")
    vary.methods.rows["synonyms"].editor.box.click()
    vary.methods.rows["shuffle"].editor.box.click()
    vary.write_button.click()  # all turns of these dialogues are too short for that
    qtbot.waitUntil(lambda: bool(room.told), timeout=DONE_MS)
    assert room.told[-1].what == "None of 7 dialogues can be changed in this way, so nothing was written."
    assert len(list(own_datasets_folder().iterdir())) == 1


def test_topics_are_drawn_read_and_taken_along(nights: DataPage, room: Room, tmp_path, qtbot):
    topics = part(nights, "Topics")
    topics.draw_button.click()
    qtbot.waitUntil(lambda: topics.found.topics is not None, timeout=DONE_MS)
    view = topics.view
    assert len(view.topics.points) == 7
    assert "The picture shows" in words(topics)
    assert [button.text() for button in topics.groups]
    assert sum(int(button.accessibleName().split(", ")[-1].split()[0]) for button in topics.groups) == 7
    QTest.mouseMove(view, view.place(3).toPoint())
    qtbot.waitUntil(lambda: view.read_at is not None, timeout=DONE_MS)
    view.setFocus()
    read = set()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down):
        QTest.keyClick(view, key)
        read.add(view.read_at)
        assert view.topics.points[view.read_at].text in view.accessibleDescription()
    assert len(read) > 1
    topics.groups[0].click()
    assert topics.groups[0].isChecked()
    topics.save(tmp_path / "map.csv")
    assert (tmp_path / "map.csv").read_text(encoding="utf-8").count("\n") == 8
    topics.save(tmp_path / "map.png")
    assert not QImage(str(tmp_path / "map.png")).isNull()
    topics.save(tmp_path / "map.csv" / "map.png")
    assert "could not be saved" in room.told[-1].what


def test_too_few_dialogues_for_a_map_are_told_where_it_would_be(nights: DataPage, dataset: Path, qtbot):
    lines = (dataset / DATA_FILE).read_text(encoding="utf-8").splitlines()
    (dataset / DATA_FILE).write_text("\n".join(lines[:2]), encoding="utf-8")
    topics = part(nights, "Topics")
    topics.draw()
    qtbot.waitUntil(topics.row.problem.isVisible, timeout=DONE_MS)
    assert "2 dialogues are too few for a map." in topics.row.problem.text()


def test_parts_are_datasets_of_their_own(nights: DataPage, room: Room, qtbot):
    divide = part(nights, "Divide")
    qtbot.waitUntil(lambda: divide.found.inspection is not None, timeout=DONE_MS)
    assert divide.form.rows["stratify_by"].isVisible()
    held_out = divide.form.rows["held_out"]
    assert held_out.editor.spin.text() == "10 %"
    held_out.editor.spin.selectAll()
    QTest.keyClicks(held_out.editor.spin, "30")
    QTest.keyClick(held_out.editor.spin, Qt.Key.Key_Return)
    assert held_out.value() == 0.3
    divide.balanced.set_value("room")
    divide.write_button.click()
    qtbot.waitUntil(lambda: len(room.datasets.own) == 3, timeout=DONE_MS)
    made = {each.source.name: each.source for each in room.datasets.own}
    assert set(made) == {"Nights", "Nights, train", "Nights, held-out"}
    assert made["Nights, train"].dialogues + made["Nights, held-out"].dialogues == 7
    assert "balanced by room" in made["Nights, train"].steps[-1]


def test_a_dataset_is_exported_taught_from_and_deleted_with_a_way_back(nights: DataPage, room: Room, dataset, tmp_path, qtbot):
    nights.export(nights.details.dataset, tmp_path / "out.jsonl")
    assert nights.foot.isVisible()
    assert not nights.details.actions_by_name["export"].isEnabled()
    qtbot.waitUntil(lambda: not nights.writing.is_running, timeout=DONE_MS)
    assert room.told[-1].what == "7 dialogues were exported."
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 7
    nights.details.teach_button.click()
    assert room.went == [str(dataset)]
    nights.list.setFocus()
    QTest.keyClick(nights.list, Qt.Key.Key_Delete)
    qtbot.waitUntil(nights.empty.isVisible, timeout=DONE_MS)
    assert not dataset.exists()
    assert room.told[-1].what == "“Nights” was deleted."
    room.told[-1].act()
    qtbot.waitUntil(lambda: nights.list.key == str(dataset), timeout=DONE_MS)
    assert (dataset / DATA_FILE).is_file()


def test_two_of_the_same_name_can_be_deleted_one_after_the_other(nights: DataPage, room: Room, dataset: Path):
    first = room.datasets.delete(nights.details.dataset)
    with DatasetWriter(dataset) as writer:
        writer.add(Dialogue(messages=(DialogueTurn("user", "Hi"), DialogueTurn("assistant", "Hello"))))
        source = writer.finish(DatasetSource(name="Nights", origin="x"))
    second = room.datasets.delete(OwnDataset(dataset, source, 1))
    assert first != second
    room.datasets.bring_back(nights.details.dataset, first)
    assert read_source(dataset).dialogues == 7


def test_stopping_ends_the_process_and_leaves_nothing(nights: DataPage, room: Room, tmp_path, qtbot):
    large = tmp_path / "large.jsonl"
    large.write_text("\n".join([line("a" * 400, "b" * 400)] * 150_000), encoding="utf-8")
    room.datasets.own = ()
    nights.add_sources([str(large)])
    qtbot.waitUntil(lambda: "Reading, " in nights.sheet.row.progress.words.text(), timeout=DONE_MS)
    process = nights.sheet.row.process_id
    nights.sheet.cancel_button.click()
    assert not psutil.pid_exists(process) or psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    vary = part(nights, "Vary")
    vary.row.begin(vary._request(most=6))
    assert vary.row.is_running
    vary.row.progress.stop_button.click()  # at once: the process has hardly begun
    assert not vary.row.is_running
    assert not vary.row.isVisible()


@pytest.mark.parametrize(("width", "height", "size"), [(416, 470, 14), (680, 560, 14), (936, 576, 28), (3500, 2000, 14)])
def test_nothing_is_cut_off_and_nothing_pushes_wider(nights: DataPage, theme, talks: Path, qtbot, width, height, size):
    theme.set_font_size(size)
    nights.resize(width, height)
    nights._both.show_chosen()
    for name in ("Overview", "Clean", "Vary", "Topics", "Divide"):
        shown = part(nights, name)
        if name == "Clean":
            shown.fold.set_open(True)
        qtbot.wait(60)
        assert nights.width() == width
        assert shown.width() <= width
        for button in shown.findChildren(QPushButton):
            if button.isVisible():
                assert button.width() >= button.minimumSizeHint().width(), button.text()
        for widget in (*shown.findChildren(QLabel), *shown.findChildren(Editor)):
            if widget.isVisible():
                assert widget.mapTo(shown, QPoint(widget.width(), 0)).x() <= shown.width(), widget
    nights.add([talks])
    recognised(nights, qtbot)
    qtbot.wait(60)
    assert nights.width() == width
    assert nights.sheet.isVisible()


def test_a_narrow_page_shows_the_list_or_one_dataset(nights: DataPage):
    nights.resize(416, 600)
    QApplication.processEvents()
    assert nights.list.isVisible()
    assert not nights.details.isVisible()
    QTest.mouseClick(nights.list.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(40, 20))
    assert nights.details.isVisible()
    nights.details.back.click()
    assert nights.list.isVisible()


def test_everything_has_a_name_for_screen_readers(nights: DataPage, qtbot):
    for name in ("Overview", "Clean", "Vary", "Topics", "Divide"):
        shown = part(nights, name)
        qtbot.wait(20)
        for button in (*shown.findChildren(QPushButton), *shown.findChildren(QToolButton)):
            assert button.accessibleName() or button.text(), (name, button)
    assert nights.list.accessibleName() == "Datasets"
    assert "Nights" in nights.list.rows.index(0).data(Qt.ItemDataRole.AccessibleTextRole)


def test_differences_are_marked_and_what_somebody_wrote_stays_text():
    before, after = marked_difference("I <b>like</b> big stars", "I <b>like</b> small stars", DARK)
    assert "&lt;b&gt;like&lt;/b&gt;" in before
    assert f'<span style="text-decoration: line-through; color: {DARK.bad}">big</span>' in before
    assert f'<span style="text-decoration: underline; color: {DARK.ok}">small</span>' in after
    assert marked_difference("one two", "three four five", DARK) == ("one two", "three four five")
