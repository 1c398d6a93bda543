"""Write a character card or a lorebook as other programs read them.

Every function raises CharacterError instead of writing what `reading` would refuse: a card beyond the limits, or
`extensions` that are no JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from companion.core.cards import png as png_chunks
from companion.core.cards.card_fields import card_fields
from companion.core.cards.charx import write_archive
from companion.core.cards.lore_fields import book_fields
from companion.core.cards.raw_json import write_object
from companion.core.character import Card
from companion.core.lorebook import Lorebook


def card_json(card: Card, spec: Literal["v2", "v3"] = "v3") -> bytes:
    """The card as JSON; V2 holds what is new in V3 too, where there is any, since a card should lose nothing."""
    return write_object(card_fields(card, spec), card.name)


def card_png(card: Card, png: bytes) -> bytes:
    """`png` with the card in it as V2 and V3, in the place of any other; the other chunks stay as they are."""
    return png_chunks.with_card(png, card_json(card, "v2"), card_json(card, "v3"), card.name)


def card_charx(card: Card, files: Mapping[str, bytes]) -> bytes:
    """The card with the files that its assets name, by their path such as `assets/icon/main.png`."""
    return write_archive(card_json(card, "v3"), files, card.name)


def write_lorebook(lorebook: Lorebook) -> bytes:
    """A lorebook file in the form of Character Card V3."""
    return write_object({"spec": "lorebook_v3", "data": book_fields(lorebook)}, lorebook.name or "lorebook")
