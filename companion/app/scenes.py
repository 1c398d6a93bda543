"""Puts together everything that a prompt is made of besides the messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from companion.app.characters import Characters
from companion.app.impression import Impression
from companion.app.memories import Memories
from companion.app.personas import Personas
from companion.core.character import Character
from companion.core.conversation import Conversation, Message
from companion.core.messages import Turn
from companion.core.prompts.macros import fill_names
from companion.core.prompts.prompt import Scene
from companion.core.settings import Settings
from companion.core.storage.store import Store


class Scenes:
    """`context_tokens` says how much the model keeps in mind."""

    def __init__(
        self,
        store: Store,
        characters: Characters,
        personas: Personas,
        memories: Memories,
        settings: Callable[[], Settings],
        context_tokens: Callable[[], int],
    ) -> None:
        self._store = store
        self._characters = characters
        self._personas = personas
        self._memories = memories
        self._settings = settings
        self._context_tokens = context_tokens

    def character(self, conversation: Conversation) -> Character:
        """Whom a conversation is with."""
        return self._characters.of(conversation)

    def notices_mood(self, conversation: Conversation) -> bool:
        """Whether the character is told how the person sounds."""
        return self._characters.of(conversation).options.notice_mood

    def scene(self, conversation: Conversation, messages: Sequence[Message], impression: Impression = Impression()) -> Scene:  # noqa: B008
        """The scene in which the next reply is written, after `messages`."""
        character = self._characters.of(conversation)
        persona = self._personas.of(conversation)
        summary = self._store.memories.summary(conversation.id)
        model = self._settings().embedding_model
        return Scene(
            character=character,
            persona=persona,
            memories=self._memories.recall(character.identifier, messages, persona.called, impression.vector, model),
            summary=summary.text if summary is not None else "",
            note=conversation.note,
            note_depth=conversation.note_depth,
            person_mood=impression.mood,
            now=datetime.now(),
            idle_seconds=max(0.0, time.time() - messages[-1].created) if messages else 0.0,
            seed=conversation.id,
            context_tokens=self._context_tokens(),
        )

    def told(self, scene: Scene, turns: Sequence[Turn]) -> None:
        """These turns were sent off: the memories in them count as used."""
        inserted = "\n".join(turn.text for turn in turns if turn.kind == "insert")
        self._memories.told([memory for memory in scene.memories if fill_names(memory, scene) in inserted])
