from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from companion.app.engine_state import EngineState
from companion.ui.chat.composer import WAITING, Composer
from companion.ui.theme import Theme


@pytest.fixture
def composer(theme: Theme, qtbot) -> Composer:
    made = Composer(theme)
    qtbot.addWidget(made)
    made.resize(700, 100)
    made.set_name("Hoshi")
    made.set_engine_state(EngineState.READY)
    made.show()
    made.setFocus()
    return made


@pytest.fixture
def sent(composer: Composer) -> list[str]:
    texts: list[str] = []
    composer.send_requested.connect(texts.append)
    return texts


def test_it_invites_by_name(composer: Composer):
    assert composer.edit.placeholderText() == "Write to Hoshi…"
    assert composer.edit.accessibleName() == "Write to Hoshi"


def test_enter_sends_and_shift_enter_begins_a_line(composer: Composer, sent, qtbot):
    qtbot.keyClicks(composer.edit, "one")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(composer.edit, "two ")
    assert sent == []
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert sent == ["one\ntwo"]
    assert composer.draft() == ""


def test_the_two_can_be_swapped(composer: Composer, sent, qtbot):
    composer.set_send_with_enter(False)
    qtbot.keyClicks(composer.edit, "one")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    qtbot.keyClicks(composer.edit, "two")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Enter, Qt.KeyboardModifier.ShiftModifier)
    composer.set_draft("three")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert sent == ["one\ntwo", "three"]


def test_the_button_sends(composer: Composer, sent, qtbot):
    assert not composer.button.isEnabled(), "there is nothing to send"
    qtbot.keyClicks(composer.edit, "Hello")
    qtbot.mouseClick(composer.button, Qt.MouseButton.LeftButton)
    assert sent == ["Hello"]
    assert composer.edit.hasFocus()


@pytest.mark.parametrize("blank", ["", "  ", "\n \n"])
def test_nothing_is_not_sent(composer: Composer, sent, qtbot, blank):
    composer.set_draft(blank)
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert sent == []


def test_a_word_under_way_in_an_input_method_is_not_sent(composer: Composer, sent, qtbot):
    QApplication.sendEvent(composer.edit, QInputMethodEvent("にほ", []))
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert sent == []
    done = QInputMethodEvent("", [])
    done.setCommitString("日本")
    QApplication.sendEvent(composer.edit, done)
    composer.set_draft("日本")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert sent == ["日本"]


def test_while_she_answers_the_button_stops(composer: Composer, sent, qtbot):
    composer.set_engine_state(EngineState.ANSWERING)
    assert composer.button.text() == "Stop"
    with qtbot.waitSignal(composer.stop_requested):
        qtbot.mouseClick(composer.button, Qt.MouseButton.LeftButton)
    qtbot.keyClicks(composer.edit, "wait")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert (sent, composer.draft()) == ([], "wait")
    assert composer.caption == WAITING


@pytest.mark.parametrize("meanwhile", ["", " for me", "stop"])
def test_what_was_sent_while_she_answers_goes_when_she_is_done(composer: Composer, sent, qtbot, meanwhile):
    composer.set_engine_state(EngineState.ANSWERING)
    qtbot.keyClicks(composer.edit, "wait")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    if meanwhile == "stop":
        composer.button.click()
    else:
        qtbot.keyClicks(composer.edit, meanwhile)
    composer.set_engine_state(EngineState.READY)
    qtbot.wait(20)
    assert (sent, composer.draft()) == ((["wait"], "") if not meanwhile else ([], "wait" + meanwhile.replace("stop", "")))
    assert not composer.caption


def test_while_she_wakes_up_a_message_can_be_sent(composer: Composer, sent, qtbot):
    composer.set_engine_state(EngineState.LOADING)
    assert "still waking up" in composer.caption
    qtbot.keyClicks(composer.edit, "Good morning")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert sent == ["Good morning"]


def test_without_a_model_the_text_is_kept_and_the_reason_said(composer: Composer, sent, qtbot):
    composer.set_engine_state(EngineState.FAILED, "The file is damaged.")
    qtbot.keyClicks(composer.edit, "Hello")
    assert not composer.button.isEnabled()
    assert composer.button.toolTip() == composer.caption == "The file is damaged."
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert (sent, composer.draft()) == ([], "Hello")


def test_it_grows_with_the_text_up_to_eight_lines(composer: Composer, qtbot):
    heights = []
    for lines in (1, 4, 8, 30, 1):
        composer.set_draft("\n".join("line" for _ in range(lines)))
        QTest.qWait(1)
        heights.append(composer.height())
    assert heights[0] < heights[1] < heights[2] == heights[3] > heights[4] == heights[0]


def test_a_grown_field_shows_its_first_line(composer: Composer, qtbot):
    composer.set_draft("one\ntwo\nthree\nfour")
    QTest.qWait(1)
    assert composer.edit.verticalScrollBar().value() == 0
    assert composer.edit.firstVisibleBlock().text() == "one"


def test_the_up_arrow_in_an_empty_field_asks_for_the_last_message(composer: Composer, qtbot):
    with qtbot.waitSignal(composer.last_edit_requested):
        qtbot.keyClick(composer.edit, Qt.Key.Key_Up)
    composer.set_draft("text")
    with qtbot.assertNotEmitted(composer.last_edit_requested):
        qtbot.keyClick(composer.edit, Qt.Key.Key_Up)


def test_pasting_brings_words_only(composer: Composer, qtbot):
    data = QMimeData()
    data.setHtml("<b>bold</b> <img src='x'>")
    data.setText("bold")
    QGuiApplication.clipboard().setMimeData(data)
    composer.edit.paste()
    assert composer.draft() == "bold"
    assert not composer.edit.textCursor().charFormat().hasProperty(0x2003), "no weight came along"
    QGuiApplication.clipboard().clear()  # what Python has made must not be there when Qt ends after it


def test_more_than_a_megabyte_is_refused_in_words(composer: Composer, qtbot):
    composer.set_draft("kept")
    data = QMimeData()
    data.setText("星" * 400_000)
    composer.edit.insertFromMimeData(data)
    assert composer.draft() == "kept"
    assert composer.caption == "That is more than 1 MB of text; paste a shorter part."


def test_files_are_left_to_what_is_around(composer: Composer):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/tmp/x.gguf")])
    data.setText("/tmp/x.gguf")
    assert not composer.edit.canInsertFromMimeData(data)


def test_a_theme_switch_keeps_the_draft(composer: Composer, theme: Theme):
    composer.set_draft("draft")
    theme.choose("light")
    theme.set_font_size(18)
    assert composer.draft() == "draft"
    assert composer.edit.font().pixelSize() == 18
