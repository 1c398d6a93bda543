"""From a character and the active path of a conversation to the turns of a prompt. The only place that does this."""

from __future__ import annotations

from collections.abc import Sequence

from companion.core.character import Character, fill_macros
from companion.core.conversation import Message
from companion.core.messages import Turn

STRANGER = "you"
"""How the card's {{user}} reads while the person has given no name."""


def greeting(character: Character, person: str) -> str:
    """The first message of a conversation."""
    return fill_macros(character.first_mes, character, person or STRANGER).strip() or f"Hello. I'm {character.name}."


def greetings(character: Character, person: str) -> tuple[str, ...]:
    """Every way the card begins a conversation, the first one first; they become alternates of the first message."""
    others = (fill_macros(text, character, person or STRANGER).strip() for text in character.alternate_greetings)
    return (greeting(character, person), *(text for text in others if text))


def system_text(character: Character, person: str) -> str:
    """The system turn: who she is, where this happens, and who she talks to."""
    parts = [character.system_prompt, character.description, character.personality, character.scenario]
    text = "\n\n".join(part.strip() for part in parts if part.strip())
    return fill_macros(text, character, person or STRANGER)


def assemble(character: Character, person: str, messages: Sequence[Message]) -> tuple[Turn, ...]:
    """System turn first, then the active path, oldest first; empty replies (just begun) are left out."""
    turns = [Turn("system", system_text(character, person))]
    turns += [Turn(m.role, m.text, m.id) for m in messages if m.text]
    return tuple(turns)
