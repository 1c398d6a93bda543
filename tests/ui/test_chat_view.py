from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, QRect, Qt, QUrl, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QPaintEvent,
    QPixmap,
    QRegion,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from companion.app.engine_state import EngineState
from companion.core.conversation import Message, PathMessage
from companion.ui.chat import message_body
from companion.ui.chat.chat_view import ChatView
from companion.ui.chat.message_actions import Action
from companion.ui.chat.message_list import BUILT_AT_FIRST, BUILT_IN_ADVANCE
from companion.ui.chat.message_view import MessageView
from companion.ui.theme import Theme

NOON = time.mktime((2026, 5, 4, 12, 0, 0, 0, 0, -1))
LEFT = Qt.MouseButton.LeftButton


def said(number: int, text: str, *, hers: bool | None = None, alternate: int = 1, alternates: int = 1, **facts) -> PathMessage:
    """Message `number`; hers are the odd ones."""
    role = "assistant" if (number % 2 if hers is None else hers) else "user"
    facts.setdefault("created", NOON + number)
    message = Message(id=number, conversation=1, parent=number - 1 or None, role=role, text=text, **facts)
    return PathMessage(message=message, alternate=alternate, alternates=alternates)


def talk(count: int) -> tuple[PathMessage, ...]:
    return tuple(said(i, f"Message {i}, with a few words") for i in range(1, count + 1))


@pytest.fixture
def view(theme: Theme, qtbot) -> ChatView:
    made = ChatView(theme)
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.set_character("Hoshi", QPixmap())
    made.set_engine_state(EngineState.READY)
    made.show()
    return made


def press(view: ChatView, number: int, action: Action) -> None:
    row = shown(view, number)
    assert row.action_row is not None
    button = row.action_row.button(action)
    assert button is not None, action
    QTest.mouseClick(button, LEFT)


def shown(view: ChatView, number: int) -> MessageView:
    row = view.messages.row(number)
    assert row is not None
    return row


def offered(row: MessageView) -> set[Action]:
    return {a for a in Action if row.action_row is not None and row.action_row.button(a) is not None}


def bar(view: ChatView):
    return view.messages.verticalScrollBar()


def built(view: ChatView, qtbot) -> None:
    qtbot.waitUntil(lambda: not view.messages._builder.isActive(), timeout=20_000)


# Showing


def test_hers_stand_left_and_the_persons_right(view: ChatView):
    view.show_path(talk(2))
    hers, persons = shown(view, 1), shown(view, 2)
    assert hers.bubble.left() < persons.bubble.left()
    assert persons.bubble.right() == persons.width() - 1
    assert hers.width() == 720
    assert persons.geometry().top() - hers.geometry().bottom() == 1
    assert hers.height() - hers.bubble.bottom() == 17, "16 px between messages"


def test_an_empty_chat_teaches_and_offers_one_button(view: ChatView, qtbot):
    view.show_path(())
    assert view._empty.isVisible()
    with qtbot.waitSignal(view.send_requested):
        qtbot.mouseClick(view._empty.button, LEFT)
    view.append_message(said(1, "Hi"))
    assert not view._empty.isVisible()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"status": "stopped"}, "stopped"),
        ({"status": "interrupted"}, "interrupted"),
        ({"status": "failed"}, "failed"),
        ({"edited": True}, "edited"),
        ({"edited": True, "status": "stopped"}, "edited · stopped"),
        ({}, ""),
    ],
)
def test_what_became_of_a_message_is_said_in_words(view: ChatView, facts, words):
    view.show_path((said(1, "Hello", **facts),))
    assert shown(view, 1).status.words == words
    assert words in shown(view, 1).accessibleDescription()


def test_a_failure_has_its_sentence(view: ChatView):
    view.show_path((said(1, "", status="failed"),))
    view.set_failure(1, "the disk is full.")
    assert shown(view, 1).status.words == "failed: the disk is full."
    view.show_path(())
    view.show_path((said(1, "", status="failed"),))
    assert shown(view, 1).status.words == "failed: the disk is full."


