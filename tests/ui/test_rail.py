from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from companion.ui.rail import Rail
from companion.ui.theme import Theme


@pytest.fixture
def rail(theme: Theme, qtbot) -> Rail:
    made = Rail(theme)
    qtbot.addWidget(made)
    made.resize(64, 600)
    made.show()
    return made


def test_a_button_asks_for_its_page_also_when_it_is_shown(rail: Rail, qtbot):
    asked = []
    rail.page_requested.connect(asked.append)
    pages = ["settings", "characters", "memory", "chat", "chat"]
    for page in pages:
        qtbot.mouseClick(rail.buttons[page], Qt.MouseButton.LeftButton)
    assert asked == pages
    assert rail.buttons["chat"].isChecked(), "the window says which page is shown"


def test_marking_a_page_asks_for_nothing(rail: Rail, qtbot):
    with qtbot.assertNotEmitted(rail.page_requested):
        rail.set_page("settings")
    assert rail.buttons["settings"].isChecked()
    assert not rail.buttons["chat"].isChecked()


def test_every_button_has_a_name_and_can_be_reached_with_the_keyboard(rail: Rail):
    for button in rail.buttons.values():
        assert button.accessibleName()
        assert button.toolTip()
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert rail.width() == 64


def test_the_settings_stand_apart_at_the_bottom(rail: Rail):
    tops = {page: button.y() for page, button in rail.buttons.items()}
    assert list(tops) == sorted(tops, key=tops.__getitem__) == ["chat", "characters", "memory", "workshop", "settings"]
    assert tops["settings"] - tops["workshop"] > 200 > tops["workshop"] - tops["memory"]
