"""Companion mode: her, a bubble, and a line to write in."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QWidget

from companion.ui.small_window import BUBBLE_MARGIN, MOST_LINES, TAIL, SmallWindow


@pytest.fixture
def small(theme, qtbot):
    made = SmallWindow(theme, QWidget(), "Hoshi")
    qtbot.addWidget(made)
    made.show()
    return made


def test_it_stays_above_other_windows_and_never_ends_the_program(small: SmallWindow):
    assert small.windowFlags() & Qt.WindowType.WindowStaysOnTopHint
    assert not small.testAttribute(Qt.WidgetAttribute.WA_QuitOnClose)


def test_the_person_writes_to_her(small: SmallWindow, qtbot):
    small.edit.setText("  Is Saturn up? ")
    with qtbot.waitSignal(small.send_requested) as sent:
        qtbot.keyClick(small.edit, Qt.Key.Key_Return)
    assert sent.args == ["Is Saturn up?"]
    assert small.edit.text() == ""
    with qtbot.assertNotEmitted(small.send_requested):
        qtbot.keyClick(small.edit, Qt.Key.Key_Return)


def test_what_could_not_be_sent_comes_back_unless_something_else_was_written(small: SmallWindow):
    small.refuse("Is Saturn up?")
    assert small.edit.text() == "Is Saturn up?"
    small.refuse("something else")
    assert small.edit.text() == "Is Saturn up?"


def test_her_words_grow_and_only_their_end_is_shown(small: SmallWindow):
    small.set_words("Once ")
    for number in range(200):
        small.add_words(f"word{number} ")
    lines = small.bubble._lines()
    assert len(lines) == MOST_LINES
    assert lines[-1].endswith("word199")
    assert lines[0].startswith("…")


def test_a_silent_bubble_is_gone_and_she_does_not_jump(small: SmallWindow, qtbot):
    small.set_words("Hello.")
    place = small.figure.pos()
    assert small.bubble.isVisible()
    small.set_words("")
    assert not small.bubble.isVisible()
    assert small.figure.pos() == place


def test_stop_is_there_while_she_writes(small: SmallWindow, qtbot):
    assert small.stop_button.isHidden()
    small.set_writing(True)
    with qtbot.waitSignal(small.stop_requested):
        small.stop_button.click()
    small.set_writing(False)
    assert small.stop_button.isHidden()


def test_escape_and_a_double_click_lead_back(small: SmallWindow, qtbot):
    with qtbot.waitSignal(small.back_requested):
        qtbot.keyClick(small, Qt.Key.Key_Escape)
    with qtbot.waitSignal(small.back_requested):
        qtbot.mouseDClick(small, Qt.MouseButton.LeftButton, pos=QPoint(150, 250))


class _AskedByTheSystem(QCloseEvent):
    def spontaneous(self) -> bool:
        return True


def test_closing_it_by_the_systems_keys_leads_back(small: SmallWindow, qtbot):
    event = _AskedByTheSystem()
    with qtbot.waitSignal(small.back_requested):
        small.closeEvent(event)
    assert not event.isAccepted()


def test_it_does_not_hold_the_program_back_when_that_ends(small: SmallWindow, qtbot):
    with qtbot.waitSignal(small.back_requested):
        assert small.close()


def test_her_last_words_go_after_a_while_also_when_they_are_shown_late(small: SmallWindow, qtbot):
    small._linger.setInterval(30)
    small.set_writing(True)
    small.add_words("Hm,")
    small.set_writing(False)
    small.add_words(" well.")
    qtbot.waitUntil(lambda: not small.bubble.text)


def test_the_bubble_shows_words_and_no_marks(small: SmallWindow):
    small.set_words("*waves* and __smiles__ at 2*3*4 snake_case")
    assert small.bubble._shown == "waves and smiles at 2*3*4 snake_case"


@pytest.mark.parametrize("size", [12, 14, 20])
def test_six_lines_have_room_in_any_size_of_letters(small: SmallWindow, theme, size: int):
    theme.set_font_size(size)
    small.set_words("word " * 200)
    bubble = small.bubble
    needed = bubble._line_height() * len(bubble._lines()) + 2 * BUBBLE_MARGIN + TAIL + 1
    assert bubble.height() >= needed + 1
