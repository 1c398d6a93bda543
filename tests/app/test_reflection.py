"""Quiet moments: facts are kept and what left the context is summed up, and nobody is ever kept waiting by that."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.app import reflection
from companion.app.engine import Engine
from companion.app.reflection import Reflection, Timings
from companion.core.character import CharacterOptions
from companion.core.messages import LoadOptions, PromptRead, Turn
from companion.core.sampling import Sampling
from tests.app.conftest import Household

SECONDS = 20_000


class Evening(Household):
    """A person, a character, and what is said and learned between them."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine()
        self.options = CharacterOptions()
        self.reflection = Reflection(
            self.store,
            self.engine,
            self.conversations,
            self.memories,
            lambda _conversation: self.options.remember,
            self.personas.of,
            Timings(quiet=0.15, breath=0.01),
        )
        self.news: list[str] = []
        self.reflection.remembered.connect(lambda news: self.news.extend(memory.text for memory in news))
        self.conversations.start()

    @property
    def conversation(self) -> int:
        assert self.conversations.current is not None
        return self.conversations.current.id

    def say(self, *texts: str, role: str = "user") -> int:
        """As the chat does; returns the last message's id."""
        for text in texts:
            current = self.store.conversation(self.conversation)
            message = self.store.add_message(current.id, parent=current.active, role=role, text=text)
        self.reflection.disturb()
        return message.id

    def known(self) -> list[str]:
        return [memory.text for memory in reversed(self.memories.all(""))]

    def learned(self) -> int:
        return self.store.memories.learned(self.conversation)

    def close(self) -> None:
        self.reflection.close()
        self.engine.close()
        super().close()


@pytest.fixture
def evening(qapp) -> Iterator[Evening]:
    evening = Evening()
    yield evening
    evening.close()


@pytest.fixture
def quiet(evening: Evening, qtbot, talkative_model: Path) -> Evening:
    """With a model that writes noise without end."""
    with qtbot.waitSignal(evening.engine.model_ready, timeout=30_000):
        evening.engine.load(str(talkative_model), LoadOptions(context_tokens=4096))
    return evening


def test_what_is_told_is_remembered_with_the_message_it_came_from(quiet, qtbot):
    message = quiet.say("Hi! I have a cat called Miso and I live in Oslo. How are you?")
    with qtbot.waitSignal(quiet.reflection.remembered, timeout=SECONDS) as remembered:
        pass
    assert [memory.text for memory in remembered.args[0]] == ["{{user}} has a cat called Miso.", "{{user}} lives in Oslo."]
    assert {(m.conversation, m.message, m.writer) for m in remembered.args[0]} == {(quiet.conversation, message, "model")}
    assert quiet.learned() == message


def test_the_name_they_are_called_by_is_no_news(quiet, qtbot):
    quiet.say("My name is Sam. I have a cat called Miso.")
    qtbot.waitUntil(lambda: quiet.known() == ["{{user}} has a cat called Miso."], timeout=SECONDS)
    quiet.say("My name is Samantha.")
    qtbot.waitUntil(lambda: "{{user}}'s name is Samantha." in quiet.known(), timeout=SECONDS)


def test_nothing_happens_while_somebody_types(quiet, qtbot):
    quiet.say("I have a cat.")
    for _ in range(8):
        qtbot.wait(60)
        quiet.reflection.disturb()
    assert quiet.known() == []
    qtbot.waitUntil(lambda: quiet.known() == ["{{user}} has a cat."], timeout=SECONDS)


def test_nothing_is_learned_twice_and_what_the_person_deleted_does_not_come_back(quiet, qtbot):
    quiet.say("I have a cat.")
    qtbot.waitUntil(lambda: len(quiet.news) == 1, timeout=SECONDS)
    quiet.memories.delete(quiet.memories.all("")[0].id)
    last = quiet.say("I have a cat!", "I have a cat, you know.")
    qtbot.waitUntil(lambda: quiet.learned() == last, timeout=SECONDS)
    assert quiet.known() == []
    assert len(quiet.news) == 1


def test_the_noise_of_a_model_is_never_remembered(quiet, qtbot):
    quiet.say("We have two dogs.")
    qtbot.waitUntil(lambda: quiet.known() == ["{{user}} said: “We have two dogs.”"], timeout=SECONDS)


def test_the_model_finds_the_words_where_rules_have_none(evening, qtbot, starter):
    with qtbot.waitSignal(evening.engine.model_ready, timeout=60_000):
        evening.engine.load(str(starter), LoadOptions(context_tokens=2048))
    evening.say("We have two dogs.")
    qtbot.waitUntil(lambda: evening.known() == ["{{user}} has two dogs."], timeout=SECONDS)


def test_a_reply_comes_first_and_what_was_cut_off_is_learned_afterwards(quiet, qtbot):
    last = quiet.say("We have two dogs.", "We live in Boston.")
    qtbot.waitUntil(lambda: quiet.reflection._asked != 0, timeout=SECONDS)
    with qtbot.waitSignal(quiet.engine.reply_done, timeout=1000):
        quiet.engine.generate((Turn("user", "Hi"),), Sampling(max_tokens=2))
    assert quiet.learned() < last
    qtbot.waitUntil(lambda: quiet.learned() == last, timeout=SECONDS)
    assert len(quiet.known()) == 2


