"""The page where the person reads and changes what she remembers."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPlainTextEdit

from companion.core.memory import Memory
from companion.ui.memory.memory_model import day_words
from companion.ui.memory.memory_page import MemoryPage

NOW = time.time()
CAT = Memory(id=1, character="", text="Sam's cat is called Miso.", conversation=4, message=40, created=NOW - 90000)
NUTS = Memory(id=2, character="", text="Sam is allergic to nuts.", writer="person", pinned=True, created=NOW - 999999)
TITLES = {4: "Tea"}


@pytest.fixture
def page(theme, qtbot):
    made = MemoryPage(theme)
    qtbot.addWidget(made)
    made.set_character("Hoshi")
    made.resize(700, 600)
    made.show_memories([CAT, NUTS], TITLES, remembers=True, total=2)
    made.show()
    qtbot.waitExposed(made)
    return made


def press(page: MemoryPage, qtbot, memory: Memory, action: str) -> None:
    index = page.model.index_of(memory.id)
    page.view.doItemsLayout()
    place = page.delegate.places(page.view.visualRect(index), memory)[action]
    qtbot.mouseClick(page.view.viewport(), Qt.MouseButton.LeftButton, pos=place.center())


def test_pinned_memories_come_first_and_each_says_where_it_is_from(page: MemoryPage):
    texts = [page.model.index(row).data() for row in range(2)]
    assert texts == [NUTS.text, CAT.text]
    assert "From “Tea”" in page.model.index_of(CAT.id).data(Qt.ItemDataRole.AccessibleTextRole)
    assert "by you" in page.model.index_of(NUTS.id).data(Qt.ItemDataRole.AccessibleTextRole)
    assert page.count.text() == "2 memories"


def test_every_button_asks_for_what_it_says(page: MemoryPage, qtbot):
    with qtbot.waitSignal(page.pin_requested) as pinned:
        press(page, qtbot, NUTS, "pin")
    assert pinned.args == [NUTS.id, False]
    with qtbot.waitSignal(page.source_requested) as source:
        press(page, qtbot, CAT, "open")
    assert source.args == [4, 40]
    with qtbot.waitSignal(page.delete_requested) as deleted:
        press(page, qtbot, CAT, "trash")
    assert deleted.args == [CAT.id]


def test_a_long_name_never_pushes_the_title_out(page: MemoryPage, qtbot):
    page.set_character("Somebody with an endlessly long name " * 4)
    assert page.title.text().endswith("…")
    qtbot.waitUntil(lambda: page.title.width() >= page.title.sizeHint().width())
    assert page.title.accessibleName().endswith(" remembers")


def test_a_memory_without_a_message_has_no_way_to_it(page: MemoryPage):
    place = page.view.visualRect(page.model.index_of(NUTS.id))
    assert "open" not in page.delegate.places(place, NUTS)
    assert page.delegate.action_at(QPoint(0, 0), place, NUTS) == ""


def test_a_memory_is_changed_in_place(page: MemoryPage, qtbot):
    press(page, qtbot, CAT, "edit")
    editor = page.view.viewport().findChild(QPlainTextEdit)
    editor.setPlainText("Sam's cat is\ncalled Mochi. ")
    with qtbot.waitSignal(page.edit_requested) as edited:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert edited.args == [CAT.id, "Sam's cat is called Mochi."]


def test_the_keyboard_can_do_it_all(page: MemoryPage, qtbot):
    page.view.setFocus()
    page.view.setCurrentIndex(page.model.index_of(CAT.id))
    with qtbot.waitSignal(page.pin_requested) as pinned:
        qtbot.keyClick(page.view, Qt.Key.Key_P)
    assert pinned.args == [CAT.id, True]
    with qtbot.waitSignal(page.delete_requested):
        qtbot.keyClick(page.view, Qt.Key.Key_Delete)


def test_the_person_writes_one_down(page: MemoryPage, qtbot):
    assert not page.add_button.isEnabled()
    page.add_field.setText("  Sam   likes rain. ")
    with qtbot.waitSignal(page.add_requested) as added:
        qtbot.mouseClick(page.add_button, Qt.MouseButton.LeftButton)
    assert added.args == ["Sam likes rain."]
    assert page.add_field.text() == ""


def test_an_empty_page_teaches_and_a_search_without_hits_says_so(page: MemoryPage):
    page.show_memories([], {}, remembers=True, total=0)
    assert "knows nothing about you yet" in page._empty.text()
    assert not page.export_button.isEnabled()
    page.show_memories([], {}, remembers=True, total=3)
    assert "these words" in page._empty.text()


def test_remembering_can_be_turned_off(page: MemoryPage, qtbot):
    with qtbot.waitSignal(page.remember_changed) as changed:
        page.remember.click()
    assert changed.args == [False]


def test_the_selection_survives_a_new_list(page: MemoryPage):
    page.view.setCurrentIndex(page.model.index_of(CAT.id))
    page.show_memories([NUTS, CAT], TITLES, remembers=False, total=2)
    assert page.model.memory_at(page.view.currentIndex()) == CAT


@pytest.mark.parametrize(
    ("then", "words"),
    [(datetime(2026, 5, 9, 23), "today"), (datetime(2026, 5, 8, 1), "yesterday"), (datetime(2026, 5, 5), "4 days ago"),
     (datetime(2026, 4, 1), "1 April 2026")],
)  # fmt: skip
def test_days_in_words(then: datetime, words: str):
    assert day_words(then.timestamp(), datetime(2026, 5, 9, 23, 30)) == words


def test_a_new_list_waits_while_a_memory_is_changed(page: MemoryPage, qtbot):
    page.view.edit(page.model.index_of(CAT.id))
    field = page.view.viewport().findChild(QPlainTextEdit)
    field.setPlainText("Sam's cat is called M")
    page.show_memories([CAT], TITLES, remembers=True, total=1)
    assert page.view.viewport().findChild(QPlainTextEdit) is field
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)


def test_the_cursor_and_the_place_stay_when_a_memory_goes(page: MemoryPage, qtbot):
    many = [Memory(id=i, character="", text=f"Fact {i}.", created=NOW - i) for i in range(300)]
    page.show_memories(many, {}, remembers=True, total=300)
    qtbot.waitUntil(lambda: page.view.verticalScrollBar().maximum() > 15_000)
    page.view.setCurrentIndex(page.model.index(200))
    place = page.view.verticalScrollBar().value()
    page.show_memories(many[:200] + many[201:], {}, remembers=True, total=299)
    qtbot.waitUntil(lambda: page.view.verticalScrollBar().maximum() > 15_000)
    assert page.view.currentIndex().row() == 200
    assert page.view.verticalScrollBar().value() == place
