"""Who talks to whom, and what else a prompt is made of besides the messages."""

from __future__ import annotations

from datetime import datetime

import msgspec

from companion.core.character import Character
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
    context_tokens: int = 4096
    """How much the model keeps in mind: a lorebook without a budget of its own takes at most a quarter of it."""
