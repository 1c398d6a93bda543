"""The real window: real engine, real database, real keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QWidget

from companion.app.engine_state import EngineState
from companion.core.appearance import Appearance
from companion.core.conversation import Conversation, SearchHit
from companion.core.paths import database_file, settings_file
from companion.core.sampling import Sampling
from companion.core.settings import Settings, save_settings
from companion.core.storage.store import Store
from companion.program import Program
from companion.ui.chat.message_view import MessageView
from companion.ui.palette import DARK, LIGHT
from companion.ui.scroll_page import ScrollPage
from companion.ui.shell import Shell

CONTROL = Qt.KeyboardModifier.ControlModifier
SETTLED_MS = 50
"""Until all that follows a new size has been laid out."""
LOADED_MS = 30_000


@pytest.fixture
def endless(ready: Program) -> Program:
    """Replies that go on until they are stopped."""
    ready.preferences.update(sampling=Sampling(max_tokens=30_000, temperature=1.5))
    return ready


def press(program: Program, key: Qt.Key, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(program.window.windowHandle(), key, modifiers)


def write(program: Program, text: str) -> None:
    for letter in text:
        QTest.keyClick(program.window.windowHandle(), letter)


def rows(program: Program) -> tuple[MessageView, ...]:
    return program.content.chat_view.messages.rows


def listed(program: Program) -> list[object]:
    model = program.content.list.model
    return [model.row_at(model.index(i)) for i in range(model.rowCount())]


def talk(program: Program, qtbot, text: str) -> None:
    with qtbot.waitSignal(program.chat.reply_finished, timeout=LOADED_MS):
        write(program, text)
        press(program, Qt.Key.Key_Return)


def test_the_greeting_is_there_before_the_model(program):
    assert program.engine.state is EngineState.LOADING
    assert len(rows(program)) == 1
    assert rows(program)[0].isVisible()
    assert rows(program)[0].shown.message.text


def test_her_picture_follows_the_words(program, qtbot):
    before = program.content.stage.grab().toImage()
    qtbot.waitUntil(lambda: program.content.stage.accessibleName() == "Portrait of Hoshi")
    assert program.content.stage.grab().toImage() != before


def test_what_is_typed_and_sent_is_answered(ready, qtbot):
    talk(ready, qtbot, "Hello there")
    assert [row.shown.message.role for row in rows(ready)] == ["assistant", "user", "assistant"]
    assert rows(ready)[1].shown.message.text == "Hello there"
    assert rows(ready)[2].shown.message.status == "complete"
    titles = [row.title for row in listed(ready) if isinstance(row, Conversation)]
    assert titles == ["Hello there"]


def test_what_is_typed_while_the_model_loads_is_answered_then(program, qtbot):
    with qtbot.waitSignal(program.chat.reply_finished, timeout=LOADED_MS):
        write(program, "Early")
        press(program, Qt.Key.Key_Return)
        assert program.engine.state is EngineState.LOADING
    assert rows(program)[2].shown.message.text


def test_escape_stops_a_reply_and_keeps_its_beginning(endless, qtbot):
    with qtbot.waitSignal(endless.chat.piece_received, timeout=LOADED_MS):
        write(endless, "Talk")
        press(endless, Qt.Key.Key_Return)
    with qtbot.waitSignal(endless.chat.reply_finished, timeout=LOADED_MS):
        press(endless, Qt.Key.Key_Escape)
    assert rows(endless)[2].shown.message.status == "stopped"
    assert not endless.chat.is_writing


def test_control_n_begins_a_conversation_and_the_keyboard_is_in_it(ready, qtbot):
    talk(ready, qtbot, "One")
    press(ready, Qt.Key.Key_N, CONTROL)
    assert len(rows(ready)) == 1
    assert len([row for row in listed(ready) if isinstance(row, Conversation)]) == 2
    assert ready.content.chat_view.composer.edit.hasFocus()


def test_a_press_on_the_list_opens_a_conversation(ready, qtbot):
    talk(ready, qtbot, "One")
    press(ready, Qt.Key.Key_N, CONTROL)
    older = next(i for i, row in enumerate(listed(ready)) if isinstance(row, Conversation) and row.title == "One")
    view = ready.content.list.view
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.model().index(older, 0)).center())
    assert [row.shown.message.text for row in rows(ready)][1] == "One"


@pytest.mark.parametrize("width", [1280, 1000])
def test_control_f_searches_and_a_hit_opens_where_it_is(ready, qtbot, width):
    current = ready.conversations.current
    parent = ready.chat.path[-1].message.id
    for number in range(60):
        said = "a zebra crossed" if number == 5 else f"Line {number}, which is long enough to take its place."
        parent = ready.store.add_message(current.id, parent=parent, role="user" if number % 2 else "assistant", text=said).id
    ready.conversations.open(current.id)
    ready.window.resize(width, 800)
    press(ready, Qt.Key.Key_F, CONTROL)
    assert ready.content.list.search.hasFocus()
    write(ready, "zebra")
    qtbot.waitUntil(lambda: any(isinstance(row, SearchHit) for row in listed(ready)))
    hit = next(row for row in listed(ready) if isinstance(row, SearchHit))
    press(ready, Qt.Key.Key_Return)
    messages = ready.content.chat_view.messages

    def in_sight() -> bool:
        row = messages.row(hit.message)
        return row is not None and messages.viewport().rect().contains(row.mapTo(messages.viewport(), row.bubble.topLeft()))

    qtbot.waitUntil(in_sight)


def test_control_comma_shows_the_settings_and_the_rail_leads_back(program, qtbot):
    press(program, Qt.Key.Key_Comma, CONTROL)
    assert program.pages.settings_page.isVisible()
    assert not program.content.list.isVisible()
    assert program.content.rail.buttons["settings"].isChecked()
    qtbot.mouseClick(program.content.rail.buttons["chat"], Qt.MouseButton.LeftButton)
    assert program.content.chat_view.isVisible()
    assert program.content.list.isVisible()


def test_escape_leaves_the_settings(program, qtbot):
    program.content.show_page("settings")
    page = program.pages.settings_page
    page.forms["Look"].rows["font_size"].editor.setFocus()
    press(program, Qt.Key.Key_Escape)
    assert program.content.chat_view.isVisible()
    assert program.content.chat_view.composer.edit.hasFocus()


def test_most_parts_are_made_when_they_are_first_needed(program):
    assert not {"settings_page", "model_card", "notice_area"} & set(vars(program.content))


def test_control_q_closes_the_window(program, qtbot):
    with qtbot.waitSignal(program.window.closed):
        press(program, Qt.Key.Key_Q, CONTROL)
    assert program.preferences.settings.window_geometry


@pytest.mark.parametrize(("width", "has_list", "has_stage"), [(1280, True, True), (1000, False, True), (700, False, False)])
def test_what_has_no_room_is_folded_away(program, width, has_list, has_stage):
    program.window.resize(width, 800)
    content = program.content
    assert (content.list.isVisible(), content.stage.isVisible()) == (has_list, has_stage)
    assert content.strip.isVisible() is not has_stage
    assert content.chat_view.isVisible()
    press(program, Qt.Key.Key_B, CONTROL)
    assert content.list.isVisible() is not has_list
    press(program, Qt.Key.Key_B, CONTROL)
    assert content.list.isVisible() is has_list


def test_a_list_that_was_folded_stays_folded(program):
    press(program, Qt.Key.Key_B, CONTROL)
    assert program.preferences.settings.list_folded
    program.window.resize(1000, 800)
    program.window.resize(1280, 800)
    assert not program.content.list.isVisible()


def drop(widget: QWidget, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    facts = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(50, 50), *facts)
    QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(widget, QDropEvent(QPointF(50, 50), *facts))


def test_a_model_that_is_dropped_is_loaded(ready, qtbot, tiny_model):
    with qtbot.waitSignal(ready.engine.model_ready, timeout=LOADED_MS):
        drop(ready.content.chat_view, tiny_model)
    assert ready.preferences.settings.model == str(tiny_model)


def test_a_dropped_file_that_is_no_model_is_refused_in_words(ready, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"this is nothing")
    drop(ready.content.chat_view, broken)
    assert [card.notice.tone.value for card in ready.content.notice_area.cards] == ["error"]
    assert ready.engine.state is EngineState.READY


def test_a_dropped_conversation_is_imported(program, tmp_path):
    chat = tmp_path / "talk.jsonl"
    lines = [{"user_name": "Sam", "character_name": "Mira"}, {"name": "Mira", "is_user": False, "mes": "Good evening."}]
    chat.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    drop(program.content.chat_view, chat)
    assert [row.shown.message.text for row in rows(program)] == ["Good evening."]


def test_another_theme_is_worn_at_once(program):
    def ground() -> str:
        return program.window.grab().toImage().pixelColor(70, 400).name().upper()

    assert ground() == DARK.surface
    program.preferences.update(theme="light")
    assert ground() == LIGHT.surface


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_model_card_tells_about_the_model(ready, qtbot):
    qtbot.mouseClick(ready.content.chat_view.model_chip, Qt.MouseButton.LeftButton)
    assert ready.wiring.model_card.isVisible()
    assert ready.wiring.model_card.isWindow()
    ready.wiring.model_card.hide()


@pytest.fixture
def build(qapp, qtbot) -> Iterator[Callable[[], Program]]:
    """The program of a test that has prepared its files first."""
    built: list[Program] = []

    def make() -> Program:
        window = Shell(qapp, Appearance())
        qtbot.addWidget(window)
        window.show()
        built.append(Program(qapp, window))
        return built[-1]

    yield make
    for program in built:
        program.close()
        program.theme.deleteLater()


def test_a_notice_from_before_the_views_is_shown(build):
    save_settings(settings_file(), Settings(model="/nowhere/gone.gguf", reduce_motion=True))
    program = build()
    assert ["gone.gguf" in card.notice.what for card in program.content.notice_area.cards] == [True]


def test_the_conversations_of_the_last_time_are_listed_and_the_latest_is_open(build, tiny_model):
    save_settings(settings_file(), Settings(model=str(tiny_model)))
    store = Store(database_file())
    for title in ("Older", "Newer"):
        store.create_conversation(character="hoshi", character_name="Hoshi", greetings=("Hello.",), title=title)
    store.close()
    program = build()
    assert [row.title for row in listed(program) if isinstance(row, Conversation)] == ["Newer", "Older"]
    assert program.conversations.current.title == "Newer"
    view = program.content.list.view
    assert listed(program)[view.currentIndex().row()].title == "Newer"


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_everything_that_takes_the_keyboard_has_a_name(ready, qtbot):
    talk(ready, qtbot, "Hello")
    ready.content.show_page("settings")
    ready.notices.warning("Something happened.", "Do something.")
    ready.wiring.model_card.show()
    ready.wiring.model_card.hide()
    reached = [w for w in ready.window.findChildren(QWidget) if w.focusPolicy() & Qt.FocusPolicy.TabFocus and not w.isHidden()]
    assert len(reached) > 30
    assert [type(widget).__name__ for widget in reached if not _spoken(widget)] == []


def _spoken(widget: QWidget) -> str:
    """What a screen reader says, or the words on the widget itself; inner parts speak for the widget they belong to."""
    if widget.focusProxy() is not None or isinstance(widget.parent().parent(), QComboBox):
        return "part of another"
    return widget.accessibleName() or getattr(widget, "text", str)()


def test_a_draft_stays_with_its_conversation(ready, qtbot):
    talk(ready, qtbot, "First conversation.")
    first = ready.conversations.current.id
    write(ready, "half a thou")
    press(ready, Qt.Key.Key_N, CONTROL)
    assert ready.content.chat_view.draft() == ""
    write(ready, "another")
    ready.conversations.open(first)
    assert ready.content.chat_view.draft() == "half a thou"


def test_a_draft_goes_and_comes_back_with_its_conversation(ready, qtbot):
    talk(ready, qtbot, "First conversation.")
    first = ready.conversations.current.id
    write(ready, "half a thou")
    with qtbot.waitSignal(ready.notices.notice_raised) as raised:
        ready.conversations.delete(first)
    assert ready.conversations.current.id != first
    assert ready.content.chat_view.draft() == ""
    raised.args[0].act()
    ready.conversations.open(first)
    assert ready.content.chat_view.draft() == "half a thou"


def test_a_deleted_conversation_is_listed_comes_back_or_goes_for_good(ready, qtbot):
    talk(ready, qtbot, "First conversation.")
    first, list_ = ready.conversations.current.id, ready.content.list
    assert not list_.deleted_button.isVisible()
    list_.view.setFocus()
    list_.view.setCurrentIndex(list_.model.index_of(first))
    press(ready, Qt.Key.Key_Delete)
    assert ready.store.conversation(first) is None
    assert list_.deleted_button.isVisible()
    assert list_.deleted_button.text() == "Recently deleted (1)"
    press(ready, Qt.Key.Key_Z, CONTROL)
    assert ready.conversations.current.id == first
    assert not list_.deleted_button.isVisible()
    press(ready, Qt.Key.Key_Delete)

    def offered() -> list[QAction]:
        list_.deleted_button.menu().aboutToShow.emit()
        kept, talk = list_.deleted_button.menu().actions()
        assert (kept.text(), kept.isEnabled()) == ("Kept for 30 days", False)
        assert talk.text() == "First conversation"
        return talk.menu().actions()

    offered()[0].trigger()
    qtbot.waitUntil(lambda: ready.conversations.current.id == first)
    press(ready, Qt.Key.Key_Delete)
    offered()[1].trigger()
    qtbot.waitUntil(lambda: not list_.deleted_button.isVisible())
    press(ready, Qt.Key.Key_Z, CONTROL)
    ready.store.restore_conversation(first)
    assert ready.store.conversation(first) is None


def test_stop_leaves_the_keyboard_in_the_composer(endless, qtbot):
    with qtbot.waitSignal(endless.chat.piece_received, timeout=LOADED_MS):
        endless.chat.send("Talk.")
    endless.content.chat_view.stop_requested.emit()
    qtbot.waitUntil(lambda: endless.engine.state is EngineState.READY, timeout=LOADED_MS)
    write(endless, "more")
    assert endless.content.chat_view.draft() == "more"


def test_a_notice_never_covers_the_composer(program, qtbot):
    program.notices.error("Something went wrong.", "Do something.")
    composer = program.content.chat_view.composer
    for width in (1280, 700):
        program.window.resize(width, 700)
        qtbot.wait(SETTLED_MS)
        written = QRect(composer.mapTo(program.content, QPoint(0, 0)), composer.size())
        assert not program.content.notice_area.geometry().intersects(written)


@pytest.mark.parametrize("width", [1280, 1000, 700])
def test_a_notice_never_covers_what_was_said_last(program, width, qtbot):
    for n in range(12):
        talk = program.conversations.current.id
        parent = program.chat.path[-1].message.id
        program.store.add_message(talk, parent=parent, role="user", text=f"Number {n}.")
        program.conversations.open(talk)
    program.window.resize(width, 600)
    messages, area = program.content.chat_view.messages, program.content.notice_area
    qtbot.wait(SETTLED_MS)
    seen = messages.viewport().height()
    program.notices.undoable("She will remember 2 things, such as: The person has a dog called Biscuit.", lambda: None)
    row = messages.rows[-1]
    last = QRect(row.mapTo(program.content, QPoint(0, 0)), row.size())
    viewport = QRect(messages.viewport().mapTo(program.content, QPoint(0, 0)), messages.viewport().size())
    assert viewport.contains(last)
    assert not area.geometry().intersects(viewport)
    area.cards[0].close_button.click()
    assert messages.viewport().height() == seen


def test_a_page_can_be_scrolled_to_its_end_beside_a_notice(program):
    program.window.resize(1000, 520)
    program.content.show_page("workshop")
    program.workshop.panel.show_page("teach")
    program.notices.undoable("Something was deleted.", lambda: None)
    QApplication.processEvents()
    teach = program.workshop.panel.pages["teach"]
    page = next(area for area in teach.findChildren(ScrollPage) if area.isVisible())
    page.verticalScrollBar().setValue(page.verticalScrollBar().maximum())
    end = page.widget().mapTo(program.content, page.widget().rect().bottomLeft()).y()
    assert end < program.content.notice_area.geometry().top()


def test_unticking_automatic_starts_from_what_was_chosen(ready):
    ready.content.show_page("settings")
    row = ready.pages.settings_page.forms["Model"].rows["context_tokens"]
    assert row.editor.spin.value() == ready.engine.model.context_tokens


def test_notices_follow_her_to_where_she_comes_to_stand(program: Program, qtbot):
    program.notices.information("The program ended while she was writing.")
    stage, area = program.content.stage, program.content.notice_area
    laid_out = QRect(stage.geometry())
    for place in (QRect(0, 0, laid_out.width(), laid_out.height()), laid_out):
        stage.setGeometry(place)
        assert place.contains(area.geometry())
