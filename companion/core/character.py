"""Characters: cards of the Character Card V1, V2 and V3 specifications, read from JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from companion.core.conversation import plain_text
from companion.core.errors import CharacterError
from companion.core.paths import assets_folder

MAX_CARD_BYTES = 8 * 1024 * 1024
BUILT_IN = ""
"""Identifier of the built-in character, as settings and conversations store it."""


class Character(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a card that the chat needs; texts still hold their macros. Names follow the card specification."""

    identifier: str
    name: str
    description: str = ""
    personality: str = ""
    scenario: str = ""
    first_mes: str = ""
    mes_example: str = ""
    system_prompt: str = ""
    post_history_instructions: str = ""
    alternate_greetings: tuple[str, ...] = ()
    creator: str = ""
    portrait: str = ""
    """Path of the portrait (SVG or PNG), empty when the card has none."""


def fill_macros(text: str, character: Character, person: str) -> str:
    """Replace {{char}} and {{user}} (any case) and their old forms <BOT> and <USER>, in one pass: a name that looks like
    a macro stays as it is."""
    return _MACROS.sub(lambda found: character.name if found[0].lower() in ("{{char}}", "<bot>") else person, text)


_MACROS = re.compile(r"\{\{(?:char|user)\}\}|<(?:bot|user)>", re.ASCII | re.IGNORECASE)


def built_in_character() -> Character:
    """Hoshi, who is always there."""
    folder = assets_folder() / "characters" / "hoshi"
    return msgspec.structs.replace(read_card(folder / "card.json"), identifier=BUILT_IN, portrait=str(folder / "portrait.svg"))


def read_card(path: Path) -> Character:
    """Read a card from a JSON file; raises CharacterError with a sentence when it cannot be one."""
    try:
        if path.stat().st_size > MAX_CARD_BYTES:
            raise CharacterError(f"“{path.name}” is larger than a character card can be.", "Choose a card below 8 MB.")
        card = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise CharacterError(
            f"“{path.name}” cannot be opened ({error.strerror}).", "Check that the file is still there."
        ) from error
    except (ValueError, RecursionError) as error:
        raise CharacterError(f"“{path.name}” is not a character card in JSON.", "Choose a .json card (V1, V2 or V3).") from error
    fields = card.get("data") if isinstance(card, dict) and isinstance(card.get("data"), dict) else card
    if not isinstance(fields, dict) or not _text(fields, "name").strip():
        raise CharacterError(f"“{path.name}” has no character in it.", "A card needs at least a name.")
    greetings = fields.get("alternate_greetings")
    return Character(
        identifier=str(path.resolve()),
        alternate_greetings=tuple(plain_text(g) for g in greetings if isinstance(g, str)) if isinstance(greetings, list) else (),
        name=" ".join(_text(fields, "name").split()),
        **{key: _text(fields, key) for key in _TEXT_FIELDS},
    )


_TEXT_FIELDS = (
    "description",
    "personality",
    "scenario",
    "first_mes",
    "mes_example",
    "system_prompt",
    "post_history_instructions",
    "creator",
)


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    return plain_text(value) if isinstance(value, str) else ""
