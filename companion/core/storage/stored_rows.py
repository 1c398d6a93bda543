"""Conversations and messages as rows of the database, in both directions. What inserts needs an open transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from companion.core.conversation import Conversation, Message, plain_text

_MESSAGE_FIELDS = Message.__struct_fields__
MESSAGE_COLUMNS = ", ".join(f"m.{name}" for name in _MESSAGE_FIELDS)
"""What `message_from` expects, of the table m."""
_INSERT_MESSAGE = (
    f"INSERT INTO messages ({', '.join(_MESSAGE_FIELDS[1:])}) VALUES ({', '.join('?' * (len(_MESSAGE_FIELDS) - 1))})"  # noqa: S608
)
_CONVERSATION_FIELDS = ("title", "titled_by_person", "character", "character_name", "created", "updated")
_OPTIONS = ("persona", "note", "note_depth")
_INSERT_CONVERSATION = (
    f"INSERT INTO conversations ({', '.join(_CONVERSATION_FIELDS + _OPTIONS)})"  # noqa: S608
    f" VALUES ({', '.join('?' * len(_CONVERSATION_FIELDS + _OPTIONS))})"
)
_CONVERSATIONS = (
    f"SELECT c.id, {', '.join(f'c.{name}' for name in (*_CONVERSATION_FIELDS, 'active', *_OPTIONS))},"  # noqa: S608
    " substr(m.text, 1, 400) FROM conversations c LEFT JOIN messages m ON m.id = c.active WHERE c.deleted"
)
CONVERSATIONS = f"{_CONVERSATIONS} IS NULL"
"""All that are not deleted, as `conversation_from` expects them; a condition can be added."""
DELETED_CONVERSATIONS = (
    f"{_CONVERSATIONS} IS NOT NULL AND (c.titled_by_person OR EXISTS"  # noqa: S608
    " (SELECT 1 FROM messages s WHERE s.conversation = c.id AND s.role = 'user')) ORDER BY c.deleted DESC, c.id DESC"
)
"""Those that can be brought back, the last one first; a greeting that nobody answered is not worth it."""
_NAME_LIMIT = 200
_PREVIEW_LIMIT = 120
_NOTE_LIMIT = 20_000
_DEEPEST = 1000


def one_line(text: str) -> str:
    """A title or a name as it is stored: no line breaks, at most 200 characters."""
    return " ".join(plain_text(text).split())[:_NAME_LIMIT].rstrip()


def stored_note(text: str, depth: int) -> tuple[str, int]:
    """An author's note and its depth, within bounds."""
    return plain_text(text)[:_NOTE_LIMIT].strip(), max(0, min(_DEEPEST, depth))


def insert_conversation(connection: sqlite3.Connection, new: Conversation) -> int:
    """Everything but the active message, which has to be there first; returns the new id."""
    note, depth = stored_note(new.note, new.note_depth)
    values = (
        one_line(new.title),
        new.titled_by_person,
        plain_text(new.character),
        one_line(new.character_name),
        new.created,
        new.updated,
        new.persona,
        note,
        depth,
    )
    return int(connection.execute(_INSERT_CONVERSATION, values).lastrowid or 0)


def insert_message(connection: sqlite3.Connection, new: Message) -> Message:
    """The message as stored, with its id; `new.id` is ignored."""
    new = msgspec.structs.replace(new, text=plain_text(new.text), model=plain_text(new.model))
    done = connection.execute(_INSERT_MESSAGE, msgspec.structs.astuple(new)[1:])
    return msgspec.structs.replace(new, id=int(done.lastrowid or 0))


def message_from(row: Sequence[Any]) -> Message:
    """From the columns of MESSAGE_COLUMNS; what follows them is not looked at."""
    fields = dict(zip(_MESSAGE_FIELDS, row, strict=False))
    fields["edited"] = bool(fields["edited"])
    return Message(**fields)


def conversation_from(row: Sequence[Any]) -> Conversation:
    number, *values, beginning = row
    fields = dict(zip((*_CONVERSATION_FIELDS, "active", *_OPTIONS), values, strict=True))
    fields["titled_by_person"] = bool(fields["titled_by_person"])
    return Conversation(id=number, preview=" ".join((beginning or "").split())[:_PREVIEW_LIMIT], **fields)
