"""A list beside what was chosen of it: both where there is room, one of them where there is not, at every size of letters."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from companion.ui.theme import Theme
from companion.ui.workshop.list_beside import ListBeside


@pytest.fixture
def sides(qtbot) -> tuple[QWidget, QWidget]:
    return QWidget(), QWidget()


@pytest.fixture
def both(theme: Theme, qtbot, sides: tuple[QWidget, QWidget]) -> ListBeside:
    made = ListBeside(theme, *sides, list_width=200, both_from=600)
    qtbot.addWidget(made)
    made.resize(800, 300)
    made.show()
    return made


def seen(sides: tuple[QWidget, QWidget]) -> tuple[bool, bool]:
    return sides[0].isVisible(), sides[1].isVisible()


def test_where_there_is_room_both_are_seen_whatever_was_asked_for(both: ListBeside, sides):
    for show in (both.show_chosen, both.show_list):
        show()
        assert seen(sides) == (True, True)
    assert sides[0].width() == 200


def test_where_there_is_not_it_is_the_one_that_was_asked_for(both: ListBeside, sides, qtbot):
    told: list[bool] = []
    both.folded.connect(told.append)
    both.resize(500, 300)
    assert told[-1]
    assert seen(sides) == (True, False)
    qtbot.waitUntil(lambda: sides[0].width() == 500, timeout=5000)
    both.show_chosen()
    assert seen(sides) == (False, True)
    assert not both.shows_list
    both.resize(800, 300)
    assert not told[-1]
    assert seen(sides) == (True, True)


def test_larger_letters_need_more_room(both: ListBeside, sides, theme: Theme):
    usual = theme.font_size
    theme.set_font_size(24)
    assert seen(sides) == (True, False)
    theme.set_font_size(usual)
    assert seen(sides) == (True, True)
