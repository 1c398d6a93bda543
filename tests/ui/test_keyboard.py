"""Who has the keyboard after something went."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget

from companion.ui.enter_presses import EnterPresses
from companion.ui.keyboard import pass_on, show_some


@pytest.fixture
def buttons(qtbot) -> Iterator[list[QPushButton]]:
    page = QWidget()
    qtbot.addWidget(page)
    column = QVBoxLayout(page)
    made = [QPushButton(word) for word in ("other page", "go", "stop", "last")]
    for button in made:
        column.addWidget(button)
    page.show()
    page.activateWindow()
    yield made
    page.hide()


def test_what_comes_gets_the_keyboard_of_what_goes(buttons: list[QPushButton]):
    _other, go, stop, _last = buttons
    stop.hide()
    go.setFocus()
    show_some({go: False, stop: True})
    assert QApplication.focusWidget() is stop
    show_some({go: True, stop: False})
    assert QApplication.focusWidget() is go


def test_an_heir_that_cannot_be_pressed_is_passed_over(buttons: list[QPushButton]):
    _other, go, stop, last = buttons
    stop.setEnabled(False)
    go.setFocus()
    show_some({go: False}, stop, last)
    assert QApplication.focusWidget() is last


def test_without_an_heir_no_button_gets_it(buttons: list[QPushButton]):
    _other, go, _stop, _last = buttons
    go.setFocus()
    pass_on(go)
    go.setEnabled(False)
    assert QApplication.focusWidget() is go.parentWidget()


def test_whoever_is_elsewhere_stays_there(buttons: list[QPushButton]):
    _other, go, stop, last = buttons
    last.setFocus()
    show_some({go: False, stop: True})
    assert QApplication.focusWidget() is last


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
def test_enter_presses_the_button_that_has_the_keyboard(buttons: list[QPushButton], key):
    window = buttons[0].window()
    EnterPresses(window)
    pressed = []
    for button in buttons:
        button.clicked.connect(lambda _checked, each=button: pressed.append(each.text()))
    buttons[1].setFocus()
    QTest.keyClick(window.windowHandle(), key)
    assert pressed == ["go"]


def test_enter_opens_the_menu_of_a_button(buttons: list[QPushButton], qtbot):
    window = buttons[0].window()
    EnterPresses(window)
    menu = QMenu(buttons[0])
    menu.addAction("one")
    buttons[0].setMenu(menu)
    buttons[0].setFocus()
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Return)
    qtbot.waitUntil(menu.isVisible)
    menu.close()


def test_enter_is_left_to_whatever_is_no_button(buttons: list[QPushButton], qtbot):
    window = buttons[0].window()
    EnterPresses(window)
    edit, box = QLineEdit(window), QCheckBox("yes", window)
    for widget in (edit, box):
        window.layout().addWidget(widget)
        widget.show()
    edit.setFocus()
    with qtbot.waitSignal(edit.returnPressed):
        QTest.keyClick(window.windowHandle(), Qt.Key.Key_Return)
    box.setFocus()
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Return)
    assert not box.isChecked()
