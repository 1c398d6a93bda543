"""A conversation is a tree of messages: every message may have several children, and one path is active.

Alternates of a reply, and edited versions of a message, are siblings. Nothing is overwritten by regenerating or editing.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Role = Literal["user", "assistant"]
Status = Literal["complete", "streaming", "stopped", "interrupted", "failed"]
"""`stopped`: by the person; `interrupted`: the program or the engine died; `failed`: the engine said why it could not."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message as stored. Times are seconds since the epoch (UTC)."""

    id: int
    conversation: int
    parent: int | None
    role: Role
    text: str
    created: float
    status: Status = "complete"
    feedback: int = 0
    """-1, 0 or 1: thumb down, none, thumb up."""
    edited: bool = False
    """Whether the person wrote over the model's words."""
    model: str = ""
    """Name of the model that wrote it; empty for the person's messages and the card's greetings."""
    tokens: int = 0
    tokens_per_second: float = 0.0
    mood: str = ""
    """How it sounds, one of the 28 labels; empty when nobody has read it."""
    ending: str = ""
    """Why the engine ended it, as `ReplyDone.reason`; empty when that was not noted."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation without its messages. Times are seconds since the epoch (UTC)."""

    id: int
    title: str
    titled_by_person: bool
    character: str
    """Identifier of the character: its folder or file, empty for the built-in one."""
    character_name: str
    """Kept so that the conversation stays readable when the card has vanished."""
    created: float
    updated: float
    active: int | None
    """The last message of the active path; None in an empty conversation."""
    preview: str = ""
    """Beginning of the last message of the active path, on one line."""
    persona: int = 0
    """Who the person is here: id of a persona, 0 for the name in the settings."""
    note: str = ""
    """The author's note."""
    note_depth: int = 4
    """How many of the newest messages come after the note."""


class PathMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the active path and where it stands among its alternates."""

    message: Message
    alternate: int = 1
    """1-based position among its siblings, oldest first."""
    alternates: int = 1


class SearchHit(msgspec.Struct, frozen=True, kw_only=True):
    """One message that matches a search; `excerpt` is one line around the match.

    A match in the title names the last message of the active path (0 in an empty conversation).
    """

    conversation: int
    message: int
    title: str
    excerpt: str


def plain_text(text: str) -> str:
    """Text that every later stage can hold: lone surrogates become U+FFFD, NULs vanish, line ends become \\n."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    try:
        text.encode()
    except UnicodeEncodeError:  # UTF-16 joins surrogates that belong together
        text = text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")
    return text


def title_from(text: str, limit: int = 44) -> str:
    """A title from the first thing the person said: its first sentence, cut between words at `limit` characters."""
    line = " ".join(text.split())
    for end in _SENTENCE_END.finditer(line):
        if 4 < end.end() <= limit:  # "Hi." alone says nothing
            line = line[: end.end()]
            break
    if len(line) > limit:
        cut = line[: limit - 1]
        if line[limit - 1] != " " and " " in cut:
            cut = cut.rsplit(" ", 1)[0]
        line = cut.rstrip(" ,;:-") + "…"
    return line.rstrip(".。") or "New conversation"


_SENTENCE_END = re.compile(r"[.?!…]+(?= )|[。！？]+")
