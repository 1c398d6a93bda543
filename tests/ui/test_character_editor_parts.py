from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QModelIndex, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDropEvent, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from companion.core.character import Card, Character, CharacterOptions
from companion.core.errors import CharacterError
from companion.ui.characters.editor_fields import TextField, join_words, split_words
from companion.ui.characters.editor_options import OptionsForms
from companion.ui.characters.greetings_editor import GreetingsEditor
from companion.ui.characters.portrait_field import LARGEST, PortraitField, read_portrait
from companion.ui.characters.prompt_preview import LONGEST_PART, Part, PromptPreview
from companion.ui.characters.token_counts import MOST_TEXTS, TokenCounts
from companion.ui.theme import Theme

GREETINGS = ("One.", "Two.", "Three.")

# Greetings


@pytest.fixture
def greetings(theme: Theme, qtbot) -> GreetingsEditor:
    made = GreetingsEditor(theme, "Greetings", "Ways to begin.")
    qtbot.addWidget(made)
    made.set_value(GREETINGS)
    made.show()
    return made


def test_greetings_are_reordered_by_button_key_and_drag(greetings: GreetingsEditor, qtbot):
    greetings.down.click()
    assert greetings.value() == ("Two.", "One.", "Three.")
    assert greetings.text.value() == "One."
    qtbot.keyClick(greetings.list, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert greetings.value() == ("Two.", "Three.", "One.")
    assert not greetings.down.isEnabled()
    with qtbot.waitSignal(greetings.edited):
        greetings.list.model().moveRow(QModelIndex(), 2, QModelIndex(), 0)
    assert greetings.value() == ("One.", "Two.", "Three.")


def test_a_greeting_is_written_where_it_stands(greetings: GreetingsEditor, qtbot):
    greetings.list.setCurrentRow(1)
    greetings.text.edit.setFocus()
    qtbot.keyClicks(greetings.text.edit, "Oh. ")
    assert greetings.value() == ("One.", "Oh. Two.", "Three.")
    assert greetings.list.item(1).text() == "Oh. Two."


def test_a_new_greeting_is_written_at_the_end(greetings: GreetingsEditor, qtbot):
    greetings.add_button.click()
    qtbot.keyClicks(greetings.text.edit, "Four.")
    assert greetings.value() == (*GREETINGS, "Four.")


def test_deleted_greetings_come_back_where_they_were(greetings: GreetingsEditor):
    greetings.list.setCurrentRow(1)
    greetings.delete_button.click()
    greetings.delete_button.click()
    assert greetings.value() == ("One.",)
    assert greetings.undo_button.isVisible()
    greetings.undo_button.click()
    greetings.undo_button.click()
    assert greetings.value() == GREETINGS
    assert not greetings.undo_button.isVisible()


def test_greetings_to_look_at_cannot_be_moved(greetings: GreetingsEditor):
    greetings.set_read_only(True)
    greetings.move_chosen(1)
    assert greetings.value() == GREETINGS
    assert not greetings.delete_button.isVisible()


def test_without_greetings_there_is_only_the_way_to_add_one(greetings: GreetingsEditor):
    greetings.set_value(())
    assert not greetings.list.isVisible()
    assert not greetings.text.isVisible()
    assert greetings.add_button.isVisible()


# Texts


def test_words_with_commas_and_backslashes_come_back():
    words = ("plain", "a, b", "end\\", "x")
    assert split_words(join_words(words)) == words
    assert split_words(" , a ,,b ") == ("a", "b")


def test_a_text_field_is_as_tall_as_its_text_up_to_a_limit(theme: Theme, qtbot):
    field = TextField(theme, "Text", least_lines=2, most_lines=6)
    qtbot.addWidget(field)
    field.resize(400, 300)
    field.show()
    small = field.edit.height()
    field.set_value("line\n" * 4)
    QApplication.processEvents()
    middle = field.edit.height()
    field.set_value("line\n" * 400)
    QApplication.processEvents()
    assert small < middle < field.edit.height() < 260


def test_scrolling_the_page_does_not_stop_at_a_long_text(theme: Theme, qtbot):
    field = TextField(theme, "Text", most_lines=6)
    qtbot.addWidget(field)
    field.set_value("line\n" * 400)
    field.resize(400, 300)
    field.show()
    QWidget.setFocus(field.words)
    field.edit.clearFocus()
    place = QPointF(field.edit.rect().center())
    wheel = QWheelEvent(
        place,
        field.edit.mapToGlobal(place),
        QPoint(0, -120),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(field.edit.viewport(), wheel)
    assert field.edit.verticalScrollBar().value() == 0


def test_a_paste_that_is_too_much_is_refused_in_words(theme: Theme, qtbot):
    field = TextField(theme, "Text")
    qtbot.addWidget(field)
    data = QMimeData()
    data.setText("x" * 1_100_000)
    field.edit.insertFromMimeData(data)
    assert "more than 200,000 characters" in field.problem.text()
    assert field.value() == ""


@pytest.mark.parametrize("text", ["words " * 200_000, "w" * 1_000_000], ids=["long", "no space"])
def test_a_text_over_which_the_window_would_stand_still_is_kept_but_not_laid_out(theme: Theme, qtbot, text):
    field = TextField(theme, "Text")
    qtbot.addWidget(field)
    began = time.perf_counter()
    field.set_value(text)
    field.set_read_only(False)
    field.show()
    qtbot.keyClicks(field.edit, "x")
    assert time.perf_counter() - began < 2
    assert field.value() == text
    assert "kept as it is" in field.problem.text()
    field.set_value("short")
    qtbot.keyClicks(field.edit, "x")
    assert field.value() == "xshort"


# Counts


def test_known_texts_are_not_asked_for_again_and_no_request_is_endless(qtbot):
    counts = TokenCounts()
    texts = [f"text {number}" for number in range(MOST_TEXTS + 10)]
    counts.set_counts((3,), ("text 0",))
    counts.want(["", *texts])
    with qtbot.waitSignal(counts.count_requested) as signal:
        pass
    first = signal.args[0]
    assert len(first) == MOST_TEXTS
    assert "text 0" not in first
    with qtbot.waitSignal(counts.count_requested) as signal:
        counts.set_counts(tuple(range(MOST_TEXTS)), first)
    assert len(signal.args[0]) == 9
    assert counts.words("text 0") == "3 tokens"
    counts.forget()
    assert counts.words("text 0").startswith("≈ ")


# Portrait


def picture(path: Path, width: int = 40, height: int = 50) -> Path:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("#804020"))
    image.setText("Author", "Somebody at home")
    assert image.save(str(path))
    return path


@pytest.fixture
def portrait(theme: Theme, qtbot) -> PortraitField:
    made = PortraitField(theme)
    qtbot.addWidget(made)
    made.set_character(Character(identifier="mira", card=Card(name="Mira")))
    made.show()
    return made


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_a_dropped_picture_becomes_a_png_without_its_secrets(portrait: PortraitField, tmp_path, qtbot, kind):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(picture(tmp_path / f"a.{kind}")))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    with qtbot.waitSignal(portrait.edited):
        portrait.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, keys))
    assert portrait.png is not None
    assert portrait.png.startswith(b"\x89PNG")
    assert b"Somebody" not in portrait.png
    assert QImage.fromData(portrait.png).size().width() == 40
    portrait.undo_button.click()
    assert portrait.png is None


