"""Finding text in all conversations: case and diacritics are folded, and any part of a word matches, in any script.

An FTS5 table with the trigram tokenizer holds the folded text of every message; triggers keep it in step. `detail=none`
halves its size (31 instead of 62 MB for 18 MB of text) and GLOB still uses it: about 1 ms for words of three letters or
more, 15 ms per 50,000 messages for shorter ones, which Chinese and Japanese need (measured on two slow cores).
"""

from __future__ import annotations

import contextlib
import sqlite3
import unicodedata
from collections.abc import Sequence

from companion.core.conversation import plain_text

TABLE = """
CREATE VIRTUAL TABLE messages_search USING fts5(text, tokenize = 'trigram case_sensitive 1', detail = none);
"""

TRIGGERS = """
CREATE TRIGGER messages_search_insert AFTER INSERT ON messages WHEN new.status <> 'streaming' BEGIN
    INSERT INTO messages_search (rowid, text) VALUES (new.id, fold(new.text));
END;
CREATE TRIGGER messages_search_update AFTER UPDATE OF text, status ON messages
WHEN new.status <> 'streaming' AND (old.status = 'streaming' OR old.text IS NOT new.text) BEGIN
    DELETE FROM messages_search WHERE rowid = old.id;
    INSERT INTO messages_search (rowid, text) VALUES (new.id, fold(new.text));
END;
CREATE TRIGGER messages_search_delete AFTER DELETE ON messages BEGIN
    DELETE FROM messages_search WHERE rowid = old.id;
END;
"""

# CROSS JOIN fixes the order, so that the newest rows of the index come first and the limit ends the search.
_FIND = (
    "SELECT m.conversation, m.id, c.title, m.text FROM messages_search s CROSS JOIN messages m ON m.id = s.rowid"
    " CROSS JOIN conversations c ON c.id = m.conversation WHERE m.deleted IS NULL AND c.deleted IS NULL"
)
_QUOTES = "\"'*“”„‘’«»「」"
_WILDCARDS = frozenset("*?[")
_MAX_QUERY = 1000
_MAX_WORDS = 16
_EXCERPT = 140

# Marks that people leave out when they type: Latin, Greek and Cyrillic accents, Hebrew and Arabic points. Marks of other
# scripts (Devanagari vowels, Japanese voicing) make different words and stay.
_MARKS = (*range(0x0300, 0x0370), *range(0x0591, 0x05BE), *range(0x064B, 0x0660), 0x0670)
_MORE_MARKS = (0x05BF, 0x05C1, 0x05C2, 0x05C4, 0x05C5, 0x05C7)
_INVISIBLE = (0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFE0E, 0xFE0F, 0xFEFF)
_DROPPED = dict.fromkeys((*_MARKS, *_MORE_MARKS, *_INVISIBLE))


class _Folding(dict[int, str]):
    """What each character folds to, found on first use; str.translate reads it."""

    def __missing__(self, code: int) -> str:
        bare = unicodedata.normalize("NFKD", chr(code).casefold()).translate(_DROPPED)
        folded = unicodedata.normalize("NFC", bare.casefold())
        self[code] = folded
        return folded


_folding = _Folding()


def fold(text: str) -> str:
    """Text as the index holds it: "Größe" and "GROSSE" both become "grosse", "Ｃａｆé" becomes "cafe"."""
    return unicodedata.normalize("NFC", text).translate(_folding)


def connect_search(connection: sqlite3.Connection) -> None:
    """Give the connection what the triggers call; without it the tables can be read but not written."""
    connection.create_function("fold", 1, fold, deterministic=True)


def rebuild(connection: sqlite3.Connection) -> None:
    """Make the index anew from the messages, inside the transaction that is open."""
    begin_anew(connection, "messages_search", TABLE)
    connection.execute(
        "INSERT INTO messages_search (rowid, text) SELECT id, fold(text) FROM messages WHERE status <> 'streaming'"
    )


def begin_anew(connection: sqlite3.Connection, name: str, table: str) -> None:
    """Replace an FTS5 table, damaged or missing, by an empty one."""
    with contextlib.suppress(sqlite3.Error):  # there may be none
        # An index whose first records are broken cannot even be dropped; these are the records of an empty one.
        connection.execute(f"DELETE FROM {name}_data")  # noqa: S608
        connection.execute(f"INSERT INTO {name}_data (id, block) VALUES (1, x''), (10, zeroblob(7))")  # noqa: S608
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(table)


def query_words(text: str) -> tuple[str, ...]:
    """The folded words of what the person typed; nothing in it has a special meaning."""
    words: dict[str, None] = {}
    for word in plain_text(text[:_MAX_QUERY]).split():
        folded = fold(word.strip(_QUOTES) or word)
        if folded:
            words[folded] = None
    return tuple(words)[:_MAX_WORDS]


def find_messages(connection: sqlite3.Connection, words: Sequence[str], limit: int) -> list[tuple[int, int, str, str]]:
    """(conversation, message, title, text) of the newest messages that hold every word; deleted ones are left out."""
    # The index knows trigrams: GLOB uses it for three characters and more, and finds nothing for one or two of a script
    # with long codes (SQLite 3.40). Those, and words with a wildcard in them, are looked up in every row.
    simple = [len(word) >= 3 and not _WILDCARDS & set(word) for word in words]
    every_word = " AND ".join("s.text GLOB ?" if indexed else "instr(s.text, ?)" for indexed in simple)
    values = [f"*{word}*" if indexed else word for indexed, word in zip(simple, words, strict=True)]
    return connection.execute(f"{_FIND} AND {every_word} ORDER BY s.rowid DESC LIMIT ?", (*values, limit)).fetchall()


def excerpt(text: str, words: Sequence[str]) -> str:
    """One line of about 140 characters around the first match."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    folded = text.translate(_folding)
    found = [at for word in words if (at := folded.find(word)) >= 0]
    start = max(0, _original_position(text, min(found, default=0)) - _EXCERPT // 3)
    if start:
        start = text.rfind(" ", 0, start + 1) + 1 if " " in text[max(0, start - 20) : start] else start
    end = start + _EXCERPT
    return ("…" if start else "") + text[start:end].strip() + ("…" if end < len(text) else "")


def _original_position(text: str, folded_position: int) -> int:
    """Folding changes lengths (ß becomes ss), so positions are counted, not copied."""
    length = 0
    for position, character in enumerate(text):
        if length >= folded_position:
            return position
        length += len(_folding[ord(character)])
    return len(text)
