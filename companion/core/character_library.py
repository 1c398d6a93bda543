"""The person's characters: a folder each, below the data folder, and the built-in one among the assets."""

from __future__ import annotations

from pathlib import Path

from companion.core.cards.reading import read_card
from companion.core.character import BUILT_IN, Character
from companion.core.paths import assets_folder


def built_in_character() -> Character:
    """Hoshi, who is always there."""
    folder = assets_folder() / "characters" / "hoshi"
    return Character(
        identifier=BUILT_IN, card=read_card(folder / "card.json"), folder=str(folder), portrait=str(folder / "portrait.svg")
    )


def load_character(identifier: str) -> Character:
    """The character that a conversation or the settings name; raises CharacterError when it is gone or unreadable."""
    if identifier == BUILT_IN:
        return built_in_character()
    return Character(identifier=identifier, card=read_card(Path(identifier)))
