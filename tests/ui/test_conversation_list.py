from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from companion.core.conversation import Conversation, SearchHit
from companion.ui.library.conversation_list import ConversationList
from companion.ui.library.conversation_model import Heading, Role
from companion.ui.library.emphasis import pieces, shortened
from companion.ui.theme import Theme

NOON = datetime.now().replace(hour=12, minute=0, second=0, microsecond=0)
LEFT = Qt.MouseButton.LeftButton


def about(number: int, title: str, days: int = 0, preview: str = "And so on") -> Conversation:
    when = (NOON - timedelta(days=days)).timestamp() - number
    return Conversation(
        id=number,
        title=title,
        titled_by_person=False,
        character="",
        character_name="Hoshi",
        created=when,
        updated=when,
        active=1,
        preview=preview,
    )


FOUR = (about(1, "A rough day"), about(2, "Perseids", 1), about(3, "Guitar", 3), about(4, "First hello", 40))


@pytest.fixture
def list_(theme: Theme, qtbot) -> ConversationList:
    made = ConversationList(theme)
    qtbot.addWidget(made)
    made.resize(248, 700)
    made.show_conversations(FOUR, 1)
    made.show()
    made.activateWindow()
    return made


@pytest.mark.parametrize("size", [12, 14, 16, 20, 24])
def test_the_words_on_the_button_have_room_in_any_size_of_letters(list_: ConversationList, theme: Theme, size: int):
    theme.set_font_size(size)
    QTest.qWait(0)
    assert list_.new_button.width() >= list_.new_button.sizeHint().width()
    assert list_.new_button.accessibleName() == "New conversation"
    metrics, words = list_.new_button.fontMetrics(), list_.new_button.text()
    more = metrics.horizontalAdvance("New conversation") - metrics.horizontalAdvance(words)
    fits = list_.new_button.sizeHint().width() + more <= list_.new_button.width()
    assert words == ("New conversation" if fits else "New")


def lines(list_: ConversationList) -> list[str]:
    return [list_.model.index(i).data() for i in range(list_.model.rowCount())]


def click(list_: ConversationList, conversation: int, button=LEFT) -> None:
    place = list_.view.visualRect(list_.model.index_of(conversation))
    QTest.mouseClick(list_.view.viewport(), button, pos=place.topLeft() + QPoint(30, 20))


def put_cursor_on(list_: ConversationList, conversation: int) -> None:
    list_.view.setFocus()
    list_.view.setCurrentIndex(list_.model.index_of(conversation))


def test_conversations_stand_under_their_days(list_: ConversationList):
    assert lines(list_) == [
        *("Today", "A rough day", "Yesterday", "Perseids", "Earlier this week", "Guitar", "Earlier", "First hello")
    ]
    assert list_.width() == 248


def test_the_newest_stands_first(list_: ConversationList):
    list_.show_conversations((about(9, "older"), about(2, "newer")), None)
    assert lines(list_) == ["Today", "newer", "older"]


def test_a_click_opens(list_: ConversationList, qtbot):
    with qtbot.waitSignal(list_.conversation_selected) as blocker:
        click(list_, 3)
    assert blocker.args == [3]


def test_arrow_keys_move_over_headings_and_enter_opens(list_: ConversationList, qtbot):
    put_cursor_on(list_, 1)
    opened: list[int] = []
    list_.conversation_selected.connect(opened.append)
    for _ in range(2):
        qtbot.keyClick(list_.view, Qt.Key.Key_Down)
    assert opened == []
    qtbot.keyClick(list_.view, Qt.Key.Key_Return)
    assert opened == [3]


def test_the_open_one_is_told_to_those_who_listen(list_: ConversationList):
    role = Qt.ItemDataRole.AccessibleTextRole
    assert list_.model.index_of(1).data(role) == "A rough day, open. And so on"
    list_.set_current(2)
    assert list_.model.index_of(1).data(role) == "A rough day. And so on"
    assert list_.model.index_of(2).data(role) == "Perseids, open. And so on"


def test_a_title_is_changed_in_place(list_: ConversationList, qtbot):
    put_cursor_on(list_, 2)
    qtbot.keyClick(list_.view, Qt.Key.Key_F2)
    editor = list_.view.findChild(QLineEdit)
    assert editor.text() == "Perseids"
    qtbot.keyClicks(editor, "August night")
    with qtbot.waitSignal(list_.rename_requested) as blocker:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert blocker.args == [2, "August night"]


