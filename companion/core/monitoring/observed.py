"""Her replies as the database holds them, with what the person did about each: read on a connection of its own."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from companion.core.conversation import Status
from companion.core.errors import StoreError
from companion.core.loops import find_loop

MOST_REPLIES: Final = 3000
"""The newest; older ones say little about how she does."""
AT_ONCE: Final = 20
BREATH_SECONDS: Final = 0.0005
"""After so many replies: the window's thread must not wait for one that only reads."""

_REPLIES: Final = (
    "SELECT m.id, m.conversation, m.parent, m.text, m.created, m.mood, m.feedback, m.status, m.ending, m.edited, p.text"
    " FROM messages m JOIN conversations c ON c.id = m.conversation LEFT JOIN messages p ON p.id = m.parent"
    " WHERE c.character = ? AND m.role = 'assistant' AND m.model <> '' AND m.status NOT IN ('streaming', 'failed')"
    " AND m.deleted IS NULL AND c.deleted IS NULL ORDER BY m.id DESC LIMIT ?"
)


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """One reply that she wrote, or that a dialogue held which she learned from."""

    text: str
    asked: str = ""
    """What it answers."""
    block: str
    """The conversation and day, or the dialogue, it belongs to: what was said together is alike."""
    created: float = 0.0
    """Seconds since the epoch."""
    mood: str = ""
    """One of the 28 labels; empty when nobody has read it."""
    feedback: int = 0
    status: Status = "complete"
    ending: str = ""
    """As `ReplyDone.reason`; empty when unknown."""
    is_another: bool = False
    """Whether it was asked for because the one before did not do."""
    is_loop: bool = False
    """Whether it says a phrase again and again."""
    was_edited: bool = False
    """Whether the person wrote over it, or over another reply to the same words."""


def observed_replies(database: Path, character: str) -> tuple[Observed, ...]:
    """Those she wrote, the oldest first, from all branches. Raises StoreError. Any thread may call it."""
    if not database.is_file():
        return ()
    try:
        with contextlib.closing(reading(database)) as connection:
            rows = connection.execute(_REPLIES, (character, MOST_REPLIES)).fetchall()
    except sqlite3.Error as error:
        raise StoreError(f"The conversations cannot be read ({error}).", "Start Companion again, which repairs them.") from error
    edited = {row[2] for row in rows if row[9]}
    answered: set[int] = set()
    found = []
    for _, conversation, parent, text, created, mood, feedback, status, ending, is_edited, asked in reversed(rows):
        if is_edited or not text:
            continue
        day = datetime.fromtimestamp(created).date()
        found.append(
            Observed(
                text=text,
                asked=asked or "",
                block=f"{conversation} {day}",
                created=created,
                mood=mood,
                feedback=feedback,
                status=status,
                ending=ending,
                is_another=parent in answered,
                is_loop=bool(find_loop(text)),
                was_edited=parent in edited,
            )
        )
        answered.add(parent)
        if len(found) % AT_ONCE == 0:
            time.sleep(BREATH_SECONDS)
    return tuple(found)


def reading(database: Path) -> sqlite3.Connection:
    """A connection that only reads, beside the window's. Raises sqlite3.Error."""
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
    connection.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
    return connection
