"""How much the person judged in each conversation: what she can learn most from."""

from __future__ import annotations

from typing import Final

import msgspec

from companion.core.amounts import counted
from companion.core.storage.database import Database

_JUDGED: Final = (
    "SELECT c.id, c.title, c.updated, count(*), sum(m.feedback > 0), sum(m.feedback < 0), sum(m.edited)"
    " FROM conversations c JOIN messages m ON m.conversation = c.id AND m.role = 'assistant' AND m.parent IS NOT NULL"
    " AND m.deleted IS NULL WHERE c.deleted IS NULL AND c.character = ? GROUP BY c.id"
    " ORDER BY sum(abs(m.feedback)) + sum(m.edited) > 0 DESC, c.updated DESC, c.id DESC"
)


class Judged(msgspec.Struct, frozen=True):
    """One conversation; greetings are no replies."""

    conversation: int
    title: str
    updated: float
    """Seconds since the epoch."""
    replies: int
    up: int
    down: int
    edits: int
    """Replies that the person wrote."""

    @property
    def words(self) -> str:
        """“3 thumbs up, 1 down, 2 in your own words · 14 replies”."""
        thumbs = counted(self.up, "thumb up", "thumbs up") if self.up else ""
        down = (f"{self.down:,} down" if self.up else counted(self.down, "thumb down", "thumbs down")) if self.down else ""
        own = f"{self.edits:,} in your own words" if self.edits else ""
        judged = ", ".join(filter(None, (thumbs, down, own)))
        return " · ".join(filter(None, (judged, counted(self.replies, "reply", "replies"))))


def judged_talks(database: Database, character: str) -> tuple[Judged, ...]:
    """Those with thumbs or edits first, then the most recently used."""
    return tuple(Judged(*row) for row in database.rows(_JUDGED, (character,)))
