"""Characters: what a card says, where its pictures are, and what the person chose for it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from companion.core.lorebook import NO_EXTENSIONS, Lorebook

BUILT_IN = ""
"""Identifier of the built-in character, as settings and conversations store it."""


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A picture or another file that a V3 card names; `uri` is `embeded://path`, `ccdefault:` or anything else."""

    type: str
    uri: str
    name: str
    ext: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of the Character Card V1, V2 and V3 specifications, under their names; texts still hold their macros."""

    name: str
    description: str = ""
    personality: str = ""
    scenario: str = ""
    first_mes: str = ""
    mes_example: str = ""
    creator_notes: str = ""
    system_prompt: str = ""
    post_history_instructions: str = ""
    alternate_greetings: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    creator: str = ""
    character_version: str = ""
    lorebook: Lorebook | None = None
    nickname: str = ""
    """What {{char}} becomes when it is not empty (V3)."""
    group_only_greetings: tuple[str, ...] = ()
    creator_notes_multilingual: tuple[tuple[str, str], ...] = ()
    """Language code and notes."""
    source: tuple[str, ...] = ()
    assets: tuple[Asset, ...] = ()
    creation_date: int | None = None
    modification_date: int | None = None
    extensions: bytes = NO_EXTENSIONS
    """JSON as it was read, byte for byte."""
    unknown: tuple[tuple[str, bytes], ...] = ()
    """Fields this program does not know, as JSON, byte for byte."""


class CharacterAdapter(msgspec.Struct, frozen=True):
    """An adapter that a character prefers, on the model it was trained for."""

    file: str
    """In a card a path inside the character's folder, or inside `models/`; in the options any path."""
    scale: Annotated[float, Meta(ge=-10, le=10)] = 1.0


class CharacterOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the person chose for one character; kept beside the card, never in it."""

    remember: Annotated[
        bool, Meta(title="Remembers", description="She keeps facts you tell her for other conversations; you own every one.")
    ] = True
    notice_mood: Annotated[
        bool, Meta(title="Notices your mood", description="How you sound is read on this machine and told to her as a hint.")
    ] = False
    memory_tokens: Annotated[
        int,
        Meta(ge=0, le=4096, title="Room for memories", description="The most tokens that memories may take in a prompt."),
    ] = 256
    plain: Annotated[bool, Meta(title="Still portrait", description="One still picture instead of an animated face.")] = False
    costume: Annotated[str, Meta(max_length=100, title="Costume", description="A sub-folder of her sprites.")] = ""
    background: str = ""
    """Path of a picture behind her; empty for the observatory."""
    model: str = ""
    """Path of the model that this character thinks with; empty for the one that everybody does."""
    adapters: tuple[CharacterAdapter, ...] | None = None
    """None means those of the card, and nothing means none at all."""


class Character(msgspec.Struct, frozen=True, kw_only=True):
    """A card with its pictures and options."""

    identifier: str
    """Name of its folder among the person's characters, empty for the built-in one, or the path of a card file."""
    card: Card
    folder: str = ""
    """Where its files are (`sprites/`, ...); empty for a card that is only a file."""
    portrait: str = ""
    """Path of the portrait (SVG, PNG, ...), empty when the card has none."""
    options: CharacterOptions = CharacterOptions()

    @property
    def name(self) -> str:
        """How lists and headings call it."""
        return self.card.name

    @property
    def called(self) -> str:
        """What {{char}} becomes."""
        return self.card.nickname.strip() or self.card.name
