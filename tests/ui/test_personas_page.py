"""The page of personas."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from companion.core.persona import Persona
from companion.ui.personas.personas_page import PersonasPage

ANA = Persona(id=1, name="Captain Ana", description="Tired.")
SAM = Persona(id=2, name="Sam")


@pytest.fixture
def page(theme, qtbot):
    made = PersonasPage(theme)
    qtbot.addWidget(made)
    made.show_personas([ANA, SAM], default=2)
    made.resize(700, 600)
    made.show()
    return made


def test_every_persona_can_be_read_and_one_is_for_new_conversations(page: PersonasPage):
    assert [card.name.text() for card in page.cards] == ["Captain Ana", "Sam"]
    assert [card.default.isChecked() for card in page.cards] == [False, True]


def test_a_change_is_told_when_the_page_is_left_and_nothing_is_told_twice(page: PersonasPage, qtbot):
    told: list[Persona] = []
    page.changed.connect(told.append)
    page.cards[0].name.setText(" Captain  Anna ")
    page.cards[0].description.setPlainText("Awake.\n")
    page.hide()
    page.show()
    page.hide()
    assert told == [Persona(id=1, name="Captain Anna", description="Awake.")]


def test_a_name_that_was_emptied_stays(page: PersonasPage):
    told: list[Persona] = []
    page.changed.connect(told.append)
    page.cards[1].name.setText("  ")
    page.hide()
    assert told == []


def test_the_tick_can_be_set_and_taken_away(page: PersonasPage, qtbot):
    with qtbot.waitSignal(page.default_requested) as asked:
        page.cards[0].default.click()
    assert asked.args == [1]
    with qtbot.waitSignal(page.default_requested) as asked:
        page.cards[1].default.click()
    assert asked.args == [0]


def test_a_picture_is_dropped_and_other_files_are_not_taken(page: PersonasPage, qtbot, tmp_path):
    def drop(name: str) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / name))])
        event = QDropEvent(
            QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        page.cards[0].dropEvent(event)

    with qtbot.waitSignal(page.picture_dropped) as dropped:
        drop("me.PNG")
    assert dropped.args[0] == 1
    with qtbot.assertNotEmitted(page.picture_dropped):
        drop("me.exe")


def test_an_empty_page_teaches(page: PersonasPage):
    page.show_personas([], default=0)
    assert page._empty.isVisible()
    assert page.cards == []


def test_what_was_just_written_is_told_before_its_persona_is_deleted(page: PersonasPage):
    told: list[object] = []
    page.changed.connect(told.append)
    page.delete_requested.connect(told.append)
    page.cards[1].description.setPlainText("Fond of riddles.")
    page.cards[1].delete_button.click()
    assert told == [Persona(id=2, name="Sam", description="Fond of riddles."), 2]


def test_a_card_stays_where_it_is_written_in_though_its_name_would_stand_elsewhere(page: PersonasPage):
    cards = list(page.cards)
    page.cards[1].name.setText("Alf")
    page.flush()
    page.show_personas([Persona(id=2, name="Alf"), ANA], default=2)
    assert page.cards == cards
    assert cards[1].delete_button.toolTip() == "Delete Alf"