def test_an_empty_reply_says_so(view: ChatView):
    view.show_path((said(1, "", status="interrupted"),))
    assert shown(view, 1).accessibleName().endswith("(no words)")
    assert shown(view, 1).bubble.width() > 80


def test_days_and_the_beginning_of_her_memory_are_marked(view: ChatView):
    view.show_path((said(1, "a", created=NOON - 86_400), said(2, "b"), said(3, "c")))
    heights = [shown(view, i).bubble.top() for i in (1, 2, 3)]
    assert heights[0] > 0
    assert heights[1] > 0
    assert heights[2] == 0
    view.set_memory_marker(3)
    assert shown(view, 3).bubble.top() > 0
    view.set_memory_marker(0)
    assert shown(view, 3).bubble.top() == 0


def test_messages_have_names_for_those_who_listen(view: ChatView):
    view.show_path(talk(2))
    assert shown(view, 1).accessibleName().startswith("Hoshi, ")
    assert shown(view, 2).accessibleName().startswith("You, ")
    for button in shown(view, 2).action_row.findChildren(type(view.messages._jump).__mro__[1]):
        assert button.accessibleName()


def test_a_message_changes_in_its_place(view: ChatView):
    view.show_path(talk(3))
    view.update_message(said(2, "Other words", hers=False))
    assert shown(view, 2).body.text == "Other words"
    assert [row.shown.message.id for row in view.messages.rows] == [1, 2, 3]


def test_another_alternate_keeps_what_stands_before_it(view: ChatView):
    view.show_path(talk(3))
    kept = view.messages.rows[:2]
    view.show_path((*talk(2), said(9, "Another reply", alternate=2, alternates=2)))
    assert view.messages.rows[:2] == kept
    assert [row.shown.message.id for row in view.messages.rows] == [1, 2, 9]
    view.remove_after(1)
    assert [row.shown.message.id for row in view.messages.rows] == [1]


def test_the_header_says_how_the_model_is_doing(view: ChatView):
    view.set_model_chip("SmolLM2 · Q4_0", "On the CPU")
    for state, word in ((EngineState.LOADING, "loading"), (EngineState.ANSWERING, "answering"), (EngineState.FAILED, "failed")):
        view.set_engine_state(state, "Because.")
        assert view.model_chip.word == word
        assert view.model_chip.accessibleName() == f"Model: SmolLM2 · Q4_0, {word}"
        assert view.model_chip.toolTip() == "On the CPU\nBecause."
    view.set_speed(118.4)
    assert view.header.speed_chip.text() == "118 tok/s"
    view.set_context(1147, 8192)
    assert view.header.context_chip.text() == "context 14 %"
    assert "1,147 of 8,192" in view.header.context_chip.toolTip()
    view.set_context(7800, 8192)
    assert view.header.context_chip.text() == "context 95 %, nearly full"
    view.set_speed(None)
    assert not view.header.speed_chip.isVisible()


def test_a_narrow_header_keeps_the_model(view: ChatView):
    view.set_title("A long title of a conversation")
    view.set_model_chip("SmolLM2 135M · Q4_0", "")
    view.set_speed(118)
    view.set_context(1, 100)
    view.resize(420, 600)
    assert view.model_chip.isVisible()
    assert not view.header.speed_chip.isVisible()
    assert view.model_chip.geometry().right() <= view.width()


@pytest.mark.parametrize("size", [14, 20])
def test_a_title_keeps_its_room_and_the_context_goes_first(view: ChatView, theme: Theme, size: int):
    theme.set_font_size(size)
    view.set_title("A long title of a conversation about everything under the moon")
    view.set_model_chip("A model with a long name 135M · Q4_0", "")
    view.set_speed(118)
    view.set_context(1, 100)
    header, gone = view.header, []
    for width in range(1600, 500, -10):
        view.resize(width, 600)
        for chip in (header.context_chip, header.speed_chip):
            if not chip.isVisible() and chip not in gone:
                gone.append(chip)
        if width >= 560 * size / 14:
            assert header._title_width >= round(220 * size / 14), width
    assert gone == [header.context_chip, header.speed_chip]
    assert view.model_chip.isVisible()


