"""What a character remembers of a person: facts with the message they came from. The person owns every one of them."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

Writer = Literal["person", "model"]
PERSON: Final = "{{user}}"
"""Whom a stored memory is about: it stays true when the person takes another name."""
UNNAMED: Final = "the person"
"""What {{user}} is called, to the model too, while the person has given no name."""
_PERSON = re.compile(r"\{\{user\}\}", re.IGNORECASE)
_NAMED = re.compile(r"\{\{user\}\}('s name is [^{]+)", re.IGNORECASE)


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """One fact in one sentence. Times are seconds since the epoch (UTC)."""

    id: int
    character: str
    """Identifier of the character who remembers it."""
    text: str
    conversation: int | None = None
    """Where it was learned; None when the person wrote it down."""
    message: int | None = None
    """The message it came from; None when that message is gone or there never was one."""
    pinned: bool = False
    """Always told, whatever is talked about."""
    writer: Writer = "model"
    created: float = 0.0
    used: float = 0.0
    """When it was last told to the model; 0 for never."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What was said in a conversation up to and including `message`, in a few sentences."""

    conversation: int
    message: int
    text: str
    created: float = 0.0


def told(text: str, name: str) -> str:
    """A memory as the person reads it: `name` is theirs, empty when they have given none."""
    if named := _NAMED.fullmatch(text):  # “Mia's name is Mia.” would tell nothing
        return f"{UNNAMED.capitalize()}{named[1]}"
    begun = _PERSON.sub(lambda _found: name or UNNAMED.capitalize(), text, count=1) if _PERSON.match(text) else text
    return _PERSON.sub(lambda _found: name or UNNAMED, begun)


def kept(words: str, name: str, before: str) -> str:
    """The opposite for a memory that read `before` and was changed: it goes on being about whoever the person is."""
    if not _PERSON.search(before):
        return words
    if _NAMED.fullmatch(before):
        return re.sub(rf"\b{UNNAMED}\b", PERSON, words, flags=re.IGNORECASE)
    called = rf"(?<!\w){re.escape(name)}(?!\w)" if name else r"\b[Tt]he person\b"
    return re.sub(called, PERSON, words)
