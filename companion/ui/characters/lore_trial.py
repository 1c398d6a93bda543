"""Which entries of a lorebook a sentence calls up."""

from __future__ import annotations

from companion.core.prompts.lore_scan import ActiveLore, activate
from companion.core.prompts.scene import Scene
from companion.ui.characters.prompt_parts import begun


def called_up(scene: Scene, said: str) -> tuple[ActiveLore, ...]:
    """What the model would be told of the book, in its order, when the conversation begins with this."""
    return activate(scene, begun(scene, said)[-1:])
