"""Moods in the engine: heard sentence by sentence while a reply is written, and never a reason for it to fail."""

from __future__ import annotations

import logging

import pytest

from companion.core.errors import CompanionError
from companion.core.messages import MoodHeard, Piece, ReplyDone, Turn
from companion.core.moods import LABELS, split_sentences
from companion.core.sampling import Sampling
from companion.engine.moods import Moods


class Broken:
    """A classifier that fails whenever it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def read(self, texts: list[str]) -> list[object]:
        self.asked += 1
        raise OSError("the file is gone")


def test_each_sentence_of_a_reply_is_heard_behind_the_piece_that_ended_it(engine, starter):
    engine.load(starter)
    events = list(engine.generate((Turn("user", "Tell me a short story."),), Sampling(max_tokens=80, seed=1)))
    heard = [event for event in events if isinstance(event, MoodHeard)]
    text = "".join(event.text for event in events if isinstance(event, Piece))
    assert [event.sentence for event in heard] == list(range(len(split_sentences(text))))
    assert all(event.mood.label in LABELS for event in heard)
    assert isinstance(events[-1], ReplyDone)
    said = 0
    for event in events:
        if isinstance(event, Piece):
            said += len(event.text)
        elif isinstance(event, MoodHeard) and event.sentence + 1 < len(heard):
            assert said >= len(split_sentences(text)[event.sentence])


def test_a_reply_is_read_while_it_is_written():
    moods = Moods()
    for _ in range(2):  # each reply counts from 0
        moods.begin_reply()
        assert moods.hear("I love you so ") == []
        ((first, love),) = moods.hear("much! The train ")
        assert (first, love.label) == (0, "love")
        ((second, plain),) = moods.hear("leaves at nine. And th")
        assert (second, plain.label) == (1, "neutral")
        assert [number for number, _ in moods.end_reply()] == [2]
        assert moods.end_reply() == []


def test_the_classifier_is_not_loaded_before_a_sentence_is_complete(monkeypatch, tmp_path):
    monkeypatch.setattr("companion.mood.classifier.models_folder", lambda: tmp_path)
    moods = Moods()
    moods.begin_reply()
    assert moods.hear("Hello") == []
    with pytest.raises(CompanionError):
        moods.read(["Hello."])


def test_moods_are_read_before_any_model_is_loaded(engine):
    moods = engine.read_moods(["I love this!", ""])
    assert [mood.label for mood in moods] == ["love", "neutral"]


def test_a_broken_classifier_is_logged_once_and_then_nothing_is_heard(caplog):
    moods = Moods()
    broken = moods._reader = Broken()  # type: ignore[assignment]
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            moods.begin_reply()
            assert moods.hear("Hello there. How are you? ") == []
            assert moods.end_reply() == []
    assert broken.asked == 1
    assert len(caplog.records) == 1


def test_a_broken_classifier_is_a_sentence_for_who_asks_it():
    moods = Moods()
    moods._reader = Broken()  # type: ignore[assignment]
    with pytest.raises(CompanionError, match="Moods cannot be read"):
        moods.read(["Hello."])
