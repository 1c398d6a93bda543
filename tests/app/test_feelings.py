"""Her mood follows what she writes, fades, and is kept with the reply."""

from __future__ import annotations

import pytest

from companion.app import feelings as feelings_module
from companion.app.feelings import Feelings
from companion.core.moods import NEUTRAL, Mood
from tests.app.conftest import Desk

JOY = Mood(label="joy", score=0.9, valence=0.8, arousal=0.5)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def feelings(desk: Desk, clock: Clock) -> Feelings:
    return Feelings(desk.engine, desk.chat, desk.store, clock)


def test_a_sentence_changes_her_mood_and_time_takes_it_away(desk: Desk, feelings: Feelings, clock: Clock):
    shown: list[Mood] = []
    feelings.her_mood_changed.connect(shown.append)
    desk.chat.mood_heard.emit(1, JOY)
    assert feelings.hers.label == "joy"
    clock.now += 3600
    feelings.look()
    assert feelings.hers.label == NEUTRAL.label
    assert [mood.label for mood in shown][-1] == NEUTRAL.label


def test_her_mood_fades_without_anybody_asking(desk: Desk, clock: Clock, qtbot, monkeypatch):
    monkeypatch.setattr(feelings_module, "FADE_MS", 10)
    feelings = Feelings(desk.engine, desk.chat, desk.store, clock)
    desk.chat.mood_heard.emit(1, JOY)
    clock.now += 3600
    with qtbot.waitSignal(feelings.her_mood_changed) as changed:
        pass
    assert changed.args[0].label == NEUTRAL.label


def test_a_reply_keeps_the_mood_it_was_in(desk: Desk, feelings: Feelings):
    conversation = desk.conversations.current
    reply = desk.store.add_message(conversation.id, parent=conversation.active, role="assistant", text="Oh!", status="streaming")
    for mood in (JOY, NEUTRAL, JOY):
        desk.chat.mood_heard.emit(reply.id, mood)
    desk.store.finish_message(reply.id, text="Oh! Yes. Yay!", status="complete")
    desk.chat._emit_changed(reply.id)
    assert desk.store.message(reply.id).mood == "joy"


def test_another_conversation_finds_her_neutral(desk: Desk, feelings: Feelings):
    desk.chat.mood_heard.emit(1, JOY)
    desk.chat.path_changed.emit(())
    assert feelings.hers.label == NEUTRAL.label


def test_a_real_reply_is_felt(ready: Desk, qtbot):
    """The random words of the test model mean nothing, but each sentence is read."""
    feelings = Feelings(ready.engine, ready.chat, ready.store)
    with qtbot.waitSignal(ready.chat.reply_finished, timeout=20_000):
        ready.chat.send("I love you so much!")
    assert feelings.hers.label
    assert ready.last().mood
