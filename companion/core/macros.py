"""The macros in a card's texts."""

from __future__ import annotations

import re

from companion.core.character import Character
from companion.core.persona import Persona


def fill_macros(text: str, character: Character, persona: Persona) -> str:
    """Replace {{char}} and {{user}} (any case) and their old forms <BOT> and <USER>, in one pass: a name that looks like
    a macro stays as it is."""
    return _MACROS.sub(lambda found: character.called if found[0].lower() in ("{{char}}", "<bot>") else persona.called, text)


_MACROS = re.compile(r"\{\{(?:char|user)\}\}|<(?:bot|user)>", re.ASCII | re.IGNORECASE)
