"""What she does when it is quiet: facts about the person are kept, and what left her mind is summed up.

Everything here can be cut off at any moment: what was not finished is begun again at the next quiet moment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.app.memories import Memories
from companion.core.conversation import Conversation, Message
from companion.core.errors import StoreError
from companion.core.memory import Memory
from companion.core.messages import PromptRead, Reflected, Turn
from companion.core.persona import Persona
from companion.core.reflection.facts import Fact, find_facts, name_given
from companion.core.reflection.reflection_prompts import (
    FACT_SAMPLING,
    SUMMARY_PARAMETERS,
    accepted_fact,
    accepted_summary,
    chunks,
    fact_turns,
    summary_sampling,
    summary_turns,
)
from companion.core.sampling import Sampling
from companion.core.storage.store import Store

log = logging.getLogger(__name__)
MOST_MESSAGES = 50
"""Searched for facts without a pause, 0.2 ms each."""
MOST_TRIES = 3
"""A question that is cut off so often is answered by rules."""


class Timings(NamedTuple):
    """Seconds."""

    quiet: float = 4.0
    """Nothing was typed, opened or answered for so long."""
    breath: float = 0.1
    """Between two questions at the same quiet moment."""


class _Learning(NamedTuple):
    """Facts of one message that are still to be put into better words."""

    conversation: Conversation
    message: Message
    facts: tuple[Fact, ...]


class _Summing(NamedTuple):
    conversation: Conversation
    messages: tuple[Message, ...]
    earlier: str


class Reflection(QObject):
    """Works while the engine is READY and nobody wants anything; a reply that is asked for ends it at once."""

    remembered = Signal(object)
    """A tuple of Memory: what she has learned at this quiet moment."""
    summed_up = Signal(int)
    """This conversation has a new summary, so that its prompt is another one: reading ahead again is worthwhile."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        conversations: Conversations,
        memories: Memories,
        remembers: Callable[[Conversation], bool],
        person: Callable[[Conversation], Persona],
        timings: Timings = Timings(),  # noqa: B008 - immutable
    ) -> None:
        """`remembers` tells whether the character of a conversation keeps facts, `person` who the person is in it."""
        super().__init__()
        self._store, self._engine, self._conversations, self._memories = store, engine, conversations, memories
        self._remembers, self._person, self._timings = remembers, person, timings
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._reflect)
        self._asked = 0
        self._task: _Learning | _Summing | None = None
        """What the question under way is for."""
        self._tries = 0
        self._closed = False
        self._news: list[Memory] = []
        self._open: dict[int, None] = {}
        """Conversations that may hold something new, the latest last."""
        self._left: dict[int, int] = {}
        """Conversations whose beginning left the context, with the oldest message that is still in it."""
        self._summed: set[int] = set()
        """Conversations with a new summary that has not been told of."""
        conversations.opened.connect(self._opened)
        engine.state_changed.connect(lambda _state: self.disturb())
        engine.prompt_read.connect(self._prompt_read)
        engine.reflected.connect(self._reflected)
        engine.request_failed.connect(self._failed)

    def disturb(self) -> None:
        """Somebody is doing something: wait until it is quiet again."""
        if not self._closed and not self._asked:
            self._timer.start(int(self._timings.quiet * 1000))

    def look_at_the_open_one(self) -> None:
        """The conversation that is open was opened before anybody listened."""
        if (current := self._conversations.current) is not None:
            self._opened(current)

    def close(self) -> None:
        """The program is closing; nothing is begun any more."""
        self._closed = True
        self._timer.stop()
        self._give_up()

    def _opened(self, conversation: Conversation) -> None:
        self._open.pop(conversation.id, None)
        self._open[conversation.id] = None
        self.disturb()

    def _prompt_read(self, event: PromptRead) -> None:
        if event.dropped_turns and event.first_remembered:
            first = self._store.message(event.first_remembered)
            if first is not None:
                self._left[first.conversation] = first.id
        self.disturb()

    # One thing after another

    def _reflect(self) -> None:
        if self._closed or self._asked or self._engine.state is not EngineState.READY:
            return
        try:
            busy = any(self._learn(number) for number in reversed(list(self._open))) or any(
                self._sum_up(n) for n in list(self._left)
            )
        except StoreError as error:  # the file fails: others say so, and this is not worth a word
            log.warning("%s", error)
            return
        if not busy:
            self._tell()

    def _tell(self) -> None:
        news, self._news = {memory.id: memory for memory in self._news}, []
        if news:
            self.remembered.emit(tuple(news.values()))

    def _go_on(self) -> None:
        self._timer.start(int(self._timings.breath * 1000))

    def _ask(self, task: _Learning | _Summing, turns: Sequence[Turn], sampling: Sampling) -> bool:
        self._asked = self._engine.reflect(turns, sampling)
        self._task = task if self._asked else None
        return bool(self._asked)

    def _reflected(self, event: Reflected) -> None:
        if event.request == self._asked:
            self._answered(event.text if event.complete else None)

    def _failed(self, request: int, _what: str, _remedy: str) -> None:
        if request == self._asked:
            self._tries = MOST_TRIES  # asking again would end the same way
            self._answered(None)

    def _answered(self, text: str | None) -> None:
        """`text` is None when the question was cut off."""
        task, self._task, self._asked = self._task, None, 0
        if self._closed or task is None:
            return
        if text is None:
            self._tries += 1
            if self._tries < MOST_TRIES:
                self.disturb()
                return
        self._tries = 0
        try:
            if isinstance(task, _Learning):
                self._keep_words(task, text or "")
            else:
                self._keep_summary(task, text or "")
        except StoreError as error:
            log.warning("%s", error)
            return
        self._go_on()

    def _give_up(self) -> None:
        if self._asked:
            self._engine.forget_request(self._asked)
            self._asked, self._task = 0, None

    # Facts

    def _learn(self, number: int) -> bool:
        """Look for facts in what is new; returns whether there is more to do."""
        conversation = self._store.conversation(number)
        if conversation is None:
            self._open.pop(number, None)
            return False
        new = self._new_messages(number)
        if new and not self._remembers(conversation):  # what is said meanwhile is not learned later either
            self._store.memories.set_learned(number, new[-1].id)
            new = []
        for message in new[:MOST_MESSAGES]:
            facts = self._news_in(message, conversation)
            self._keep(conversation, message, [fact.text for fact in facts if fact.sure])
            unsure = tuple(fact for fact in facts if not fact.sure)
            if unsure:
                return self._ask_for_words(_Learning(conversation, message, unsure))
            self._store.memories.set_learned(number, message.id)
        if len(new) > MOST_MESSAGES:
            self._go_on()
            return True
        current = self._conversations.current
        if current is None or current.id != number:
            self._open.pop(number, None)
        return False

    def _news_in(self, message: Message, conversation: Conversation) -> list[Fact]:
        """Facts of a message and its answer to a question for the name, without the name that is known anyway."""
        name = self._person(conversation).name.strip()
        known = f"'s name is {name}." if name else ""
        facts = list(find_facts(message.text, datetime.fromtimestamp(message.created).date()))
        before = self._store.message(message.parent) if message.parent is not None else None
        given = name_given(before.text, message.text) if before is not None else None
        if given is not None and all(fact.kind != "name" for fact in facts):
            facts.insert(0, given)
        return [fact for fact in facts if not (known and fact.kind == "name" and fact.text.endswith(known))]

    def _new_messages(self, number: int) -> list[Message]:
        """What the person said since she last looked."""
        learned = self._store.memories.learned(number)
        path = (step.message for step in self._store.path(number))
        return [message for message in path if message.id > learned and message.role == "user" and message.status == "complete"]

    def _ask_for_words(self, task: _Learning) -> bool:
        return self._ask(task, fact_turns(task.facts[0].said, self._person(task.conversation).name.strip()), FACT_SAMPLING)

    def _keep_words(self, task: _Learning, proposal: str) -> None:
        fact, *rest = task.facts
        words = accepted_fact(proposal, fact.said, self._person(task.conversation).name.strip())
        self._keep(task.conversation, task.message, [words or fact.text])
        if rest and self._ask_for_words(task._replace(facts=tuple(rest))):
            return
        if not rest:
            self._store.memories.set_learned(task.conversation.id, task.message.id)

    def _keep(self, conversation: Conversation, message: Message, texts: Sequence[str]) -> None:
        there = self._store.message(message.id)
        if texts and there is not None and there.text == message.text:
            self._news += self._memories.learn(conversation.character, texts, conversation.id, message.id)

    # Summaries

    def _sum_up(self, number: int) -> bool:
        """Sum up the next portion of what left the context; returns whether there is more to do."""
        conversation = self._store.conversation(number)
        path = [step.message for step in self._store.path(number)] if conversation is not None else []
        places = {message.id: place for place, message in enumerate(path)}
        end = places.get(self._left[number], 0)
        summary = self._store.memories.summary(number)
        begin = places.get(summary.message, -1) + 1 if summary is not None else 0
        gone = [message for message in path[begin:end] if message.text]
        if conversation is None or not gone:
            del self._left[number]
            if number in self._summed:
                self._summed.discard(number)
                self.summed_up.emit(number)
            return False
        task = _Summing(conversation, tuple(chunks(gone)[0]), summary.text if summary is not None else "")
        model = self._engine.model
        if model is not None and model.parameters < SUMMARY_PARAMETERS:
            self._keep_summary(task, "")
            self._go_on()
            return True
        person, character = self._person(conversation).name.strip(), conversation.character_name
        turns = summary_turns(task.earlier, task.messages, person, character)
        return self._ask(task, turns, summary_sampling(person, character))

    def _keep_summary(self, task: _Summing, proposal: str) -> None:
        if self._store.conversation(task.conversation.id) is None or self._store.message(task.messages[-1].id) is None:
            return
        person, character = self._person(task.conversation).name.strip(), task.conversation.character_name
        text = accepted_summary(proposal, task.earlier, task.messages, person, character)
        self._store.memories.add_summary(task.conversation.id, task.messages[-1].id, text)
        self._summed.add(task.conversation.id)
