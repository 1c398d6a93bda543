"""The card about the open conversation."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from companion.core.conversation import Conversation
from companion.core.persona import Persona
from companion.ui.chat.talk_card import MOST_NOTE, TalkCard

TALK = Conversation(
    id=1,
    title="Tea",
    titled_by_person=False,
    character="",
    character_name="Hoshi",
    created=0,
    updated=0,
    active=None,
    persona=2,
    note="It rains.",
    note_depth=3,
)
PERSONAS = (Persona(id=1, name="Sam"), Persona(id=2, name="Captain Ana"))


@pytest.fixture
def card(qtbot, theme):
    window = QWidget()
    window.resize(900, 700)
    qtbot.addWidget(window)
    window.show()
    made = TalkCard(window)
    made.show_talk(TALK, PERSONAS, "", "They met at the lake.")
    made.show_below(window)
    yield made
    made.hide()


def test_it_shows_who_the_person_is_the_note_and_the_summary(card: TalkCard):
    assert card.persona.currentText() == "Captain Ana"
    assert [card.persona.itemText(i) for i in range(3)] == ["Yourself", "Sam", "Captain Ana"]
    assert card.note.toPlainText() == "It rains."
    assert card.note_depth.value() == 3


def test_a_note_is_told_once_when_the_card_closes(card: TalkCard, qtbot):
    told: list[tuple[str, int]] = []
    card.note_changed.connect(lambda text, depth: told.append((text, depth)))
    card.hide()
    assert told == []
    card.show()
    card.note.setPlainText("  Be brief. ")
    card.note_depth.setValue(1)
    card.hide()
    card.hide()
    assert told == [("Be brief.", 1)]


def test_a_pasted_book_is_cut(card: TalkCard):
    card.note.setPlainText("x" * (MOST_NOTE + 500))
    assert len(card.note.toPlainText()) == MOST_NOTE


def test_another_persona_can_be_chosen(card: TalkCard, qtbot):
    with qtbot.waitSignal(card.persona_chosen) as chosen:
        card.persona.setCurrentIndex(1)
        card.persona.activated.emit(1)
    assert chosen.args == [1]


def test_forgetting_asks_first(card: TalkCard, qtbot):
    forgotten: list[bool] = []
    card.forget_requested.connect(lambda: forgotten.append(True))
    qtbot.mouseClick(card.forget_button, Qt.MouseButton.LeftButton)
    assert forgotten == []
    qtbot.mouseClick(card.confirm_button, Qt.MouseButton.LeftButton)
    assert forgotten == [True]
    assert card.isHidden()


def test_the_card_grows_with_the_question_so_that_nothing_overlaps(card: TalkCard, theme):
    theme.set_font_size(20)
    card.show_talk(TALK, PERSONAS, "", "")
    card.show_below(card.parentWidget())
    before = card.height()
    card.forget_button.click()
    assert card.height() > before
    assert card.note.geometry().bottom() < card.note_depth.geometry().top()
