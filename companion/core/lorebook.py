"""A lorebook: what a character knows about its world, told to the model when it is talked about.

Fields follow the Character Card V2 and V3 specifications. What this program does not use is kept as the JSON it was read
from, so that a card that is saved again loses nothing.
"""

from __future__ import annotations

from typing import Literal

import msgspec

NO_EXTENSIONS = b"{}"


class LoreEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of knowledge and the words that call it up. None stands for a field that the card leaves out."""

    keys: tuple[str, ...] = ()
    content: str = ""
    """What the model is told; may begin with `@@decorator` lines (V3), which are obeyed and not told."""
    enabled: bool = True
    insertion_order: float = 100
    """Entries with a lower number come first in the prompt."""
    case_sensitive: bool | None = None
    use_regex: bool = False
    name: str = ""
    priority: float | None = None
    """Entries with a lower number are the first to go when the token budget is used up."""
    id: int | str | None = None
    comment: str = ""
    selective: bool | None = None
    """Whether one of `secondary_keys` must be met too."""
    secondary_keys: tuple[str, ...] = ()
    constant: bool | None = None
    """Always told, whatever is talked about."""
    position: Literal["before_char", "after_char"] | None = None
    extensions: bytes = NO_EXTENSIONS
    """JSON as it was read."""
    unknown: tuple[tuple[str, bytes], ...] = ()
    """Fields this program does not know, as JSON."""


class Lorebook(msgspec.Struct, frozen=True, kw_only=True):
    """None stands for a field that the card leaves out."""

    name: str = ""
    description: str = ""
    scan_depth: int | None = None
    """How many of the newest messages are searched for keys."""
    token_budget: int | None = None
    recursive_scanning: bool | None = None
    """Whether what an entry says may call up further entries."""
    entries: tuple[LoreEntry, ...] = ()
    extensions: bytes = NO_EXTENSIONS
    unknown: tuple[tuple[str, bytes], ...] = ()