def test_the_model_chip_can_be_pressed(view: ChatView, qtbot):
    with qtbot.waitSignal(view.model_chip_pressed):
        qtbot.mouseClick(view.model_chip, LEFT)


# Actions


@pytest.mark.parametrize(
    ("action", "signal", "args"),
    [
        (Action.REGENERATE, "regenerate_requested", [3]),
        (Action.CONTINUE, "continue_requested", [3]),
        (Action.EARLIER_ALTERNATE, "alternate_requested", [3, -1]),
        (Action.LATER_ALTERNATE, "alternate_requested", [3, 1]),
        (Action.LIKE, "feedback_given", [3, 1]),
        (Action.DISLIKE, "feedback_given", [3, 0]),
    ],
)
def test_the_last_reply_offers_its_actions(view: ChatView, qtbot, action, signal, args):
    view.show_path((*talk(2), said(3, "Reply", alternate=2, alternates=3, feedback=-1)))
    with qtbot.waitSignal(getattr(view, signal)) as blocker:
        press(view, 3, action)
    assert blocker.args == args


def test_there_is_no_version_before_the_first(view: ChatView):
    view.show_path((said(1, "Reply", alternate=1, alternates=2),))
    row = shown(view, 1).action_row
    assert not row.button(Action.EARLIER_ALTERNATE).isEnabled()
    assert row.button(Action.LATER_ALTERNATE).isEnabled()


def test_other_messages_offer_theirs_under_the_pointer(view: ChatView, qtbot):
    view.show_path(talk(4))
    row = shown(view, 2)
    assert row.action_row is None
    height = row.height()
    QTest.mouseMove(row, row.bubble.center())
    QTest.mouseMove(row, row.bubble.center() + QPoint(2, 0))
    qtbot.waitUntil(lambda: row.action_row is not None)
    assert row.height() == height, "nothing moves"
    assert offered(row) == {Action.COPY, Action.EDIT}
    assert row.rect().contains(row.action_row.geometry())
    QTest.mouseMove(view.composer, QPoint(5, 5))
    qtbot.waitUntil(lambda: row.action_row is None)


def test_while_she_answers_the_conversation_stays_as_it_is(view: ChatView):
    view.show_path((*talk(2), said(3, "Reply", alternate=1, alternates=2)))
    assert Action.REGENERATE in offered(shown(view, 3))
    view.set_engine_state(EngineState.ANSWERING)
    assert offered(shown(view, 3)) == {Action.EARLIER_ALTERNATE, Action.LATER_ALTERNATE, Action.LIKE, Action.DISLIKE, Action.COPY}
    assert not shown(view, 3).action_row.button(Action.LATER_ALTERNATE).isEnabled()
    view.set_engine_state(EngineState.FAILED)
    assert Action.EDIT in offered(shown(view, 3))
    assert Action.REGENERATE not in offered(shown(view, 3))


def test_copying_takes_the_words_as_written(view: ChatView):
    view.show_path((said(1, "Some *words*"),))
    press(view, 1, Action.COPY)
    assert QGuiApplication.clipboard().text() == "Some *words*"
    assert shown(view, 1).action_row.button(Action.COPY).toolTip() == "Copied"


def test_the_menu_has_every_action_and_every_link(view: ChatView, qtbot):
    view.show_path((said(1, "See [there](https://a.example)", alternates=2),))
    row = shown(view, 1)
    menu = row.menu()
    words = [entry.text() for entry in menu.actions() if entry.text()]
    assert words == [
        *("Next version", "Good reply", "Bad reply", "Copy", "Edit", "Write another reply", "Continue this reply", "Delete"),
        "Open https://a.example",
    ]
    with qtbot.waitSignal(view.delete_requested) as blocker:
        next(entry for entry in menu.actions() if entry.text() == "Delete").trigger()
    assert blocker.args == [1]


