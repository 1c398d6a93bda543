"""What stands at the beginning of a dialogue that has no system message: the card of a character, as in the chat."""

from __future__ import annotations

from companion.core.character import Character
from companion.core.character_library import built_in_character, load_character
from companion.core.dataset import DOCUMENT, Dialogue, DialogueTurn
from companion.core.persona import Persona
from companion.core.prompts.prompt import system_text
from companion.core.prompts.scene import Scene


class Opening:
    """Adds the card's system text. An empty `character` adds nothing; the built-in one goes by her name.

    Raises CharacterError when there is no such character.
    """

    def __init__(self, character: str) -> None:
        self._character = character_named(character)
        self._texts: dict[str, str] = {}

    @property
    def name(self) -> str:
        """What she is called; empty without a character."""
        return self._character.called if self._character is not None else ""

    def added(self, dialogue: Dialogue) -> Dialogue:
        """The dialogue as the chat would begin it.

        The person's name is that of the label "user", unless they say it themselves in the dialogue: then the chat would
        not have known it yet, and she has to learn it from what is said.
        """
        has_system = any(turn.role == "system" for turn in dialogue.messages)
        if self._character is None or has_system or DOCUMENT in dialogue.labels:
            return dialogue
        name = dialogue.labels.get("user", "").strip()
        if any(turn.role == "user" and name in turn.content for turn in dialogue.messages):
            name = ""
        turns = (DialogueTurn("system", self._text(name)), *dialogue.messages)
        return Dialogue(messages=turns, id=dialogue.id, labels=dialogue.labels, rejected=dialogue.rejected)

    def _text(self, name: str) -> str:
        known = self._texts.get(name)
        if known is None:
            if self._character is None:
                return ""
            known = system_text(Scene(character=self._character, persona=Persona(name=name)))
            if len(self._texts) < 10_000:
                self._texts[name] = known
        return known


def character_named(identifier: str) -> Character | None:
    """The character of a recipe; None for an empty name. Raises CharacterError when there is no such character."""
    if not identifier:
        return None
    own = built_in_character()
    return own if identifier.casefold() == own.name.casefold() else load_character(identifier)
