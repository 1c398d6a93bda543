"""Brings the open conversation before the model: read ahead while it is quiet, and in full when a reply is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.app.impression import Impression, Impressions
from companion.app.scenes import Scenes
from companion.core.character_adapters import adapters_of
from companion.core.conversation import Conversation, Message
from companion.core.prompts.prompt import assemble
from companion.core.settings import Settings


class Prompting:
    def __init__(self, engine: Engine, scenes: Scenes, settings: Callable[[], Settings]) -> None:
        self._engine = engine
        self._scenes = scenes
        self._settings = settings
        self._impressions = Impressions(engine)

    def read_ahead(self, conversation: Conversation, messages: Sequence[Message]) -> int:
        """Let her read the conversation before the next thing is said, so that the answer begins at once.

        Returns the request's number, 0 when the engine cannot read now.
        """
        self._engine.set_adapters(adapters_of(self._scenes.character(conversation)))
        if self._engine.state is not EngineState.READY:  # nor is a prompt put together for nothing, such as at the start
            return 0
        turns = assemble(self._scenes.scene(conversation, messages), messages, ahead=True)
        return self._engine.prepare(turns, self._settings().sampling.max_tokens)

    def take_in(self, conversation: Conversation, messages: Sequence[Message], then: Callable[[Impression], None]) -> None:
        """What the scene needs to know of the person's last words; `then` is called once, at once when that is nothing."""
        said = next((message.text for message in reversed(messages) if message.role == "user"), "")
        self._impressions.read(
            said,
            mood=bool(said) and self._scenes.notices_mood(conversation),
            embedding_model=self._settings().embedding_model if said else "",
            then=then,
        )

    def ask(self, conversation: Conversation, messages: Sequence[Message], impression: Impression, *, continues: bool) -> int:
        """Ask for the reply after `messages`; returns the request's number."""
        scene = self._scenes.scene(conversation, messages, impression)
        turns = assemble(scene, messages)
        self._engine.set_adapters(adapters_of(scene.character))
        request = self._engine.generate(turns, self._settings().sampling, continue_last=continues)
        self._scenes.told(scene, turns)
        return request