@pytest.mark.qt_log_ignore("does not support")
def test_the_menu_key_opens_the_menu(view: ChatView, qtbot):
    view.show_path(talk(1))
    row = shown(view, 1)
    QApplication.sendEvent(row, QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint()))
    menu = QApplication.activePopupWidget()
    assert menu is not None
    menu.close()


def test_a_link_opens_only_by_a_click(view: ChatView, qtbot):
    class Opened(QObject):
        addresses: list[str] = []  # noqa: RUF012

        @Slot(QUrl)
        def open(self, address: QUrl) -> None:
            self.addresses.append(address.toString())

    opened = Opened()
    for scheme in ("https", "file"):
        QDesktopServices.setUrlHandler(scheme, opened, "open")
    try:
        view.show_path((said(1, "[there](https://a.example/)"),))
        assert opened.addresses == []
        shown(view, 1).link_activated.emit("file:///etc/passwd")
        shown(view, 1).link_activated.emit("https://a.example/")
    finally:
        for scheme in ("https", "file"):
            QDesktopServices.unsetUrlHandler(scheme)
    assert opened.addresses == ["https://a.example/"]


# Editing


def test_editing_happens_in_place_and_ctrl_enter_saves(view: ChatView, qtbot):
    view.show_path(talk(3))
    view.messages.begin_edit(2)
    editor = shown(view, 2).editor
    assert editor is not None
    assert editor.edit.hasFocus()
    assert editor.edit.toPlainText() == "Message 2, with a few words"
    editor.edit.selectAll()
    qtbot.keyClicks(editor.edit, "Other")
    qtbot.keyClick(editor.edit, Qt.Key.Key_Return)
    qtbot.keyClicks(editor.edit, "words")
    with qtbot.waitSignal(view.edit_requested) as blocker:
        qtbot.keyClick(editor.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert blocker.args == [2, "Other\nwords"]
    assert shown(view, 2).editor is None


def test_the_keyboard_stays_at_a_reply_that_was_edited(view: ChatView, qtbot):
    view.show_path((*talk(6), said(7, "The reply", alternates=2)))
    view.messages.begin_edit(7)
    editor = shown(view, 7).editor
    qtbot.keyClicks(editor.edit, ", edited")
    view.edit_requested.connect(lambda _id, text: view.show_path((*talk(6), said(8, text, hers=True, alternate=3, alternates=3))))
    qtbot.keyClick(editor.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.focusWidget() is shown(view, 8)


def test_a_version_that_was_the_first_leaves_the_keyboard_at_its_actions(view: ChatView, qtbot):
    view.show_path((*talk(2), said(3, "Later", alternate=2, alternates=2)))
    row = shown(view, 3).action_row
    row.focus(Action.EARLIER_ALTERNATE)
    view.messages.update_message(said(3, "Later", alternate=1, alternates=2))
    assert QApplication.focusWidget() is shown(view, 3).action_row.button(Action.LATER_ALTERNATE)


def test_buttons_stay_where_they_are_as_versions_and_edits_come(view: ChatView):
    states = (
        said(3, "Late"),
        said(3, "Later", alternate=2, alternates=2),
        said(3, "Latest", alternate=3, alternates=3, edited=True),
    )
    places = []
    for state in states:
        view.show_path((*talk(2), state))
        row = shown(view, 3).action_row
        places.append([row.mapToParent(row.button(action).pos()) for action in (Action.LIKE, Action.EDIT)])
    assert all(each == places[0] for each in places)


def test_escape_gives_up_an_edit(view: ChatView, qtbot):
    view.show_path(talk(3))
    view.messages.begin_edit(2)
    editor = shown(view, 2).editor
    qtbot.keyClicks(editor.edit, "nonsense")
    with qtbot.assertNotEmitted(view.edit_requested):
        qtbot.keyClick(editor.edit, Qt.Key.Key_Escape)
    assert shown(view, 2).editor is None
    assert shown(view, 2).body.isVisible()


def test_an_unchanged_or_empty_text_is_not_an_edit(view: ChatView, qtbot):
    view.show_path(talk(1))
    view.messages.begin_edit(1)
    with qtbot.assertNotEmitted(view.edit_requested):
        qtbot.mouseClick(shown(view, 1).editor._save, LEFT)
    view.messages.begin_edit(1)
    shown(view, 1).editor.edit.clear()
    assert not shown(view, 1).editor._save.isEnabled()


def test_a_long_text_is_edited_in_a_field_that_fits(view: ChatView, qtbot):
    view.show_path((said(1, "word " * 100),))
    view.messages.begin_edit(1)
    edit = shown(view, 1).editor.edit
    QTest.qWait(1)
    assert edit.verticalScrollBar().maximum() == 0
    assert edit.height() > 100


def test_the_up_arrow_edits_the_last_own_message(view: ChatView, qtbot):
    view.show_path(talk(5))
    view.focus_composer()
    qtbot.keyClick(view.composer.edit, Qt.Key.Key_Up)
    assert shown(view, 4).editor is not None


# Streaming


def stream(view: ChatView, qtbot, number: int, *pieces: str) -> None:
    for piece in pieces:
        view.add_piece(number, piece)
    text = shown(view, number).body
    qtbot.waitUntil(lambda: not text._pieces)


def test_dots_and_reading_until_the_first_word(view: ChatView, qtbot):
    view.show_path((*talk(2), said(3, "", status="streaming")))
    row = shown(view, 3)
    waiting = row._waiting
    assert waiting is not None
    assert waiting.isVisible()
    view.set_reading(0.42)
    assert waiting.accessibleName() == "reading 42 %"
    view.set_reading(None)
    assert waiting.accessibleName() == "thinking"
    stream(view, qtbot, 3, "Hello")
    assert not waiting.isVisible()
    assert row.body.isVisible()
    assert row.body.parts[0].has_caret
    view.update_message(said(3, "Hello there"))
    assert row.body.text == "Hello there"
    assert not row.body.parts[0].has_caret
    assert Action.REGENERATE in offered(row)


def test_the_end_of_a_reply_moves_nothing(view: ChatView, qtbot):
    view.show_path((*talk(2), said(3, "", status="streaming")))
    stream(view, qtbot, 3, "Hello")
    height = shown(view, 3).height()
    view.update_message(said(3, "Hello"))
    assert shown(view, 3).height() == height


def test_a_growing_reply_stays_in_sight(view: ChatView, qtbot):
    view.show_path((*talk(12), said(13, "", status="streaming")))
    built(view, qtbot)
    for _ in range(4):
        stream(view, qtbot, 13, "Another line.\n\n" * 5)
        assert bar(view).value() == bar(view).maximum() > 0
    assert not view.messages._jump.isVisible()


def test_scrolling_up_is_respected_and_a_button_leads_back(view: ChatView, qtbot):
    view.show_path((*talk(20), said(21, "", status="streaming")))
    built(view, qtbot)
    bar(view).setValue(100)
    stream(view, qtbot, 21, "Another line.\n\n" * 20)
    assert bar(view).value() == 100
    assert view.messages._jump.isVisible()
    qtbot.mouseClick(view.messages._jump, LEFT)
    assert bar(view).value() == bar(view).maximum()
    assert not view.messages._jump.isVisible()
    stream(view, qtbot, 21, "More.\n\n" * 9)
    assert bar(view).value() == bar(view).maximum()


def test_an_own_message_brings_the_end_into_sight(view: ChatView, qtbot):
    view.show_path(talk(21))
    built(view, qtbot)
    bar(view).setValue(0)
    view.append_message(said(22, "New"))
    assert bar(view).value() == bar(view).maximum()


def test_escape_stops_a_reply(view: ChatView, qtbot):
    view.set_engine_state(EngineState.ANSWERING)
    view.focus_composer()
    with qtbot.waitSignal(view.stop_requested):
        qtbot.keyClick(view.composer.edit, Qt.Key.Key_Escape)
    view.set_engine_state(EngineState.READY)
    with qtbot.waitSignal(view.stop_requested):  # her voice may still be heard
        qtbot.keyClick(view.composer.edit, Qt.Key.Key_Escape)


def test_a_reply_that_goes_on_keeps_its_words(view: ChatView, qtbot):
    view.show_path((said(1, "It was", status="stopped"),))
    view.update_message(said(1, "It was", status="streaming"))
    stream(view, qtbot, 1, " a dark night.")
    assert shown(view, 1).body.parts[0].toPlainText() == "It was a dark night."


# Long conversations


def test_only_the_end_of_a_long_conversation_is_built(view: ChatView, qtbot):
    view.show_path(talk(2_000))
    assert len(view.messages.rows) < BUILT_AT_FIRST
    built(view, qtbot)
    assert len(view.messages.rows) == BUILT_AT_FIRST
    assert view.messages.rows[-1].shown.message.id == 2_000
    assert bar(view).value() == bar(view).maximum()


def test_a_conversation_opened_before_the_window_is_shown_stands_at_its_end(theme: Theme, qtbot):
    made = ChatView(theme)
    qtbot.addWidget(made)
    made.show_path(talk(40))
    made.resize(900, 600)
    made.show()
    built(made, qtbot)
    QTest.qWait(1)
    assert bar(made).value() == bar(made).maximum() > 0
    assert [row.shown.message.id for row in made.messages.rows] == list(range(1, 41))


def test_blanks_at_the_end_do_not_redraw_a_reply(view: ChatView, qtbot):
    view.show_path((said(1, "", status="streaming"),))
    stream(view, qtbot, 1, "Hello ")
    part = shown(view, 1).body.parts[0]
    view.update_message(said(1, "Hello"))
    assert shown(view, 1).body.parts[0] is part
    assert shown(view, 1).body.text == "Hello"


def test_what_is_stored_does_not_take_back_what_is_shown(view: ChatView, qtbot):
    view.show_path((said(1, "", status="streaming"),))
    stream(view, qtbot, 1, "Hello there")
    view.update_message(said(1, "Hello", status="streaming", feedback=1))
    assert shown(view, 1).body.text == "Hello there"


def test_scrolling_up_brings_earlier_messages_and_keeps_the_place(view: ChatView, qtbot):
    view.show_path(talk(300))
    built(view, qtbot)
    bar(view).setValue(500)
    row = next(row for row in view.messages.rows if row.geometry().bottom() > 500)
    place = row.geometry().top() - bar(view).value()
    built(view, qtbot)
    assert len(view.messages.rows) == BUILT_AT_FIRST + BUILT_IN_ADVANCE
    assert row.geometry().top() - bar(view).value() == place
    tops = [row.geometry().top() for row in view.messages.rows]
    assert tops == sorted(tops)


def test_a_message_far_up_is_found(view: ChatView, qtbot):
    view.show_path(talk(400))
    view.scroll_to(100)
    qtbot.waitUntil(lambda: view.messages.row(100) is not None and shown(view, 100).hasFocus(), timeout=20_000)
    top = shown(view, 100).geometry().top() - bar(view).value()
    assert 0 <= top < view.messages.height() // 2


def test_a_narrower_window_wraps_and_stays_at_the_end(view: ChatView, qtbot):
    view.show_path((*talk(3), said(4, "word " * 200)))
    height = shown(view, 4).height()
    view.resize(500, 600)
    assert shown(view, 4).height() > height
    assert bar(view).value() == bar(view).maximum()
    view.set_compact(True)
    assert shown(view, 1).bubble.left() == 0, "the portrait stands elsewhere"


# Keyboard, files, theme


def test_the_keyboard_reaches_every_message_and_its_actions(view: ChatView, qtbot):
    view.show_path(talk(4))
    built(view, qtbot)
    view.header.talk_button.setFocus()
    qtbot.keyClick(view.header.talk_button, Qt.Key.Key_Tab)
    last = shown(view, 4)
    assert last.hasFocus()
    qtbot.keyClick(last, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is last.action_row.button(Action.COPY)
    last.setFocus()
    qtbot.keyClick(last, Qt.Key.Key_Up)
    above = shown(view, 3)
    assert above.hasFocus()
    qtbot.waitUntil(lambda: above.action_row is not None)
    qtbot.keyClick(above, Qt.Key.Key_Down)
    assert last.hasFocus()
    qtbot.waitUntil(lambda: above.action_row is None)


def test_a_letter_typed_at_the_messages_goes_to_the_composer(view: ChatView, qtbot):
    view.show_path(talk(2))
    shown(view, 2).setFocus()
    qtbot.keyClick(shown(view, 2), "x")
    assert view.draft() == "x"
    assert view.composer.edit.hasFocus()


def test_dropped_files_are_passed_on(view: ChatView, tmp_path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in ("a.gguf", "b.txt", "C.JSONL")])
    dropped: list[str] = []
    view.file_dropped.connect(dropped.append)
    no_keys = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(view, QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, data, LEFT, no_keys))
    assert view._drop_hint.isVisible()
    QApplication.sendEvent(view, QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, LEFT, no_keys))
    assert not view._drop_hint.isVisible()
    assert dropped == [str(tmp_path / "a.gguf"), str(tmp_path / "C.JSONL")]


