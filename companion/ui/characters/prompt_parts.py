"""The prompt of a card that is being written, in parts that a person can read."""

from __future__ import annotations

from companion.core.conversation import Message
from companion.core.prompts.prompt import greeting, preview
from companion.core.prompts.scene import Scene
from companion.ui.characters.prompt_preview import Part


def prompt_parts(scene: Scene, said: str) -> tuple[Part, ...]:
    """What the model would read after her greeting and, when it is not empty, what the person said."""
    parts = preview(scene, begun(scene, said))
    # Of a message the heading says it all.
    return tuple(Part(part.turn.role, "" if part.turn.kind == "message" else part.title, part.turn.text) for part in parts)


def begun(scene: Scene, said: str) -> tuple[Message, ...]:
    """A conversation that has just begun."""
    hello = Message(id=1, conversation=0, parent=None, role="assistant", text=greeting(scene), created=0.0)
    if not said.strip():
        return (hello,)
    return (hello, Message(id=2, conversation=0, parent=1, role="user", text=said.strip(), created=0.0))
