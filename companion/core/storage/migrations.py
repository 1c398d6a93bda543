"""The tables of the database, one step per version; `PRAGMA user_version` says which steps a file has had."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from companion.core.errors import StoreError
from companion.core.storage import memory_search, search_index

# A message's parent is always older than the message: this makes cycles impossible, and with them endless recursion.
# No cascade from parent to child: SQLite stops cascading at depth 1,000, and conversations are deeper.
_CONVERSATIONS_AND_MESSAGES = f"""
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    titled_by_person INTEGER NOT NULL DEFAULT 0 CHECK (titled_by_person IN (0, 1)),
    character TEXT NOT NULL,
    character_name TEXT NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    active INTEGER REFERENCES messages (id) DEFERRABLE INITIALLY DEFERRED,
    visits INTEGER NOT NULL DEFAULT 0,  -- how often the active message has changed
    deleted REAL
) STRICT;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent INTEGER REFERENCES messages (id) DEFERRABLE INITIALLY DEFERRED CHECK (parent < id),
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    text TEXT NOT NULL,
    created REAL NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('complete', 'streaming', 'stopped', 'interrupted', 'failed')),
    feedback INTEGER NOT NULL DEFAULT 0 CHECK (feedback IN (-1, 0, 1)),
    edited INTEGER NOT NULL DEFAULT 0 CHECK (edited IN (0, 1)),
    model TEXT NOT NULL DEFAULT '',
    tokens INTEGER NOT NULL DEFAULT 0,
    tokens_per_second REAL NOT NULL DEFAULT 0,
    visited INTEGER NOT NULL DEFAULT 0,  -- value of conversations.visits when this was last the active message
    deleted REAL,
    deleted_with INTEGER,                -- the message whose deletion took this one along; itself for the first
    active_before INTEGER                -- on the first deleted message: the active message to return to
) STRICT;
CREATE INDEX conversations_by_active ON conversations (active);
CREATE INDEX messages_by_parent ON messages (parent);
CREATE INDEX messages_by_conversation ON messages (conversation, parent);
CREATE INDEX messages_streaming ON messages (id) WHERE status = 'streaming';
CREATE INDEX messages_deleted ON messages (deleted_with) WHERE deleted IS NOT NULL;
{search_index.TABLE}
{search_index.TRIGGERS}
"""

# What she remembers outlives the conversation it came from when that is deleted; "forgetting" removes it by its sources.
# A source holds the words as they were learned there, so that a memory learned in two conversations can go back to those
# of the other one. Vectors have a table of their own, so that reading texts does not read them.
_MEMORIES_AND_PERSONAS = f"""
CREATE TABLE personas (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    portrait TEXT NOT NULL DEFAULT '',   -- name of a file in the folder of portraits
    created REAL NOT NULL,
    deleted REAL
) STRICT;
ALTER TABLE conversations ADD COLUMN persona INTEGER NOT NULL DEFAULT 0;     -- 0, or one that is gone: the settings' name
ALTER TABLE conversations ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN note_depth INTEGER NOT NULL DEFAULT 4;
ALTER TABLE conversations ADD COLUMN learned INTEGER NOT NULL DEFAULT 0;     -- the last message that was asked for facts
ALTER TABLE messages ADD COLUMN mood TEXT NOT NULL DEFAULT '';
CREATE TABLE memories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    character TEXT NOT NULL,
    text TEXT NOT NULL,
    pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    writer TEXT NOT NULL CHECK (writer IN ('person', 'model')),
    created REAL NOT NULL,
    used REAL NOT NULL DEFAULT 0,
    deleted REAL
) STRICT;
CREATE TABLE memory_sources (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    memory INTEGER NOT NULL REFERENCES memories (id) ON DELETE CASCADE,
    conversation INTEGER REFERENCES conversations (id) ON DELETE SET NULL,   -- NULL: the person's hand, or deleted since
    message INTEGER REFERENCES messages (id) ON DELETE SET NULL,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE memory_vectors (
    memory INTEGER PRIMARY KEY REFERENCES memories (id) ON DELETE CASCADE,
    model TEXT NOT NULL,
    signs BLOB NOT NULL,                 -- one bit per number, 1 where it is positive
    vector BLOB NOT NULL                 -- 32-bit floats, little endian, of length 1
) STRICT;
CREATE TABLE summaries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    message INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    created REAL NOT NULL
) STRICT;
CREATE INDEX conversations_by_character ON conversations (character);
CREATE INDEX memories_by_character ON memories (character, deleted);
CREATE INDEX memory_sources_by_memory ON memory_sources (memory);
CREATE INDEX memory_sources_by_conversation ON memory_sources (conversation);
CREATE INDEX memory_sources_by_message ON memory_sources (message);
CREATE INDEX memory_vectors_signs ON memory_vectors (model, signs);
CREATE INDEX summaries_by_conversation ON summaries (conversation);
CREATE INDEX summaries_by_message ON summaries (message);
{memory_search.TABLE}
{memory_search.TRIGGERS}
"""

_ENDINGS = "ALTER TABLE messages ADD COLUMN ending TEXT NOT NULL DEFAULT '';"

MIGRATIONS: tuple[str, ...] = (_CONVERSATIONS_AND_MESSAGES, _MEMORIES_AND_PERSONAS, _ENDINGS)
"""Step i leads from version i to version i + 1. Steps that were released never change; new ones are added."""

BACKUPS_KEPT = 3


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[str] = MIGRATIONS) -> None:
    """Bring the database to version `len(steps)`, each step in a transaction of its own, after a backup.

    Raises StoreError when a newer program wrote it (nothing is touched) or the backup cannot be made, sqlite3.Error
    when a step fails (the file then stays at the version before that step).
    """
    version = version_of(connection)
    refuse_newer(version, len(steps))
    if version == len(steps):
        return
    if version > 0:
        back_up(connection, path, version)
    for number in range(version, len(steps)):
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {steps[number]}; PRAGMA user_version = {number + 1}; COMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def refuse_newer(version: int, newest: int = len(MIGRATIONS)) -> None:
    """Asked before anything else touches the file: what a newer program wrote may look like damage to this one."""
    if version > newest:
        raise StoreError(
            "The conversations were last used by a newer version of Companion.",
            "Install the newest version to open them; nothing was changed.",
        )


def version_of(connection: sqlite3.Connection) -> int:
    """0 for an empty database."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def back_up(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """Copy the database into `backups/` beside it and drop all but the newest three copies."""
    folder = path.parent / "backups"
    stamp = datetime.now().strftime("%Y-%m-%d %H.%M.%S.%f")
    backup = folder / f"{path.stem} {stamp} version {version}{path.suffix}"
    unfinished = backup.with_suffix(".part")
    try:
        folder.mkdir(exist_ok=True)
        copy = sqlite3.connect(unfinished)
        with contextlib.closing(copy):
            connection.backup(copy)
        unfinished.replace(backup)
    except (OSError, sqlite3.Error) as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise StoreError(
            "The conversations have to be converted for this version, but no backup could be made first.",
            f"Free some space in “{path.parent}” and start again; nothing was changed.",
        ) from error
    for old in sorted(folder.glob(f"{path.stem} *{path.suffix}"))[:-BACKUPS_KEPT]:
        with contextlib.suppress(OSError):  # somebody may be looking at it
            old.unlink()
    return backup
