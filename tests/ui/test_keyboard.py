"""Who has the keyboard after something went."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

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
