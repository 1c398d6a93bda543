"""The adapters a character prefers: those the person chose for her, else those her card names."""

from __future__ import annotations

from pathlib import Path

import msgspec

from companion.core.cards.charx import is_safe_path
from companion.core.character import Card, Character, CharacterAdapter
from companion.core.messages import AdapterUse
from companion.core.paths import models_folder

MOST_ADAPTERS = 8


class _Ours(msgspec.Struct, frozen=True):
    adapters: tuple[CharacterAdapter, ...] = ()


class _Extensions(msgspec.Struct, frozen=True):
    companion: _Ours = _Ours()


def adapters_of(character: Character) -> tuple[AdapterUse, ...]:
    """Those whose files are there. All are optional: the engine leaves out what was made for another model than its own.

    A card names them in its extensions, as {"companion": {"adapters": [{"file": "voice.gguf", "scale": 1.0}]}}.
    """
    if (chosen := character.options.adapters) is not None:
        places = [(Path(adapter.file), adapter.scale) for adapter in chosen]
    else:
        places = [(place, a.scale) for a in _named_by(character.card) if (place := _place(character, a.file)) is not None]
    uses = (AdapterUse(str(place), scale, optional=True) for place, scale in places if place.is_file())
    return tuple(uses)[:MOST_ADAPTERS]


def _place(character: Character, file: str) -> Path | None:
    """Cards come from anywhere: no path leads out of the two folders."""
    if not is_safe_path(file):
        return None
    folders = ([Path(character.folder)] if character.folder else []) + [models_folder()]
    return next((folder / file for folder in folders if (folder / file).is_file()), None)


def _named_by(card: Card) -> tuple[CharacterAdapter, ...]:
    try:
        return msgspec.json.decode(card.extensions, type=_Extensions).companion.adapters
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # somebody else's "companion"
        return ()
