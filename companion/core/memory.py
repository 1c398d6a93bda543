"""What a character remembers of a person: facts with the message they came from. The person owns every one of them."""

from __future__ import annotations

from typing import Literal

import msgspec

Writer = Literal["person", "model"]


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
