"""Her words appear at a pace of their own, and never out of order."""

from __future__ import annotations

import pytest

from companion.app.rhythm import Rhythm
from tests.app.conftest import Desk


class Screen:
    """What a view would show."""

    def __init__(self, rhythm: Rhythm) -> None:
        self.text = ""
        self.finished: list[str] = []
        rhythm.piece_shown.connect(self.add)
        rhythm.message_changed.connect(lambda step: self.finished.append(step.message.status))

    def add(self, _message: int, text: str) -> None:
        self.text += text


@pytest.fixture
def wanted() -> list[bool]:
    return [True]


@pytest.fixture
def rhythm(desk: Desk, wanted: list[bool]):
    made = Rhythm(desk.chat, lambda: wanted[0])
    yield made
    made.close()


def test_a_real_reply_arrives_whole_and_its_end_comes_last(ready: Desk, qtbot):
    rhythm = Rhythm(ready.chat, lambda: True)
    screen = Screen(rhythm)
    with qtbot.waitSignal(rhythm.caught_up, timeout=30_000):
        ready.chat.send("Hello")
    assert screen.text.strip() == ready.last().text
    assert screen.finished[-1] == "complete"
    rhythm.close()


def test_words_wait_their_turn(desk: Desk, rhythm: Rhythm, qtbot):
    screen = Screen(rhythm)
    desk.chat.piece_received.emit(7, "a long sentence that nobody could have typed so fast")
    assert screen.text == ""
    assert rhythm.is_behind
    qtbot.waitUntil(lambda: "sentence" in screen.text, timeout=5000)


def test_switched_off_nothing_waits(desk: Desk, rhythm: Rhythm, wanted: list[bool]):
    screen = Screen(rhythm)
    wanted[0] = False
    desk.chat.piece_received.emit(7, "at once")
    assert screen.text == "at once"


def test_stop_shows_what_there_is(endless: Desk, qtbot):
    rhythm = Rhythm(endless.chat, lambda: True)
    screen = Screen(rhythm)
    endless.chat.send("Hello")
    qtbot.waitUntil(lambda: len(screen.text) > 5, timeout=20_000)
    with qtbot.waitSignal(endless.chat.reply_finished, timeout=10_000):
        endless.chat.stop()
    assert screen.text.strip() == endless.last().text
    assert screen.finished[-1] == "stopped"
    rhythm.close()


def test_another_conversation_drops_what_waited(desk: Desk, rhythm: Rhythm, qtbot):
    screen = Screen(rhythm)
    desk.chat.piece_received.emit(7, "this will be in the path that is shown")
    desk.chat.path_changed.emit(())
    assert not rhythm.is_behind
    assert screen.text == ""