def test_escape_and_an_empty_title_change_nothing(list_: ConversationList, qtbot):
    for text, key in (("Other", Qt.Key.Key_Escape), (" ", Qt.Key.Key_Return)):
        put_cursor_on(list_, 2)
        qtbot.keyClick(list_.view, Qt.Key.Key_F2)
        editor = list_.view.findChild(QLineEdit)
        qtbot.keyClicks(editor, text)
        with qtbot.assertNotEmitted(list_.rename_requested):
            qtbot.keyClick(editor, key)
        qtbot.waitUntil(lambda: list_.view.findChild(QLineEdit) is None)


def test_a_new_list_does_not_disturb_a_rename(list_: ConversationList, qtbot):
    put_cursor_on(list_, 2)
    qtbot.keyClick(list_.view, Qt.Key.Key_F2)
    editor = list_.view.findChild(QLineEdit)
    list_.show_conversations((about(5, "Newest"), *FOUR), 1)
    assert editor.isVisible()
    assert "Newest" not in lines(list_)
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: "Newest" in lines(list_))


def test_delete_asks_for_the_one_with_the_cursor(list_: ConversationList, qtbot):
    put_cursor_on(list_, 3)
    with qtbot.waitSignal(list_.delete_requested) as blocker:
        qtbot.keyClick(list_.view, Qt.Key.Key_Delete)
    assert blocker.args == [3]


def test_the_menu_renames_exports_and_deletes(list_: ConversationList, qtbot):
    menu = list_.menu(list_.model.index_of(2))
    entries = {entry.text(): entry for entry in menu.actions()}
    assert list(entries) == ["Rename", "Export…", "Delete"]
    with qtbot.waitSignals([list_.export_requested, list_.delete_requested]):
        entries["Export…"].trigger()
        entries["Delete"].trigger()
    entries["Rename"].trigger()
    assert list_.view.findChild(QLineEdit) is not None


@pytest.mark.qt_log_ignore("does not support")
def test_the_more_button_opens_the_menu_and_not_the_conversation(list_: ConversationList, qtbot):
    row = list_.view.visualRect(list_.model.index_of(2))
    with qtbot.assertNotEmitted(list_.conversation_selected):
        qtbot.mouseClick(list_.view.viewport(), LEFT, pos=list_.delegate.more_place(row).center())
    menu = QApplication.activePopupWidget()
    assert menu is not None
    menu.close()


@pytest.mark.qt_log_ignore("does not support")
def test_the_menu_key_opens_the_menu_of_the_cursor(list_: ConversationList):
    put_cursor_on(list_, 2)
    wanted = []
    list_.view.menu_wanted.connect(lambda index, place: wanted.append(index.data(Role.ROW).id))
    QApplication.sendEvent(list_.view, QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint()))
    assert wanted == [2]
    QApplication.activePopupWidget().close()


def test_buttons_begin_and_import(list_: ConversationList, qtbot):
    with qtbot.waitSignals([list_.new_requested, list_.import_requested]):
        qtbot.mouseClick(list_.new_button, LEFT)
        qtbot.mouseClick(list_.import_button, LEFT)
    assert list_.import_button.accessibleName() == "Import a conversation"


def test_an_empty_list_says_what_will_be_there(list_: ConversationList):
    list_.show_conversations((), None)
    assert list_._nothing.isVisible()
    assert list_._nothing.text() == "No conversations yet. Whatever you talk about will be listed here."


# Searching

HITS = (
    SearchHit(conversation=2, message=7, title="Perseids", excerpt="…we need a Blänket for the night"),
    SearchHit(conversation=4, message=9, title="First hello", excerpt="blanket"),
)


def test_a_search_waits_for_a_pause_in_typing(list_: ConversationList, qtbot):
    asked: list[str] = []
    list_.search_changed.connect(asked.append)
    list_.focus_search()
    qtbot.keyClicks(list_.search, "blanket")
    assert asked == []
    qtbot.waitUntil(lambda: asked == ["blanket"])


