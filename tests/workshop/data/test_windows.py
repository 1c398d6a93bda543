"""Dialogues that are too long become several examples, each of which begins like a dialogue."""

from __future__ import annotations

import pytest

from companion.core.dataset import Dialogue, DialogueTurn
from companion.workshop.data.template import TrainingTemplate
from companion.workshop.data.windows import windows_of


def dialogue(turns: int, words: int = 6, system: str = "You are Hoshi."):
    roles = ("user", "assistant")
    said = [DialogueTurn(roles[i % 2], f"{i} " + "hello " * words) for i in range(turns)]
    return Dialogue(messages=(*([DialogueTurn("system", system)] if system else []), *said))


def text(base, example):
    return b"".join(base.vocabulary.piece(token) for token in example.tokens).decode()


def test_a_dialogue_that_fits_stays_whole(base):
    found = windows_of(TrainingTemplate(*base), dialogue(4), 512)
    assert len(found.examples) == 1
    assert (found.divided, found.shortened, found.system_shortened) == (False, False, False)


def test_a_long_dialogue_is_cut_between_exchanges_and_keeps_its_system_message(base):
    found = windows_of(TrainingTemplate(*base), dialogue(40), 200)
    assert found.divided
    assert not found.shortened
    assert all(len(example.tokens) <= 200 for example in found.examples)
    texts = [text(base, example) for example in found.examples]
    assert all(each.startswith("system\nYou are Hoshi.\nuser\n") for each in texts)
    heads = [line for each in texts for line in each.splitlines() if line[:1].isdigit()]
    assert [int(line.split()[0]) for line in heads] == list(range(40))


def test_a_dialogue_of_a_hundred_thousand_tokens_becomes_many(starter_base):
    long = dialogue(4000, words=20)
    found = windows_of(TrainingTemplate(*starter_base), long, 1024)
    assert sum(len(example.tokens) for example in found.examples) > 100_000
    assert max(len(example.tokens) for example in found.examples) <= 1024
    assert min(len(example.tokens) for example in found.examples[:-1]) > 700


def test_a_reply_that_is_too_long_loses_its_end_and_does_not_teach_to_stop_there(base):
    turns = (DialogueTurn("user", "Tell me."), DialogueTurn("assistant", "night " * 500))
    found = windows_of(TrainingTemplate(*base), Dialogue(messages=turns), 128)
    (example,) = found.examples
    assert found.shortened
    assert len(example.tokens) == 128
    assert not base.vocabulary.ends_reply(example.tokens[-1])


def test_a_question_that_is_too_long_leaves_room_for_the_reply(base):
    turns = (DialogueTurn("user", "night " * 500), DialogueTurn("assistant", "Good night."))
    found = windows_of(TrainingTemplate(*base), Dialogue(messages=turns), 128)
    (example,) = found.examples
    assert found.shortened
    assert "Good night." in text(base, example)
    assert any(example.learn)


def test_a_system_message_that_is_too_long_is_cut(base):
    found = windows_of(TrainingTemplate(*base), dialogue(4, system="star " * 300), 160)
    assert found.system_shortened
    assert all(len(example.tokens) <= 160 for example in found.examples)
    assert all(any(example.learn) for example in found.examples)


def test_a_document_is_cut_anywhere(base):
    from companion.workshop.data.sources.forms import document

    found = windows_of(TrainingTemplate(*base), document("night star " * 200), 64)
    assert max(len(example.tokens) for example in found.examples) == 64
    joined = [token for example in found.examples for token in example.tokens]
    assert joined == TrainingTemplate(*base).document_tokens(document("night star " * 200))


@pytest.mark.parametrize("longest", [16, 17, 24, 40])
def test_whatever_the_room_nothing_is_longer(base, longest):
    found = windows_of(TrainingTemplate(*base), dialogue(7, words=30, system="star " * 30), longest)
    assert all(len(example.tokens) <= longest for example in found.examples)
