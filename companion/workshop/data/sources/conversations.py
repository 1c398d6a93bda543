"""Conversations of the app, chosen one by one, read from the database without touching it; and exported ones."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from companion.core.conversation import Conversation, Message
from companion.core.conversation_lines import BadLineError
from companion.core.dataset import CONVERSATION_PREFIX
from companion.core.errors import DatasetError
from companion.core.paths import database_file
from companion.core.sillytavern import read as read_sillytavern
from companion.core.storage.stored_rows import CONVERSATIONS, MESSAGE_COLUMNS, conversation_from, message_from
from companion.workshop.data.sources.found import BrokenDialogue, Found, OnBroken
from companion.workshop.data.sources.lines import lines_of, place
from companion.workshop.data.sources.preferences import dialogues_of

_MESSAGES = f"SELECT {MESSAGE_COLUMNS} FROM messages m WHERE m.conversation = ? AND m.deleted IS NULL ORDER BY m.id"  # noqa: S608
_PERSONA = "SELECT name FROM personas WHERE id = ?"


class Talk(NamedTuple):
    """A conversation as the person left it, with everything that was judged, written over or asked for again."""

    messages: tuple[Message, ...]
    """The whole tree."""
    active: int | None
    """The last message of the active path."""
    labels: dict[str, str]
    name: str
    """Begins the ids of its dialogues."""
    place: str
    """Begins a sentence."""

    def dialogues(self) -> Iterator[Found]:
        return (Found(each, self.place) for each in dialogues_of(self.messages, self.active, self.labels, self.name))


def stored_talk(number: str, database: Path | None = None, person: str = "") -> Talk:
    """The conversation with this number; `person` is what the settings call the person. Raises DatasetError."""
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise DatasetError(f"“{CONVERSATION_PREFIX}{number}” names no conversation.", "Write its number behind the colon.")
    path = database_file() if database is None else database
    try:
        with contextlib.closing(_open(path)) as connection:
            row = connection.execute(f"{CONVERSATIONS} AND c.id = ?", (int(number),)).fetchone()
            messages = tuple(message_from(each) for each in connection.execute(_MESSAGES, (int(number),)))
            talk = conversation_from(row) if row is not None else None
            if talk is not None and talk.persona:
                person = next((name for (name,) in connection.execute(_PERSONA, (talk.persona,))), person)
    except sqlite3.Error as error:
        raise DatasetError(
            f"The conversations cannot be read ({error}).", "Start Companion once, which checks and repairs them."
        ) from error
    if talk is None:
        raise DatasetError(f"There is no conversation {number}.", "It may have been deleted; choose another one.")
    where = f"The conversation “{talk.title or number}”"
    labels = {"conversation": number, "character": talk.character_name, "user": person.strip()}
    kept = {key: value for key, value in labels.items() if value}
    return Talk(messages, talk.active, kept, f"conversation-{number}", where)


def _open(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise DatasetError("There are no conversations yet.", "Talk to her first, or name a file.")
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
    connection.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
    return connection


def sillytavern_talk(path: Path, on_broken: OnBroken) -> Talk:
    """A chat log of SillyTavern: the alternates are its swipes, thumbs and edits those that Companion put there."""
    lines = lines_of(path, on_broken)
    number, first = next(lines)
    try:
        header = msgspec.json.decode(first)
        tree = read_sillytavern(number, header, lines, path.stem)
    except (msgspec.DecodeError, BadLineError) as error:
        at, why = (error.number, error.why) if isinstance(error, BadLineError) else (number, "is not JSON")
        raise BrokenDialogue(place(path, at), why, "Correct that line, or export the chat again.") from error
    return _talk(path, tree.conversation, tree.messages, {"user": _name(header, "user_name")})


def exported_talk(path: Path, on_broken: OnBroken) -> Talk:
    """A conversation that Companion exported, with all its branches."""
    lines = lines_of(path, on_broken)
    header: dict[str, Any] = msgspec.json.decode(next(lines)[1])
    messages = []
    for number, line in lines:
        try:
            fields = {**msgspec.json.decode(line), "conversation": 0}
            messages.append(msgspec.convert(fields, Message))
        except (msgspec.DecodeError, msgspec.ValidationError, TypeError) as error:
            raise BrokenDialogue(place(path, number), f"is no message ({error})", "Export the conversation again.") from error
    last = header.get("active")
    talk = Conversation(
        id=0,
        title=_name(header, "title"),
        titled_by_person=False,
        character="",
        character_name=_name(header, "character_name"),
        created=0,
        updated=0,
        active=last if isinstance(last, int) else None,
    )
    return _talk(path, talk, tuple(messages), {"user": _name(header, "persona")})


def _talk(path: Path, talk: Conversation, messages: tuple[Message, ...], labels: dict[str, str]) -> Talk:
    named = {"conversation": path.stem, "character": talk.character_name, **labels}
    kept = {key: value for key, value in named.items() if value}
    return Talk(messages, talk.active, kept, path.stem, f"“{path.name}”")


def _name(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    return value.strip()[:200] if isinstance(value, str) else ""
