"""Who the person is in a conversation."""

from __future__ import annotations

import msgspec

STRANGER = "you"
"""How the card's {{user}} reads while the person has given no name."""


class Persona(msgspec.Struct, frozen=True, kw_only=True):
    """A name and a description that the character is told; `id` is 0 for the person of the settings, who has only a name."""

    id: int = 0
    name: str = ""
    description: str = ""
    portrait: str = ""
    """Path of a picture, empty for none."""

    @property
    def called(self) -> str:
        """What {{user}} becomes."""
        return self.name.strip() or STRANGER
