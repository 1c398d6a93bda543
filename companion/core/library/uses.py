"""Who uses a model or an adapter."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from companion.core.character import Character
from companion.core.character_adapters import adapters_of
from companion.core.character_library import CharacterLibrary
from companion.core.errors import CharacterError
from companion.core.paths import starter_model

EVERYBODY = "Everybody"


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's use of one file."""

    path: str
    who: str
    """A name for lists; EVERYBODY for the model that all characters think with who have none of their own."""
    character: str | None = None
    """Identifier; None for everybody."""
    by_card: bool = False
    """Whether an adapter is named by the card, not chosen by the person."""


def uses(everybody: str, characters: Iterable[Character]) -> tuple[Use, ...]:
    """`everybody` is the path from the settings, empty for the starter model."""
    starter = starter_model()
    path = everybody or str(starter or "")
    found = [Use(path=path, who=EVERYBODY)] if path else []
    for character in characters:
        options = character.options
        if options.model:
            found.append(Use(path=options.model, who=character.name, character=character.identifier))
        by_card = options.adapters is None
        found += [
            Use(path=use.path, who=character.name, character=character.identifier, by_card=by_card)
            for use in adapters_of(character)
        ]
    return tuple(found)


def all_characters(library: CharacterLibrary) -> tuple[Character, ...]:
    """Every character that can be read."""
    found = []
    for summary in library.all():
        try:
            found.append(library.load(summary.identifier))
        except CharacterError:
            continue
    return tuple(found)