def test_a_theme_switch_redraws_the_words(view: ChatView, theme: Theme, qtbot):
    view.show_path((said(1, "Hello *there*\n\n```py\nx = 1\n```"),))
    theme.choose("light")
    body = shown(view, 1).body
    assert body.parts[0].toPlainText() == "Hello there"
    found = body.parts[0].document().find("there").charFormat()
    assert found.foreground().color() == theme.colour("muted")
    height = shown(view, 1).height()
    theme.set_font_size(20)
    assert shown(view, 1).height() > height


def test_a_streaming_reply_survives_a_theme_switch(view: ChatView, theme: Theme, qtbot):
    view.show_path((said(1, "", status="streaming"),))
    stream(view, qtbot, 1, "One\n\nTwo ")
    view.add_piece(1, "and ")
    theme.choose("light")
    stream(view, qtbot, 1, "three")
    assert shown(view, 1).body.parts[0].toPlainText() == "One\nTwo and three"


def test_nothing_is_imported_for_an_empty_window():
    import subprocess
    import sys

    script = (
        "import sys; from PySide6.QtWidgets import QApplication; app = QApplication([]);"
        "from companion.ui.theme import Theme; from companion.ui.chat.chat_view import ChatView;"
        "view = ChatView(Theme(app, 'dark')); view.show(); app.processEvents();"
        "print({'markdown_it', 'pygments'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert message_body.LONGEST_SHOWN == 40_000


def test_what_is_said_beside_the_buttons_is_painted_anew_when_they_become_more(view: ChatView):
    view.set_engine_state(EngineState.LOADING)
    view.show_path((said(1, "It was", status="interrupted"),))
    QApplication.processEvents()
    row = shown(view, 1)
    before, painted = QRect(row._status_place), QRegion()

    class Painted(QObject):
        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            nonlocal painted
            if isinstance(event, QPaintEvent):
                painted = painted.united(event.region())
            return False

    watch = Painted()
    row.installEventFilter(watch)
    view.set_engine_state(EngineState.READY)
    QApplication.processEvents()
    row.removeEventFilter(watch)
    assert row._status_place != before
    assert painted.intersected(row._status_place) == QRegion(row._status_place)