def test_hits_are_listed_and_opened(list_: ConversationList, qtbot):
    qtbot.keyClicks(list_.search, "blanket")
    list_.show_hits("blanket", HITS)
    assert lines(list_) == ["2 matches", "Perseids", "First hello"]
    opened: list[tuple[int, int]] = []
    list_.hit_selected.connect(lambda *hit: opened.append(hit))
    qtbot.keyClick(list_.search, Qt.Key.Key_Return)
    click(list_, 4)
    assert opened == [(2, 7), (4, 9)]
    qtbot.keyClick(list_.search, Qt.Key.Key_Down)
    assert list_.view.hasFocus()


def test_an_answer_to_an_older_search_is_ignored(list_: ConversationList, qtbot):
    qtbot.keyClicks(list_.search, "moon")
    list_.show_hits("mo", HITS)
    assert "2 matches" not in lines(list_)


def test_a_search_without_hits_says_so(list_: ConversationList, qtbot):
    qtbot.keyClicks(list_.search, "xyz")
    list_.show_hits("xyz", ())
    assert list_._nothing.isVisible()
    assert list_._nothing.text() == "Nothing found for “xyz”."


def test_escape_ends_the_search(list_: ConversationList, qtbot):
    qtbot.keyClicks(list_.search, "blanket")
    list_.show_hits("blanket", HITS)
    list_.show_conversations((about(8, "Meanwhile"), *FOUR), 1)
    assert "Meanwhile" not in lines(list_), "the hits stay while they are looked at"
    with qtbot.waitSignal(list_.search_changed) as blocker:
        qtbot.keyClick(list_.search, Qt.Key.Key_Escape)
    assert blocker.args == [""]
    assert "Meanwhile" in lines(list_)
    assert list_.delegate.searched == ()


def test_hits_are_put_away_also_when_no_new_list_comes(list_: ConversationList, qtbot):
    qtbot.keyClicks(list_.search, "blanket")
    list_.show_hits("blanket", HITS)
    qtbot.keyClick(list_.search, Qt.Key.Key_Escape)
    assert lines(list_)[:2] == ["Today", "A rough day"]


def test_matches_stand_out_without_regard_to_case_and_accents():
    found = [piece.words for piece in pieces("A Blänket, two blankets", ("blanket",)) if piece.found]
    assert found == ["Blänket", "blanket"]
    assert [piece.words for piece in pieces("Große Straße", ("strasse", "gro")) if piece.found] == ["Gro", "Straße"]
    assert "".join(piece.words for piece in pieces("nothing here", ("x",))) == "nothing here"


def test_a_far_match_is_brought_into_sight(theme: Theme):
    metrics = QFontMetrics(theme.font(12))
    line = "many words stand before this one until at last there comes a blanket and more"
    short = shortened(line, ("blanket",), metrics, 200)
    assert short.startswith("…")
    assert metrics.horizontalAdvance(short[: short.index("blanket") + 7]) < 200
    assert shortened("a blanket", ("blanket",), metrics, 200) == "a blanket"


# Long lists


def test_a_refresh_keeps_the_place(list_: ConversationList, qtbot):
    many = tuple(about(i, f"Talk {i}") for i in range(1, 1001))
    began = time.perf_counter()
    list_.show_conversations(many, 1)
    assert time.perf_counter() - began < 2
    list_.view.verticalScrollBar().setValue(5_000)
    put_cursor_on(list_, 500)
    scrolled = list_.view.verticalScrollBar().value()
    list_.show_conversations(many, 2)
    assert list_.view.verticalScrollBar().value() == scrolled
    assert list_.view.currentIndex() == list_.model.index_of(500)
    list_.show_conversations(many[1:], 2)
    assert list_.view.verticalScrollBar().value() == pytest.approx(scrolled, abs=60)
    assert list_.view.currentIndex() == list_.model.index_of(500)


def test_headings_cannot_be_chosen(list_: ConversationList, qtbot):
    first = list_.model.index(0)
    assert isinstance(first.data(Role.ROW), Heading)
    with qtbot.assertNotEmitted(list_.conversation_selected):
        qtbot.mouseClick(list_.view.viewport(), LEFT, pos=list_.view.visualRect(first).center())


def test_a_theme_switch_is_followed(list_: ConversationList, theme: Theme):
    height = list_.view.visualRect(list_.model.index_of(1)).height()
    theme.set_font_size(22)
    QTest.qWait(10)
    assert list_.view.visualRect(list_.model.index_of(1)).height() > height
    theme.choose("light")
    assert not list_.grab().isNull()