def test_a_large_picture_is_made_smaller(tmp_path):
    image = read_portrait(picture(tmp_path / "large.png", 3000, 1000))
    assert (image.width(), image.height()) == (LARGEST, LARGEST // 3)


NO_PICTURES = [b"", b"GIF89a" + b"\x00" * 40, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n"]


def test_the_portrait_of_a_card_is_read_beside_the_page(portrait: PortraitField, theme: Theme, tmp_path, qtbot):
    path = picture(tmp_path / "large.png", 1500, 2000)
    portrait.set_character(Character(identifier="x", card=Card(name="Mira"), portrait=str(path)))
    assert portrait.picture.grab().toImage().pixelColor(60, 75) == theme.colour("raised")
    qtbot.waitUntil(lambda: portrait.picture.grab().toImage().pixelColor(60, 75) == QColor("#804020"))


@pytest.mark.parametrize("content", NO_PICTURES)
def test_what_is_no_picture_is_refused_in_a_sentence(portrait: PortraitField, tmp_path, content, qtbot):
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(CharacterError):
        read_portrait(path)
    portrait.take(path)
    assert portrait.png is None
    assert portrait._problem.isVisible()
    assert "“odd.png”" in portrait._problem.text()


def test_a_picture_that_is_not_there_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(CharacterError, match="cannot be opened"):
        read_portrait(tmp_path / "gone.png")


# Options


def test_options_show_what_is_kept_and_tell_every_change(theme: Theme, tmp_path, qtbot):
    (tmp_path / "sprites" / "summer").mkdir(parents=True)
    options = OptionsForms(theme)
    qtbot.addWidget(options)
    qtbot.addWidget(options.look)
    qtbot.addWidget(options.memory)
    given = CharacterOptions(remember=False, memory_tokens=100, costume="winter", background="/pictures/<b>lake</b>.png")
    with qtbot.assertNotEmitted(options.changed):
        options.load(Character(identifier="mira", card=Card(name="Mira"), folder=str(tmp_path), options=given))
    assert options.options == given
    box = options.costume.box
    assert [box.itemText(row) for row in range(box.count())] == ["The usual one", "summer", "winter"]
    assert options.background.text() == "b>.png"
    with qtbot.waitSignal(options.changed) as signal:
        options.clear_button.click()
    assert signal.args[0].background == ""
    assert signal.args[0].costume == "winter"


# Preview


def test_a_part_of_a_megabyte_is_shown_in_part(theme: Theme, qtbot):
    preview = PromptPreview(theme)
    qtbot.addWidget(preview)
    preview.show_parts([Part("system", "Description", "x" * 1_000_000), Part("user", "", "<i>hello</i>")])
    shown = preview.text.toPlainText()
    assert len(shown) < LONGEST_PART + 200
    assert "980,000 more characters" in shown
    assert "<i>hello</i>" in shown
    assert preview.text.isReadOnly()
