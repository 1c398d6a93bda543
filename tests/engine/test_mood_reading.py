from __future__ import annotations

from companion.engine.mood_reading import Reading, ReplyMoods


def test_a_reply_is_read_while_it_is_written():
    reading = Reading()
    moods = ReplyMoods(reading)
    assert moods.add("I love you so ") == []
    ((first, love),) = moods.add("much! The train ")
    assert (first, love.label) == (0, "love")
    ((second, plain),) = moods.add("leaves at nine. And th")
    assert (second, plain.label) == (1, "neutral")
    assert [index for index, _ in moods.finish()] == [2]
    assert ReplyMoods(reading).finish() == []


def test_nothing_is_loaded_before_a_sentence_is_complete(monkeypatch, tmp_path):
    monkeypatch.setattr("companion.mood.classifier.models_folder", lambda: tmp_path)
    assert ReplyMoods(Reading()).add("Hello") == []
