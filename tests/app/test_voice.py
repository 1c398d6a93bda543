"""Her voice, with the engine that Qt brings for tests: it says nothing aloud, but takes its time for every word."""

from __future__ import annotations

import msgspec
import pytest

from companion.app.voice import Voice
from companion.core.settings import Settings

ON = Settings(speak=True, voice_rate=1.0)
pytestmark = pytest.mark.qt_log_ignore("pipewire")  # said once by Qt where no sound server is installed


@pytest.fixture
def voice(qapp):
    made = Voice("mock")
    yield made
    made.interrupt()
    made.deleteLater()


def test_she_is_silent_until_switched_on(voice: Voice, qtbot):
    voice.hear("Hello there. How are you?")
    voice.finish()
    assert not voice.is_speaking


def test_sentences_are_said_one_after_the_other_with_words_for_the_lips(voice: Voice, qtbot):
    voice.apply(ON)
    assert voice.is_on
    assert voice.voices()
    words: list[str] = []
    voice.word_spoken.connect(words.append)
    with qtbot.waitSignal(voice.speaking_changed, check_params_cb=lambda speaking: not speaking, timeout=20000):
        voice.hear("Tea is ready. Come ")
        voice.hear("in.")
        voice.finish()
        assert voice.is_speaking
    assert " ".join(words).replace(".", "").split() == ["Tea", "is", "ready", "Come", "in"]


def test_she_falls_silent_at_once(voice: Voice, qtbot):
    voice.apply(ON)
    voice.hear("One long sentence that would take some time to say. And another one. ")
    assert voice.is_speaking
    voice.interrupt()
    assert not voice.is_speaking


def test_switching_off_interrupts(voice: Voice, qtbot):
    voice.apply(ON)
    voice.hear("One long sentence that would take some time to say. ")
    voice.apply(msgspec.structs.replace(ON, speak=False))
    assert not voice.is_speaking
    assert not voice.is_on


def test_without_a_voice_there_is_a_reason(qapp, qtbot, monkeypatch):
    from PySide6.QtTextToSpeech import QTextToSpeech

    monkeypatch.setattr(QTextToSpeech, "availableEngines", staticmethod(lambda: ["mock"]))
    voice = Voice()
    voice.apply(ON)
    assert not voice.is_on
    assert "no voice" in voice.reason
    voice.hear("Nobody hears this. ")
    assert not voice.is_speaking
