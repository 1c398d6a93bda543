"""CSV, whatever its separator: prompt and response in columns, one message per row, or one text per row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.errors import DatasetError
from companion.workshop.data.sources.forms import PROMPTS, RESPONSES, ROLES, SYSTEMS, TEXTS, Role, document, role_of
from companion.workshop.data.sources.found import BrokenDialogue, Found, OnBroken, labels_of, text_of
from companion.workshop.data.sources.lines import MAX_LINE_BYTES, opened, other_encoding, unreadable

_SEPARATORS: Final = (",", ";", "\t", "|")
_ROLES: Final = ("role", "from", "speaker", "author", "sender")
_CONTENTS: Final = ("content", "text", "message", "value", "utterance")
_IDS: Final = ("conversation", "conversation_id", "dialogue", "dialogue_id", "dialog_id", "conv_id", "thread", "session", "id")
_HEAD: Final = 64 * 1024


class Columns:
    """What the columns of a table are used for; `form` is empty when nobody could tell."""

    def __init__(self, names: list[str]) -> None:
        self.names = [name.strip().lower().replace(" ", "_") for name in names]
        self.role = self._first(_ROLES)
        self.prompt, self.response = self._first(PROMPTS), self._first(RESPONSES)
        self.system = self._first(SYSTEMS)
        self.content = self._first(_CONTENTS)
        self.text = self._first(TEXTS)
        self.conversation = self._first(_IDS)
        if self.role and self.content:
            self.form = "messages"
        elif self.prompt and self.response:
            self.form = "pairs"
        else:
            self.form = "text" if self.text else ""

    def _first(self, wanted: tuple[str, ...]) -> str:
        return next((name for name in wanted if name in self.names), "")


def separator_of(head: str) -> tuple[str, Columns] | None:
    """The separator under which the first row names columns we know; None when this is no such table."""
    first = head.lstrip("\ufeff").splitlines()[0] if head.strip() else ""
    for separator in _SEPARATORS:
        columns = Columns(next(csv.reader([first], delimiter=separator), []))
        if columns.form and (separator in first or columns.form == "text"):
            return separator, columns
    return None


def read_table(path: Path, on_broken: OnBroken) -> Iterator[Found]:
    """Raises DatasetError when the first row names no columns that hold dialogues."""
    with opened(path) as raw:
        found = separator_of(raw.read(_HEAD).decode("utf-8-sig", errors="replace"))
    if found is None:
        raise DatasetError(
            f"The first row of “{path.name}” names no columns of dialogues.",
            "Name two columns “prompt” and “response”, or “conversation”, “role” and “content”.",
        )
    separator, columns = found
    rows = _rows(path, separator, columns, on_broken)
    yield from _messages(rows, columns, on_broken) if columns.form == "messages" else _singles(rows, columns, on_broken)


def _rows(path: Path, separator: str, columns: Columns, on_broken: OnBroken) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and fields of every row. A quoted field may span lines, so the place names the line where the row ends."""
    csv.field_size_limit(MAX_LINE_BYTES)
    with opened(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", errors="strict", newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        where = f"Line 1 of “{path.name}”"
        try:
            next(reader)
            for row in reader:
                where = f"Line {reader.line_num:,} of “{path.name}”"
                if not any(field.strip() for field in row):
                    continue
                if len(row) != len(columns.names):
                    why = f"has {len(row)} fields where the first row has {len(columns.names)}"
                    on_broken(BrokenDialogue(where, why, "Put texts that hold the separator or a line break between quotes."))
                    continue
                yield where, dict(zip(columns.names, row, strict=True))
        except csv.Error as error:  # what follows cannot be told apart any more
            raise DatasetError(
                f"What follows {where.lower()} is no CSV ({error}).", "Save the table again as UTF-8 CSV."
            ) from error
        except UnicodeDecodeError as error:
            raise other_encoding(path) from error
        except OSError as error:
            raise unreadable(path, error) from error


def _singles(rows: Iterator[tuple[str, dict[str, str]]], columns: Columns, on_broken: OnBroken) -> Iterator[Found]:
    for where, fields in rows:
        try:
            yield Found(_single(fields, columns, where), where)
        except BrokenDialogue as broken:
            on_broken(broken)


def _single(fields: dict[str, str], columns: Columns, where: str) -> Dialogue:
    used = {columns.prompt, columns.response, columns.system, columns.text, "id", "input"}
    labels, identifier = labels_of(fields, used), fields.get("id", "").strip()
    if columns.form == "text":
        return document(text_of(fields[columns.text], where, "the text"), labels, identifier)
    asked = text_of(fields[columns.prompt], where, "the prompt")
    if columns.prompt == "instruction" and fields.get("input", "").strip():
        asked = f"{asked}\n\n{text_of(fields['input'], where, 'the input')}"
    turns = [DialogueTurn("user", asked), DialogueTurn("assistant", text_of(fields[columns.response], where, "the response"))]
    if columns.system and fields[columns.system].strip():
        turns.insert(0, DialogueTurn("system", text_of(fields[columns.system], where, "the system message")))
    return Dialogue(messages=tuple(turns), id=identifier, labels=labels)


def _messages(rows: Iterator[tuple[str, dict[str, str]]], columns: Columns, on_broken: OnBroken) -> Iterator[Found]:
    """Rows with the same conversation, one after the other, are one dialogue; without such a column all rows are one.

    A conversation is broken as a whole: half of one would teach her to answer what was never asked.
    """
    seen: set[int] = set()
    turns: list[DialogueTurn] = []
    labels: dict[str, str] = {}
    current, begun, broken = None, "", False
    used = {columns.role, columns.content, columns.conversation}
    for where, fields in rows:
        key = fields[columns.conversation].strip() if columns.conversation else ""
        if key != current:
            if turns and not broken:
                yield Found(Dialogue(messages=tuple(turns), id=current or "", labels=labels), begun)
            if hash(key) in seen:
                why = f"goes on with conversation “{key[:40]}”, which ended before"
                raise BrokenDialogue(where, why, "Sort the rows, so that each conversation stands in one piece.")
            seen.add(hash(key))
            current, begun, turns, broken = key, where, [], False
            labels = labels_of(fields, used)
        try:
            turns.append(DialogueTurn(_role(fields[columns.role], where), text_of(fields[columns.content], where, "the text")))
        except BrokenDialogue as error:
            if not broken:
                on_broken(error)
            broken = True
    if turns and not broken:
        yield Found(Dialogue(messages=tuple(turns), id=current or "", labels=labels), begun)


def _role(value: str, where: str) -> Role:
    if value.strip().lower() not in ROLES:
        raise BrokenDialogue(where, f"has the role “{value[:40]}”; the roles are system, user and assistant")
    return role_of(value, where, "the row")
