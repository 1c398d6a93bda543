"""Every conversation, in one SQLite file. Used from one thread, the window's.

Methods raise StoreError when the file fails (disk full, write-protected, damaged) or when what they name is gone; the
store stays usable afterwards. Deleting is soft, so that it can be undone; `purge_deleted` makes it final.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from companion.core.conversation import Conversation, Message, PathMessage, Role, SearchHit, Status, plain_text
from companion.core.errors import StoreError
from companion.core.storage import message_tree, search_index
from companion.core.storage.database import Database
from companion.core.storage.forgetting import forget
from companion.core.storage.judged import Judged, judged_talks
from companion.core.storage.memory_store import MemoryStore
from companion.core.storage.persona_store import PersonaStore
from companion.core.storage.stored_rows import (
    CONVERSATIONS,
    DELETED_CONVERSATIONS,
    MESSAGE_COLUMNS,
    conversation_from,
    insert_conversation,
    insert_message,
    message_from,
    one_line,
    stored_note,
)

_MESSAGES = f"SELECT {MESSAGE_COLUMNS} FROM messages m WHERE"  # noqa: S608
_PATH = (
    f"{message_tree.ACTIVE_PATH}"  # noqa: S608
    f" SELECT {MESSAGE_COLUMNS}, sum(s.id <= m.id), count(*) FROM up JOIN messages m ON m.id = up.id"
    " JOIN messages s ON s.conversation = m.conversation AND s.parent IS m.parent AND s.deleted IS NULL"
    " GROUP BY m.id ORDER BY m.id"
)
_TALKS = (
    "SELECT max(c.updated), count(*) FROM conversations c WHERE c.character = ? AND c.deleted IS NULL AND EXISTS"
    " (SELECT 1 FROM messages m WHERE m.conversation = c.id AND m.role = 'user' AND m.deleted IS NULL)"
)


class Store:
    """Opens or makes the database; what was damaged is set aside, and `notice` then holds the sentence for the person."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        self.notice = self._database.notice
        self.memories = MemoryStore(self._database)
        self.personas = PersonaStore(self._database)

    def close(self) -> None:
        self._database.close()

    # Conversations.

    def conversations(self) -> tuple[Conversation, ...]:
        """All that are not deleted, the most recently used first."""
        return tuple(map(conversation_from, self._database.rows(f"{CONVERSATIONS} ORDER BY c.updated DESC, c.id DESC")))

    def deleted_conversations(self) -> tuple[Conversation, ...]:
        """Those in which the person said something, the one that was deleted last first."""
        return tuple(map(conversation_from, self._database.rows(DELETED_CONVERSATIONS)))

    def conversation(self, conversation: int) -> Conversation | None:
        """None when it is deleted or never was."""
        rows = self._database.rows(f"{CONVERSATIONS} AND c.id = ?", (conversation,))
        return conversation_from(rows[0]) if rows else None

    def judged(self, character: str) -> tuple[Judged, ...]:
        """What the person thought of her replies, for each conversation in which she gave any."""
        return judged_talks(self._database, character)

    def create_conversation(
        self, *, character: str, character_name: str, greetings: Sequence[str] = (), title: str = "", persona: int = 0
    ) -> Conversation:
        """The greetings become alternates of the first message; the first one is active."""
        now = time.time()
        with self._database.transaction() as connection:
            number = insert_conversation(
                connection,
                Conversation(
                    id=0,
                    title=title,
                    titled_by_person=False,
                    character=character,
                    character_name=character_name,
                    created=now,
                    updated=now,
                    active=None,
                    persona=persona,
                ),
            )
            for text in greetings:
                insert_message(
                    connection, Message(id=0, conversation=number, parent=None, role="assistant", text=text, created=now)
                )
            message_tree.set_active(connection, number, min(message_tree.siblings(connection, number, None), default=None))
        return self._existing(number)

    def rename_conversation(self, conversation: int, title: str) -> None:
        """An empty title hands the naming back to the program."""
        title = one_line(title)
        self._database.change(
            "UPDATE conversations SET title = ?, titled_by_person = ? WHERE id = ?", (title, bool(title), conversation)
        )

    def set_automatic_title(self, conversation: int, title: str) -> None:
        """Does nothing once the person has chosen a title."""
        self._database.change(
            "UPDATE conversations SET title = ? WHERE id = ? AND NOT titled_by_person", (one_line(title), conversation)
        )

    def set_persona(self, conversation: int, persona: int) -> None:
        """Who the person is in it; 0 for the name of the settings."""
        self._database.change("UPDATE conversations SET persona = ? WHERE id = ?", (persona, conversation))

    def set_note(self, conversation: int, text: str, depth: int = 4) -> None:
        """The author's note; no text takes it away."""
        self._database.change(
            "UPDATE conversations SET note = ?, note_depth = ? WHERE id = ?", (*stored_note(text, depth), conversation)
        )

    def last_talk(self, character: str) -> float | None:
        """When something was last said in a conversation with her in which the person has spoken; None for never."""
        moment = self._database.rows(_TALKS, (character,))[0][0]
        return None if moment is None else float(moment)

    def talks(self, character: str) -> int:
        """In how many conversations the person has said something to her."""
        return int(self._database.rows(_TALKS, (character,))[0][1])

    def delete_conversation(self, conversation: int) -> None:
        """Can be undone until it is purged. What was learned in it stays, as it does after the purge."""
        self._database.change(
            "UPDATE conversations SET deleted = ? WHERE id = ? AND deleted IS NULL", (time.time(), conversation)
        )

    def restore_conversation(self, conversation: int) -> None:
        self._database.change("UPDATE conversations SET deleted = NULL WHERE id = ?", (conversation,))

    def remove_conversation(self, conversation: int) -> None:
        """Remove one that is deleted already for good, before its time; as with the purge, what was learned in it stays."""
        self._database.change("DELETE FROM conversations WHERE id = ? AND deleted IS NOT NULL", (conversation,))

    def forget_conversation(self, conversation: int) -> None:
        """Remove it at once and for good, deleted or not, with all that was learned in it: see `forgetting`."""
        forget(self._database, conversation)
        self.memories.refresh()

    def purge_deleted(self, older_than_seconds: float, conversations: float | None = None) -> None:
        """Remove for good what was deleted at least so long ago: messages, memories, personas, and conversations, for which
        another time may be named."""
        now = time.time()
        before = now - older_than_seconds
        with self._database.transaction() as connection:
            before_conversations = before if conversations is None else now - conversations
            connection.execute("DELETE FROM conversations WHERE deleted <= ?", (before_conversations,))
            for table in ("memories", "personas"):
                connection.execute(f"DELETE FROM {table} WHERE deleted <= ?", (before,))  # noqa: S608
            connection.execute(
                "WITH RECURSIVE gone (id) AS (SELECT id FROM messages WHERE deleted <= ? UNION"
                " SELECT m.id FROM gone JOIN messages m ON m.parent = gone.id) DELETE FROM messages WHERE id IN gone",
                (before,),
            )

    def insert_conversation(self, conversation: Conversation, messages: Sequence[Message]) -> Conversation:
        """Add a whole tree at once, as an import does. Ids are replaced; parents come before their children.

        `conversation.active` names one of the messages; the active path leads through it.
        """
        with self._database.transaction() as connection:
            number = insert_conversation(connection, conversation)
            ids: dict[int | None, int | None] = {None: None}
            for message in messages:
                moved = msgspec.structs.replace(message, conversation=number, parent=ids[message.parent])
                ids[message.id] = insert_message(connection, moved).id
            leaf = message_tree.leaf_below(connection, number, ids[conversation.active])
            message_tree.set_active(connection, number, leaf)
        return self._existing(number)

    # Messages.

    def path(self, conversation: int) -> tuple[PathMessage, ...]:
        """The active path, first message first."""
        rows = self._database.rows(_PATH, (conversation,))
        return tuple(PathMessage(message=message_from(row), alternate=row[-2], alternates=row[-1]) for row in rows)

    def tree(self, conversation: int) -> tuple[Message, ...]:
        """Every message that is not deleted, on all branches, oldest first."""
        rows = self._database.rows(f"{_MESSAGES} m.conversation = ? AND m.deleted IS NULL ORDER BY m.id", (conversation,))
        return tuple(map(message_from, rows))

    def message(self, message: int) -> Message | None:
        """None when it is deleted or never was."""
        rows = self._database.rows(f"{_MESSAGES} m.id = ? AND m.deleted IS NULL", (message,))
        return message_from(rows[0]) if rows else None

    def add_message(
        self,
        conversation: int,
        *,
        parent: int | None,
        role: Role,
        text: str,
        status: Status = "complete",
        model: str = "",
        edited: bool = False,
    ) -> Message:
        """A new child of `parent` (None: a first message); it becomes the end of the active path."""
        now = time.time()
        message = Message(
            id=0,
            conversation=conversation,
            parent=parent,
            role=role,
            text=text,
            created=now,
            status=status,
            model=model,
            edited=edited,
        )
        with self._database.transaction() as connection:
            if parent is not None and _conversation_of(connection, parent) != conversation:
                raise StoreError("The message before this one no longer exists.")
            changed = connection.execute(
                "UPDATE conversations SET updated = ? WHERE id = ? AND deleted IS NULL", (now, conversation)
            )
            if not changed.rowcount:
                raise StoreError("This conversation no longer exists.")
            added = insert_message(connection, message)
            message_tree.set_active(connection, conversation, added.id)
        return added

    def save_text(self, message: int, text: str) -> None:
        """The text so far, while a reply streams: well below a millisecond, and the search learns of it at the end."""
        self._database.change("UPDATE messages SET text = ? WHERE id = ?", (plain_text(text), message))

    def finish_message(
        self, message: int, *, text: str, status: Status, tokens: int = 0, tokens_per_second: float = 0.0, ending: str = ""
    ) -> Message:
        """The last word on a reply, also when the person deleted it meanwhile; raises StoreError once it is purged."""
        speed = tokens_per_second if math.isfinite(tokens_per_second) else 0.0
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE messages SET text = ?, status = ?, tokens = ?, tokens_per_second = ?, ending = ? WHERE id = ?",
                (plain_text(text), status, tokens, speed, ending, message),
            )
            connection.execute(
                "UPDATE conversations SET updated = ? WHERE id = (SELECT conversation FROM messages WHERE id = ?)",
                (time.time(), message),
            )
            row = connection.execute(f"{_MESSAGES} m.id = ?", (message,)).fetchone()
        if row is None:
            raise StoreError("This message no longer exists.")
        return message_from(row)

    def set_feedback(self, message: int, value: int) -> None:
        """-1, 0 or 1: thumb down, none, thumb up."""
        self._database.change("UPDATE messages SET feedback = ? WHERE id = ?", (max(-1, min(1, value)), message))

    def set_mood(self, message: int, label: str) -> None:
        """One of the 28 labels, or nothing."""
        self._database.change("UPDATE messages SET mood = ? WHERE id = ?", (plain_text(label), message))

    def select_alternate(self, message: int, step: int) -> None:
        """Move the active path `step` alternates on (1: the next, -1: the previous), down to where that branch was left.

        Past the first or last alternate nothing happens.
        """
        with self._database.transaction() as connection:
            conversation = _conversation_of(connection, message)
            parent = connection.execute("SELECT parent FROM messages WHERE id = ?", (message,)).fetchone()[0]
            alternates = message_tree.siblings(connection, conversation, parent)
            at = alternates.index(message) + step
            if 0 <= at < len(alternates):
                message_tree.show(connection, conversation, alternates[at])

    def show_message(self, message: int) -> None:
        """Lead the active path through a message, as after a search."""
        with self._database.transaction() as connection:
            message_tree.show(connection, _conversation_of(connection, message), message)

    def delete_message(self, message: int) -> None:
        """With everything below it; the active path moves to an alternate, or else ends at the parent."""
        with self._database.transaction() as connection:
            message_tree.delete_branch(connection, _conversation_of(connection, message), message)

    def restore_message(self, message: int) -> None:
        """Undo `delete_message`, active path included; a message that is not deleted stays as it is."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT conversation, deleted FROM messages WHERE id = ?", (message,)).fetchone()
            if row is None:
                raise StoreError("This message no longer exists.")
            if row[1] is not None:
                message_tree.restore_branch(connection, row[0], message)

    def search(self, text: str, limit: int = 50) -> tuple[SearchHit, ...]:
        """Conversations whose title, then messages whose text holds every word of `text`, each newest first.

        A hit in a title names the last message of the active path (0 in an empty conversation).
        """
        words = search_index.query_words(text)
        if not words:
            return ()
        hits = [
            SearchHit(conversation=c.id, message=c.active or 0, title=c.title, excerpt=c.preview)
            for c in self.conversations()
            if all(word in search_index.fold(c.title) for word in words)
        ][: max(0, limit)]
        with self._database.reading() as connection:
            found = search_index.find_messages(connection, words, max(0, limit - len(hits)))
        hits += [
            SearchHit(conversation=row[0], message=row[1], title=row[2], excerpt=search_index.excerpt(row[3], words))
            for row in found
        ]
        return tuple(hits)

    def recover_interrupted(self) -> int:
        """At the start: replies that were streaming when the program died are interrupted; returns how many, empty ones
        included."""
        return self._database.change("UPDATE messages SET status = 'interrupted' WHERE status = 'streaming'")

    def _existing(self, conversation: int) -> Conversation:
        found = self.conversation(conversation)
        if found is None:
            raise StoreError("This conversation no longer exists.")
        return found


def _conversation_of(connection: sqlite3.Connection, message: int) -> int:
    row = connection.execute("SELECT conversation FROM messages WHERE id = ? AND deleted IS NULL", (message,)).fetchone()
    if row is None:
        raise StoreError("This message no longer exists.")
    return int(row[0])
