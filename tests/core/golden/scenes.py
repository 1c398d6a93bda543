"""The scenes behind the golden files: a card that uses everything, and the smallest one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from companion.core.character import Card, Character
from companion.core.conversation import Message
from companion.core.lorebook import Lorebook, LoreEntry
from companion.core.persona import Persona
from companion.core.prompts.scene import Scene

FOLDER = Path(__file__).parent

LORE = Lorebook(
    name="The observatory",
    recursive_scanning=True,
    entries=(
        LoreEntry(keys=("observatory",), constant=True, content="The observatory was built in 1911.", position="before_char"),
        LoreEntry(keys=("telescope", "refractor"), name="The telescope", content="The telescope is called Old Bertha."),
        LoreEntry(keys=("Bertha",), name="Bertha", content="Bertha was {{char}}'s grandmother.", insertion_order=200),
        LoreEntry(keys=("never said",), name="Unsaid", content="This must not be told."),
        LoreEntry(keys=("Saturn",), name="Saturn", content="@@depth 2\n@@unknown 3\nSaturn is low in the south tonight."),
    ),
)
CARD = Card(
    name="Hoshi Amano",
    nickname="Hoshi",
    description="{{char}} shows visitors the night sky. {{// from the first draft }}She knows {{user}} well.",
    personality="curious, teasing, kind",
    scenario="It is {{weekday}} evening in the dome.",
    system_prompt="{{original}} Never say that you are a program.",
    post_history_instructions="Keep {{char}}'s reply short.",
    first_mes="Oh, {{user}}! Come in.",
    mes_example=(
        "<START>\n{{user}}: Is it cold?\n{{char}}: *She laughs.*\nOnly on the outside.\n"
        "<START>\nIt rains.\n{{user}}: No stars?\n{{char}}: Tea, then."
    ),
    lorebook=LORE,
)


def message(number: int, text: str) -> Message:
    """Hers are the odd ones: a conversation begins with her greeting."""
    role = "assistant" if number % 2 else "user"
    return Message(id=number, conversation=7, parent=number - 1 or None, role=role, text=text, created=0.0)  # type: ignore[arg-type]


TALK = tuple(
    message(number, text)
    for number, text in enumerate(
        (
            "Oh, Ana! Come in.",
            "Hi. {{char}} is not filled in what I type. <START> neither.",
            "It never is. What shall we look at?",
            "Saturn, please.",
            "Then turn the telescope with me.",
            "What did I call my cat?",
        ),
        start=1,
    )
)
FULL = Scene(
    character=Character(identifier="hoshi", card=CARD),
    persona=Persona(id=1, name="Ana", description="{{user}} is an astronomer who would rather be a baker."),
    memories=("{{user}}'s cat is called Miso.", "Ana lives in Lisbon"),
    summary="Ana arrived in the rain and was given tea.",
    note="The dome creaks. Let it be noticed.",
    note_depth=3,
    person_mood="joy",
    now=datetime(2026, 11, 5, 21, 7),
    seed=7,
)
SMALLEST = Scene(character=Character(identifier="x", card=Card(name="Mia")))