def test_what_is_said_while_she_does_not_remember_is_never_learned(quiet, qtbot):
    quiet.options = CharacterOptions(remember=False)
    last = quiet.say("I have a cat.")
    qtbot.waitUntil(lambda: quiet.learned() == last, timeout=SECONDS)
    quiet.options = CharacterOptions()
    last = quiet.say("I live in Oslo.")
    qtbot.waitUntil(lambda: quiet.learned() == last, timeout=SECONDS)
    assert quiet.known() == ["{{user}} lives in Oslo."]


def test_a_conversation_that_is_forgotten_meanwhile_leaves_nothing_behind(quiet, qtbot):
    quiet.say("We have two dogs.")
    qtbot.waitUntil(lambda: quiet.reflection._asked != 0, timeout=SECONDS)
    gone = quiet.conversation
    quiet.store.forget_conversation(gone)
    qtbot.waitUntil(lambda: quiet.reflection._asked == 0, timeout=SECONDS)
    qtbot.wait(300)
    assert quiet.known() == []


def test_a_conversation_that_was_left_is_learned_from_too(quiet, qtbot):
    quiet.say("I have a cat.")
    first = quiet.conversation
    quiet.conversations.new()
    assert quiet.conversation != first
    qtbot.waitUntil(lambda: quiet.known() == ["{{user}} has a cat."], timeout=SECONDS)


def test_an_engine_that_dies_in_the_middle_loses_nothing(quiet, qtbot):
    last = quiet.say("We have two dogs.")
    qtbot.waitUntil(lambda: quiet.reflection._asked != 0, timeout=SECONDS)
    with qtbot.waitSignal(quiet.engine.model_ready, timeout=30_000):
        os.kill(quiet.engine.process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: quiet.learned() == last, timeout=SECONDS)
    assert quiet.known() == ["{{user}} said: “We have two dogs.”"]


def test_a_long_conversation_is_searched_in_portions(quiet, qtbot):
    last = quiet.say(*(f"I live in house {number}." for number in range(120)))
    qtbot.waitUntil(lambda: quiet.learned() == last, timeout=SECONDS)
    assert len(quiet.known()) > 0


def test_closing_begins_nothing_more(quiet, qtbot):
    quiet.say("I have a cat.")
    quiet.reflection.close()
    quiet.reflection.disturb()
    qtbot.wait(400)
    assert quiet.known() == []


def left_context(evening: Evening, first_remembered: int) -> None:
    """The engine read a prompt in which the beginning no longer had room."""
    event = PromptRead(
        request=1, prompt_tokens=9, reused_tokens=0, context_tokens=9, dropped_turns=5, first_remembered=first_remembered
    )
    evening.engine.prompt_read.emit(event)


def talk(evening: Evening, rounds: int) -> None:
    for number in range(rounds):
        evening.say(f"Tell me about star number {number}. " + "Stars are far away. " * 10)
        evening.say(f"Star {number} is bright. " * 10, role="assistant")


@pytest.mark.parametrize("smallest", [0, 500_000_000], ids=["the model is asked", "only rules are"])
def test_what_left_the_context_is_summed_up_to_the_last_message_that_left(quiet, qtbot, monkeypatch, smallest):
    monkeypatch.setattr(reflection, "SUMMARY_PARAMETERS", smallest)
    quiet.say("I have a cat called Miso.")
    talk(quiet, 12)
    path = [step.message for step in quiet.store.path(quiet.conversation)]
    with qtbot.waitSignal(quiet.reflection.summed_up, timeout=SECONDS) as summed_up:
        left_context(quiet, path[20].id)
    assert summed_up.args == [quiet.conversation]
    summary = quiet.store.memories.summary(quiet.conversation)
    assert summary.message == path[19].id
    assert "Miso" in summary.text, "noise is not believed; what rules find is"
    assert "{{user}}" not in summary.text


def test_a_summary_goes_on_from_the_one_before(quiet, qtbot):
    talk(quiet, 4)
    path = [step.message for step in quiet.store.path(quiet.conversation)]
    quiet.store.memories.add_summary(quiet.conversation, path[4].id, "Sam has a cat called Miso.")
    with qtbot.waitSignal(quiet.reflection.summed_up, timeout=SECONDS):
        left_context(quiet, path[7].id)
    summary = quiet.store.memories.summary(quiet.conversation)
    assert (summary.message, summary.text) == (path[6].id, "Sam has a cat called Miso.")
    with qtbot.assertNotEmitted(quiet.reflection.summed_up, wait=500):
        left_context(quiet, path[7].id)


def test_nothing_is_summed_up_that_is_still_in_her_mind(quiet, qtbot):
    talk(quiet, 3)
    first = quiet.store.path(quiet.conversation)[0].message.id
    with qtbot.assertNotEmitted(quiet.reflection.summed_up, wait=600):
        left_context(quiet, first)
        event = PromptRead(request=1, prompt_tokens=9, reused_tokens=0, context_tokens=9, dropped_turns=0, first_remembered=0)
        quiet.engine.prompt_read.emit(event)
    assert quiet.store.memories.summary(quiet.conversation) is None
