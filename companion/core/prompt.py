"""From a character and the active path of a conversation to the turns of a prompt. The only place that does this."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from companion.core.character import Character
from companion.core.conversation import Message
from companion.core.macros import fill_macros
from companion.core.messages import Turn
from companion.core.persona import Persona


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a prompt is made of besides the messages."""

    character: Character
    persona: Persona = Persona()
    memories: tuple[str, ...] = ()
    """What she remembers of the person that matters now, the most important first."""
    summary: str = ""
    """What was said before the oldest message that is still in the prompt."""
    note: str = ""
    """The author's note: the person's words about how the story should go on."""
    note_depth: int = 4
    """How many of the newest messages come after the note."""
    person_mood: str = ""
    """How the person sounds, one of the labels; empty to say nothing about it."""
    now: datetime | None = None
    """Local time for {{time}} and its like; None takes the clock."""
    idle_seconds: float = 0.0
    """How long nothing was said."""
    seed: int = 0
    """Keeps {{pick}} the same within a conversation: its number."""


def greeting(scene: Scene) -> str:
    """The first message of a conversation."""
    text = fill_macros(scene.character.card.first_mes, scene.character, scene.persona).strip()
    return text or f"Hello. I'm {scene.character.called}."


def greetings(scene: Scene) -> tuple[str, ...]:
    """Every way the card begins a conversation, the first one first; they become alternates of the first message."""
    card = scene.character.card
    others = (fill_macros(text, scene.character, scene.persona).strip() for text in card.alternate_greetings)
    return (greeting(scene), *(text for text in others if text))


def system_text(scene: Scene) -> str:
    """The system turn: who she is, where this happens, and who she talks to."""
    card = scene.character.card
    parts = [card.system_prompt, card.description, card.personality, card.scenario]
    text = "\n\n".join(part.strip() for part in parts if part.strip())
    return fill_macros(text, scene.character, scene.persona)


def assemble(scene: Scene, messages: Sequence[Message]) -> tuple[Turn, ...]:
    """System turn first, then the active path, oldest first; empty replies (just begun) are left out."""
    turns = [Turn("system", system_text(scene))]
    turns += [Turn(m.role, m.text, m.id) for m in messages if m.text]
    return tuple(turns)
