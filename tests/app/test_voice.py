"""Her voice: the real speech process with the engine that Qt brings for tests, which says nothing aloud but takes its time."""

from __future__ import annotations

import os
import signal

import msgspec
import pytest

from companion.app.voice import Voice
from companion.core.settings import Settings

ON = Settings(speak=True, voice_rate=1.0)
READY_MS = 20_000


@pytest.fixture
def voice(qapp):
    made = Voice("mock")
    yield made
    made.close()


@pytest.fixture
def speaking(voice: Voice, qtbot) -> Voice:
    with qtbot.waitSignal(voice.changed, timeout=READY_MS):
        voice.apply(ON)
    assert voice.is_on
    assert "Bob" in voice.voices
    return voice


def test_she_is_silent_and_there_is_no_process_until_she_is_switched_on(voice: Voice):
    voice.hear("Hello there. How are you?")
    voice.finish()
    assert not voice.is_speaking
    assert voice._process is None


def test_sentences_are_said_one_after_the_other_with_words_for_the_lips(speaking: Voice, qtbot):
    words: list[str] = []
    speaking.word_spoken.connect(words.append)
    with qtbot.waitSignal(speaking.speaking_changed, check_params_cb=lambda on: not on, timeout=READY_MS):
        speaking.hear("Tea is ready. Come ")
        speaking.hear("in.")
        speaking.finish()
        assert speaking.is_speaking
    assert " ".join(words).replace(".", "").split() == ["Tea", "is", "ready", "Come", "in"]


def test_she_falls_silent_at_once_and_speaks_again_afterwards(speaking: Voice, qtbot):
    speaking.hear("One long sentence that would take some time to say. And another one. ")
    assert speaking.is_speaking
    speaking.interrupt()
    assert not speaking.is_speaking
    words: list[str] = []
    speaking.word_spoken.connect(words.append)
    with qtbot.waitSignal(speaking.speaking_changed, check_params_cb=lambda on: not on, timeout=READY_MS):
        speaking.hear("Yes. ")
        speaking.finish()
    assert "".join(words).startswith("Yes")


def test_switching_off_ends_the_process(speaking: Voice):
    speaking.hear("One long sentence that would take some time to say. ")
    speaking.apply(msgspec.structs.replace(ON, speak=False))
    assert not speaking.is_speaking
    assert not speaking.is_on
    assert speaking._process is None


def test_a_killed_speech_process_is_a_reason_and_switching_on_again_helps(speaking: Voice, qtbot):
    with qtbot.waitSignal(speaking.changed, timeout=READY_MS):
        os.kill(speaking._process.processId(), signal.SIGKILL)
    assert not speaking.is_on
    assert "no voice" in speaking.reason
    speaking.apply(msgspec.structs.replace(ON, speak=False))
    with qtbot.waitSignal(speaking.changed, timeout=READY_MS):
        speaking.apply(ON)
    assert speaking.is_on
    assert speaking.reason == ""


def test_without_a_voice_there_is_a_reason(qapp, qtbot):
    voice = Voice("no-such-engine")
    with qtbot.waitSignal(voice.changed, timeout=READY_MS):
        voice.apply(ON)
    assert not voice.is_on
    assert "no voice" in voice.reason
    voice.hear("Nobody hears this. ")
    assert not voice.is_speaking
    voice.close()
