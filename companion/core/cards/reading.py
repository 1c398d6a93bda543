"""Read a character card from a file of any form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from companion.core.character import Card
from companion.core.conversation import plain_text
from companion.core.errors import CharacterError

MAX_CARD_BYTES = 8 * 1024 * 1024


def read_card(path: Path) -> Card:
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
    read = Card(
        alternate_greetings=tuple(plain_text(g) for g in greetings if isinstance(g, str)) if isinstance(greetings, list) else (),
        name=" ".join(_text(fields, "name").split()),
    )
    return msgspec.structs.replace(read, **{key: _text(fields, key) for key in _TEXT_FIELDS})


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
