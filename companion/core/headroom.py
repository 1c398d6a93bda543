"""How much memory is left beside a job, and whether that is too little for the chat."""

from __future__ import annotations

from typing import Final

import msgspec

from companion.core.hardware import CardUse, available_memory, card_uses, held_memory

MEMORY_FLOOR: Final = 512 << 20
"""Bytes. A reply may need a new context at any moment: 98 MB of compute buffers for the starter model, some 300 MB for one
of 8B, beside a window of about 200 MB that was swapped out. Below that the system begins to write other programs to disk."""
CARD_FLOOR: Final = 384 << 20
"""Bytes. The compute buffers of a model of 8B; when a card refuses them, llama.cpp ends the engine."""


class Headroom(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes; 0 when unknown."""

    available: int
    """What programs could still take."""
    held: int = 0
    """What the job holds and would give back."""
    cards: tuple[CardUse, ...] = ()

    @property
    def short_of(self) -> str:
        """“memory” or “the graphics card's memory”, when the chat could miss it; empty otherwise."""
        if 0 < self.available < MEMORY_FLOOR:
            return "memory"
        return "the graphics card's memory" if any(map(_is_short, self.cards)) else ""

    @property
    def least(self) -> int:
        """How much is left of what is shortest."""
        return min((card.free for card in self.cards if _is_short(card)), default=self.available)

    def has_room_again(self, before: Headroom) -> bool:
        """Whether the job that had to leave `before` would fit beside the chat now."""
        if 0 < self.available < MEMORY_FLOOR + before.held:
            return False
        pairs = zip(self.cards, before.cards, strict=False)  # a driver may have gone meanwhile
        return all(now.free >= CARD_FLOOR + then.held for now, then in pairs if then.is_used)


def headroom_beside(pid: int) -> Headroom:
    """With the job of this process, 0 for none. Takes milliseconds; more with a graphics driver that was asleep."""
    return Headroom(available=available_memory(), held=held_memory(pid) if pid else 0, cards=card_uses(pid))


def _is_short(card: CardUse) -> bool:
    return card.is_used and card.free < CARD_FLOOR
