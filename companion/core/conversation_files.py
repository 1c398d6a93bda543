"""Conversations as files: our own JSONL, which holds the whole tree, and SillyTavern's, which holds the active path.

Our format: the first line is the header `{"format": "companion-conversation", "version": 1, …}`; every other line is one
message with its `id` (1, 2, …) and the `id` of its `parent`, which stands on an earlier line. Fields at their default are
left out. Times are seconds since the epoch. A persona goes along by its name, and is found again by it. Not kept: deleted
messages, where each inactive branch was last left, summaries, and what was learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from companion.core import sillytavern
from companion.core.conversation import Conversation, Message, Role, Status
from companion.core.conversation_lines import LATEST_TIME, MAX_MESSAGES, BadLineError, ConversationTree, json_object, read_lines
from companion.core.errors import ConversationFileError
from companion.core.files import write_atomic
from companion.core.moods import LABELS
from companion.core.storage.persona_store import PersonaStore
from companion.core.storage.store import Store

ExportFormat = Literal["companion", "sillytavern"]

_FORMAT = "companion-conversation"
_VERSION = 1
_Time = Annotated[float, Meta(ge=0, le=LATEST_TIME)]
_Number = Annotated[int, Meta(ge=1, le=2**53)]


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    format: Literal["companion-conversation"] = "companion-conversation"
    version: int = _VERSION
    title: str
    titled_by_person: bool = False
    character: str = ""
    character_name: str = ""
    created: _Time
    updated: _Time
    active: int | None = None
    persona: str | UnsetType = UNSET
    """Name of who the person was."""
    note: str | UnsetType = UNSET
    note_depth: Annotated[int, Meta(ge=0, le=1000)] | UnsetType = UNSET


class _Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: _Number
    parent: _Number | None
    role: Role
    text: str
    created: _Time
    status: Status = "complete"
    feedback: Annotated[int, Meta(ge=-1, le=1)] = 0
    edited: bool = False
    model: str = ""
    tokens: Annotated[int, Meta(ge=0, le=2**53)] = 0
    tokens_per_second: Annotated[float, Meta(ge=0, le=1e9)] = 0.0
    mood: Annotated[str, Meta(max_length=40)] = ""
    ending: Annotated[str, Meta(max_length=40)] = ""


_Fields = TypeVar("_Fields", _Header, _Line)

# msgspec leaves a default out only when the very same object stands there; the file must not depend on that.
_DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(_Line)}

_headers = msgspec.json.Decoder(_Header)
_lines = msgspec.json.Decoder(_Line)


def export_conversation(
    store: Store, conversation: int, path: Path, format: ExportFormat = "companion", *, person: str = "You"
) -> None:
    """Write a conversation to `path`, all or nothing. `person` is the name SillyTavern shows for the person.

    Raises ConversationFileError when the conversation is gone or the file cannot be written, StoreError when the
    database cannot be read.
    """
    found = store.conversation(conversation)
    if found is None:
        raise ConversationFileError("This conversation no longer exists.")
    if format == "sillytavern":
        lines = sillytavern.write(found, store.path(conversation), store.tree(conversation), person)
    else:
        known = store.personas.persona(found.persona)
        lines = _write(found, store.tree(conversation), known.name if known is not None else "")
    try:
        write_atomic(path, b"".join(line + b"\n" for line in lines))
    except OSError as error:
        raise ConversationFileError(
            f"“{path.name}” cannot be written ({error.strerror}).", "Choose another place or free some space."
        ) from error


def import_conversation(store: Store, path: Path) -> Conversation:
    """Read either format, told apart by the first line, and add the conversation to the store, whole or not at all.

    Raises ConversationFileError, which names the line that is wrong, or StoreError when the database cannot be written.
    """
    try:
        lines = read_lines(path)
        number, first = next(lines, (0, b""))
        if not number:
            raise ConversationFileError(f"“{path.name}” is empty.", "Choose a file that Companion or SillyTavern wrote.")
        header = json_object(number, first)
        if header.get("format") == _FORMAT:
            tree = _read(number, first, header, lines, store.personas)
        elif sillytavern.begins(header):
            tree = sillytavern.read(number, header, lines, path.stem)
        else:
            raise BadLineError(number, "begins neither a Companion nor a SillyTavern conversation")
    except BadLineError as error:
        raise ConversationFileError(
            f"“{path.name}” cannot be imported: line {error.number} {error.why}.",
            "Mend that line or choose another file; nothing was imported.",
        ) from error
    except OSError as error:
        raise ConversationFileError(
            f"“{path.name}” cannot be opened ({error.strerror}).", "Check that the file is still there."
        ) from error
    return store.insert_conversation(tree.conversation, tree.messages)


def _write(conversation: Conversation, messages: tuple[Message, ...], persona: str) -> Iterator[bytes]:
    """Ids are numbered anew, so that what was imported exports to the same bytes."""
    ids = {message.id: number for number, message in enumerate(messages, 1)}
    yield msgspec.json.encode(
        _Header(
            title=conversation.title,
            titled_by_person=conversation.titled_by_person,
            character=conversation.character,
            character_name=conversation.character_name,
            created=conversation.created,
            updated=conversation.updated,
            active=None if conversation.active is None else ids[conversation.active],
            persona=persona or UNSET,
            note=conversation.note or UNSET,
            note_depth=conversation.note_depth if conversation.note else UNSET,
        )
    )
    for message in messages:
        fields = {name: value for name, value in msgspec.structs.asdict(message).items() if value != _DEFAULTS.get(name)}
        del fields["conversation"]
        fields |= {"id": ids[message.id], "parent": None if message.parent is None else ids[message.parent]}
        if message.status == "streaming":  # whoever reads the file will never see the rest
            fields["status"] = "interrupted"
        yield msgspec.json.encode(_Line(**fields))


def _read(
    start: int, first: bytes, header: dict[str, object], lines: Iterator[tuple[int, bytes]], personas: PersonaStore
) -> ConversationTree:
    version = header.get("version")
    if isinstance(version, int) and version > _VERSION:
        raise BadLineError(start, "says that a newer version of Companion wrote it")
    begun = _decoded(start, first, _headers)
    messages: list[Message] = []
    seen: set[int] = set()
    for number, line in lines:
        fields = _decoded(number, line, _lines)
        if fields.id in seen:
            raise BadLineError(number, f"is a second message with the id {fields.id}")
        if fields.parent is not None and fields.parent not in seen:
            raise BadLineError(number, f"follows message {fields.parent}, which stands on no line before it")
        if len(messages) == MAX_MESSAGES:
            raise BadLineError(number, f"is one more than the {MAX_MESSAGES:,} messages a conversation can have")
        seen.add(fields.id)
        message = Message(conversation=0, **msgspec.structs.asdict(fields))
        status = "interrupted" if message.status == "streaming" else message.status
        mood = message.mood if message.mood in LABELS else ""
        messages.append(msgspec.structs.replace(message, status=status, mood=mood))
    if begun.active is not None and begun.active not in seen:
        raise BadLineError(start, f"names message {begun.active} as the active one, which is on no line")
    persona = personas.named(begun.persona) if begun.persona else None
    conversation = Conversation(
        id=0,
        title=begun.title,
        titled_by_person=begun.titled_by_person,
        character=_harmless(begun.character),
        character_name=begun.character_name,
        created=begun.created,
        updated=begun.updated,
        active=begun.active,
        persona=persona.id if persona is not None else 0,
        note=begun.note or "",
        note_depth=4 if begun.note_depth is UNSET else begun.note_depth,
    )
    return ConversationTree(conversation, tuple(messages))


def _decoded(number: int, line: bytes, decoder: msgspec.json.Decoder[_Fields]) -> _Fields:
    try:
        return decoder.decode(line)
    except UnicodeDecodeError as error:
        raise BadLineError(number, "is not text in UTF-8") from error
    except RecursionError as error:
        raise BadLineError(number, "is nested too deeply") from error
    except msgspec.DecodeError as error:
        raise BadLineError(number, f"is not as it should be ({error})") from error


def _harmless(character: str) -> str:
    """A file from a stranger must not make Windows log in to a stranger's server by naming a card there."""
    return "" if character[:1] in ("\\", "/") and character[1:2] in ("\\", "/") else character
