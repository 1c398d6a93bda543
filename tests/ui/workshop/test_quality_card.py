"""The card that says how she does, over a real database, measured in its own thread."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy

from companion.core.monitoring.quality import Quality
from companion.ui.workshop.monitoring.quality_card import ALL_IS_WELL, QualityCard
from tests.core.monitoring.talked import changed, talks, written
from tests.ui.workshop.conftest import Room

MEASURED_MS = 20_000


@pytest.fixture
def card(room: Room, qtbot) -> QualityCard:
    made = QualityCard(room.desk)
    qtbot.addWidget(made)
    made.resize(800, 500)
    return made


def measured(card: QualityCard, qtbot) -> Quality:
    with qtbot.waitSignal(card.watch.measured, timeout=MEASURED_MS):
        card.show() if not card.isVisible() else card.watch.look()
    assert card._quality is not None
    return card._quality


def test_without_enough_talk_it_teaches_in_one_sentence(card: QualityCard, qtbot):
    measured(card, qtbot)
    assert "has written 0 replies; from 50 on" in card.sentence.text()
    assert not card.teach.isVisible()
    assert not card.fold.isVisible()


def test_all_is_well_is_said_with_charts_and_without_alarm(card: QualityCard, qtbot, room: Room):
    talks(room.store, written(count=140), mood="joy", feedback=1)
    found = measured(card, qtbot)
    assert found.alerts == ()
    assert card.sentence.text() == ALL_IS_WELL
    assert card.teach.property("role") != "primary"
    assert not card.symbol.isVisible()
    assert [line.label for line in card.charts.charts["moods"].lines] == ["joy"]
    assert not card.charts.charts["signals"].isVisible(), "nothing went wrong"
    words = next(chip for chip in card.chips if chip.isVisible() and chip.accessibleName().startswith("Words"))
    assert words.accessibleName().endswith("steady")


def test_what_has_become_worse_is_told_and_teaching_is_offered(card: QualityCard, qtbot, room: Room):
    day = talks(room.store, written(count=60))
    talks(room.store, [changed(dialogue, "Yes. Quite so.") for dialogue in written(count=60)], day, feedback=-1)
    measured(card, qtbot)
    assert "You put a thumb down on" in card.sentence.text()
    assert card.symbol.isVisible()
    assert card.teach.property("role") == "primary"
    chart = card.charts.charts["signals"]
    assert [line.label for line in chart.lines] == ["thumbs down"]
    assert chart.lines[0].curve.ys[-1] == 1.0
    asked = QSignalSpy(card.teach_requested)
    qtbot.mouseClick(card.teach, Qt.MouseButton.LeftButton)
    assert asked.count() == 1


def test_what_is_said_meanwhile_is_seen_at_the_next_look_and_nothing_is_measured_unseen(card: QualityCard, qtbot, room: Room):
    assert measured(card, qtbot).replies == 0
    talks(room.store, written(count=60))
    assert measured(card, qtbot).replies > 100
    card.hide()
    spy = QSignalSpy(card.watch.measured)
    card.watch.look()
    qtbot.wait(300)
    assert spy.count() == 0


def test_a_database_that_fails_is_told(card: QualityCard, qtbot, monkeypatch, tmp_path):
    broken = tmp_path / "broken.sqlite3"
    broken.write_bytes(b"no database at all" * 100)
    monkeypatch.setattr("companion.app.quality_watch.database_file", lambda: broken)
    with qtbot.waitSignal(card.watch.failed, timeout=MEASURED_MS):
        card.show()
    assert "cannot be read" in card.sentence.text()
    assert not card.teach.isVisible()
