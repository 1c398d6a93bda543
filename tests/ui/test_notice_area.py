from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from companion.app.notices import Notice, Notices, Tone
from companion.ui import notices as module
from companion.ui.notices import MOST, NoticeArea
from companion.ui.theme import Theme


@pytest.fixture
def window(qtbot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    return made


@pytest.fixture
def area(theme: Theme, window: QWidget) -> NoticeArea:
    return NoticeArea(theme, window)


def test_a_notice_says_what_happened_and_what_to_do(area: NoticeArea):
    notices = Notices()
    notices.notice_raised.connect(area.show_notice)
    notices.error("The model could not be loaded.", "Choose a smaller one.")
    (card,) = area.cards
    assert {"The model could not be loaded.", "Choose a smaller one."} <= {label.text() for label in card.findChildren(QLabel)}
    assert card.accessibleName() == "Error: The model could not be loaded. Choose a smaller one."
    assert card.close_button.accessibleName()


def test_cards_stand_at_the_bottom_in_the_middle_and_follow_the_window(area: NoticeArea, window: QWidget):
    area.show_notice(Notice(Tone.INFORMATION, "Saved."))
    for width, height in ((900, 600), (400, 500), (1600, 900)):
        window.resize(width, height)
        assert abs(area.geometry().center().x() - width // 2) <= 1
        assert area.geometry().bottom() < height
        assert area.geometry().left() >= 0


def test_every_word_is_shown_however_long_the_notice_is(area: NoticeArea, window: QWidget):
    path = "/home/sam/" + "models" * 12 + "/a-very_long.name.gguf"
    area.show_notice(Notice(Tone.ERROR, f"“{path}” cannot be read.", "Check the file. " * 12, "Choose", lambda: None))
    window.resize(360, 700)
    QApplication.processEvents()
    (card,) = area.cards
    assert card.width() <= 360 - 32
    for label in card.findChildren(QLabel):
        assert label.height() >= label.heightForWidth(label.width())
        assert label.mapTo(card, QPoint(label.width(), 0)).x() <= card.width()


def test_information_leaves_by_itself_and_an_error_stays(area: NoticeArea, qtbot, monkeypatch):
    monkeypatch.setattr(module, "SHOWN_MS", 30)
    area.show_notice(Notice(Tone.INFORMATION, "Saved."))
    area.show_notice(Notice(Tone.ERROR, "Broken."))
    area.show_notice(Notice(Tone.WARNING, "Careful."))
    qtbot.waitUntil(lambda: [card.notice.what for card in area.cards] == ["Broken."])
    area.show_notice(Notice(Tone.INFORMATION, "She has heard your name.", waits=True))
    qtbot.wait(60)
    assert [card.notice.what for card in area.cards] == ["Broken.", "She has heard your name."]


def test_the_pointer_holds_the_time(area: NoticeArea, qtbot, monkeypatch):
    monkeypatch.setattr(module, "SHOWN_MS", 60)
    monkeypatch.setattr(module, "AFTER_HOVER_MS", 30)
    area.show_notice(Notice(Tone.INFORMATION, "Saved."))
    (card,) = area.cards
    QApplication.sendEvent(card, QEnterEvent(QPointF(5, 5), QPointF(5, 5), QPointF(5, 5)))
    assert not card.is_passing
    qtbot.wait(90)
    assert area.cards == [card]
    QApplication.sendEvent(card, QEvent(QEvent.Type.Leave))
    qtbot.waitUntil(lambda: not area.cards)


def test_the_action_runs_once_and_closes_the_card(area: NoticeArea, qtbot):
    undone = []
    area.show_notice(Notice(Tone.INFORMATION, "Deleted.", action="Undo", act=lambda: undone.append(1)))
    button = area.cards[0].action_button
    assert button is not None
    assert button.text() == "Undo"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert undone == [1]
    assert not area.cards
    assert not area.isVisible()


def test_close_and_escape_dismiss(area: NoticeArea, qtbot):
    area.show_notice(Notice(Tone.ERROR, "One."))
    area.show_notice(Notice(Tone.ERROR, "Two."))
    area.cards[0].close_button.click()
    assert [card.notice.what for card in area.cards] == ["Two."]
    qtbot.keyClick(area.cards[0], Qt.Key.Key_Escape)
    assert not area.cards


def test_at_most_three_are_shown_and_errors_go_last(area: NoticeArea):
    area.show_notice(Notice(Tone.ERROR, "Broken."))
    for number in range(5):
        area.show_notice(Notice(Tone.INFORMATION, f"Saved {number}."))
    assert [card.notice.what for card in area.cards] == ["Broken.", "Saved 3.", "Saved 4."]
    assert len(area.cards) == MOST


def test_the_same_notice_again_is_not_stacked(area: NoticeArea):
    for _ in range(3):
        area.show_notice(Notice(Tone.ERROR, "Broken.", "Mend it."))
    assert len(area.cards) == 1


def test_words_are_never_taken_for_markup(area: NoticeArea):
    area.show_notice(Notice(Tone.ERROR, "<b>bold</b><img src='http://x'>"))
    labels = [label for label in area.cards[0].findChildren(QLabel) if label.text()]
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in labels)


def test_with_motion_a_card_fades_in_and_out_and_leaves_no_effect_behind(area: NoticeArea, theme: Theme, qtbot):
    theme.set_reduce_motion(False)
    area.show_notice(Notice(Tone.ERROR, "Broken."))
    (card,) = area.cards
    assert card.graphicsEffect() is not None
    qtbot.waitUntil(lambda: card.graphicsEffect() is None)
    card.close_button.click()
    card.close_button.click()
    qtbot.waitUntil(lambda: not area.cards)


def test_everything_can_be_reached_with_the_keyboard(area: NoticeArea):
    area.show_notice(Notice(Tone.INFORMATION, "Deleted.", action="Undo", act=lambda: None))
    card = area.cards[0]
    for control in (card, card.action_button, card.close_button):
        assert control is not None
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus
