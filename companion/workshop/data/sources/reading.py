"""One way to read whatever a person names: a file of any form, a dataset folder, or a conversation of the app."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from companion.core.dataset import CONVERSATION_PREFIX
from companion.core.dataset_folder import DATA_FILE
from companion.core.errors import DatasetError
from companion.core.fingerprint import file_sha256
from companion.core.sillytavern import begins as begins_sillytavern
from companion.workshop.data.sources.conversations import Talk, exported_talk, sillytavern_talk, stored_talk
from companion.workshop.data.sources.forms import dialogue_of, form_of
from companion.workshop.data.sources.found import BrokenDialogue, Found, OnBroken, stop
from companion.workshop.data.sources.lines import json_values, lines_of, opened
from companion.workshop.data.sources.tables import read_table, separator_of
from companion.workshop.data.sources.texts import read_text, script_of

_HEAD: Final = 128 * 1024
_EXPORT: Final = "companion-conversation"
_TABLE_ENDINGS: Final = (".csv", ".tsv")
_MODEL_ENDINGS: Final = (".gguf", ".safetensors")


def read_all(sources: Iterable[str], on_broken: OnBroken = stop, *, character: str = "", person: str = "") -> Iterator[Found]:
    """Every dialogue of every source, in order. Raises DatasetError; a source without a dialogue is one, too."""
    for source in sources:
        empty = True
        for found in read(source, on_broken, character=character, person=person):
            empty = False
            yield found
        if empty and on_broken is stop:
            raise DatasetError(f"“{_name(source)}” holds no dialogues.", "Choose a file that holds some.")


def read(source: str, on_broken: OnBroken = stop, *, character: str = "", person: str = "") -> Iterator[Found]:
    """The dialogues of one source, read as a stream in constant memory.

    `source` is a path or "conversation:<number>". `character` is her name, for texts written as "Name: words"; `person`
    is the name of the person in the settings. Raises DatasetError; `on_broken` is told of single dialogues that are wrong.
    """
    talk = read_talk(source, on_broken, person=person)
    if talk is not None:
        return talk.dialogues()
    path = data_file(Path(source))
    form = recognise(path)
    readers: dict[str, Callable[[], Iterator[Found]]] = {
        "csv": lambda: read_table(path, on_broken),
        "text": lambda: read_text(path, on_broken, form="text"),
        "script": lambda: read_text(path, on_broken, character=character),
    }
    return readers.get(form, lambda: _read_values(path, on_broken))()


def read_talk(source: str, on_broken: OnBroken = stop, *, person: str = "") -> Talk | None:
    """The whole tree of a source that is a conversation; None for files of dialogues. Raises DatasetError."""
    if source.startswith(CONVERSATION_PREFIX):
        return stored_talk(source.removeprefix(CONVERSATION_PREFIX), person=person)
    path = data_file(Path(source))
    form = recognise(path)
    if form == "sillytavern":
        return sillytavern_talk(path, on_broken)
    return exported_talk(path, on_broken) if form == "companion" else None


def data_file(path: Path) -> Path:
    """The file that holds the dialogues of a path, which may be a dataset's folder."""
    inside = path / DATA_FILE
    return inside if inside.is_file() else path


def data_sha256(source: str) -> str:
    """Of the file that holds the dialogues; "" for conversations of the app and what cannot be read."""
    path = data_file(Path(source))
    return file_sha256(path) if not source.startswith(CONVERSATION_PREFIX) and path.is_file() else ""


def recognise(path: Path) -> str:
    """The form of a file, from its content: openai, sharegpt, alpaca, pairs, preferences, sillytavern, companion, csv,
    text, script.

    "dialogues" when a file's first line is broken JSON, so that its lines are told one by one what is wrong.
    """
    with opened(path) as file:
        content = file.read(_HEAD)
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise DatasetError(f"“{path.name}” is text in UTF-16.", "Save it again as UTF-8.")
    head = content.decode("utf-8-sig", errors="ignore").lstrip()
    if not head:
        raise DatasetError(f"“{path.name}” is empty.", "Choose a file that holds dialogues.")
    if path.suffix.lower() in _MODEL_ENDINGS:
        raise DatasetError(f"“{path.name}” is named like a model.", "Choose a file that holds dialogues.")
    if "\x00" in head[:4096]:
        raise DatasetError(f"“{path.name}” is no text.", "Choose JSONL, CSV or plain text in UTF-8.")
    if head.startswith(("{", "[{", "[\n", "[\r", "[ ", "[]")):
        return _json_form(path)
    if (table := separator_of(head)) is not None and (table[1].form != "text" or path.suffix.lower() in _TABLE_ENDINGS):
        return "csv"
    if path.suffix.lower() in _TABLE_ENDINGS:
        return "csv"  # its reader says what the first row should name
    if path.suffix.lower() in (".jsonl", ".json", ".ndjson"):
        return "dialogues"
    _refuse_other_encoding(path, content)
    return "script" if script_of(head) is not None else "text"


def _refuse_other_encoding(path: Path, content: bytes) -> None:
    """Plain text would be learned from with a mark in the place of every letter that is not English."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        if error.start < len(content) - 3 or len(content) < _HEAD:  # else the last letter is cut in the middle
            raise DatasetError(
                f"“{path.name}” is text in another encoding than UTF-8.", "Open it in a text editor and save it as UTF-8."
            ) from error


def _json_form(path: Path) -> str:
    try:
        value: Any = next(json_values(path, stop), ("", None))[1]
    except BrokenDialogue:
        _refuse_one_object(path)
        return "dialogues"
    if isinstance(value, dict):
        if value.get("format") == _EXPORT:
            return "companion"
        if not form_of(value) and begins_sillytavern(value):
            return "sillytavern"
    return form_of(value) or "dialogues"


def _refuse_one_object(path: Path) -> None:
    """A JSON file written over several lines is no JSON per line; say so instead of that line 1 is wrong."""
    first = next(lines_of(path, stop), (0, b""))[1]
    if first in (b"{", b"{}"):
        raise DatasetError(
            f"“{path.name}” is one JSON object over several lines.", "Save it as JSONL (one dialogue per line) or as a JSON list."
        )


def _read_values(path: Path, on_broken: OnBroken) -> Iterator[Found]:
    for where, value in json_values(path, on_broken):
        try:
            dialogue = dialogue_of(value, where)
        except BrokenDialogue as broken:
            on_broken(broken)
        else:
            yield Found(dialogue, where)


def _name(source: str) -> str:
    return source if source.startswith(CONVERSATION_PREFIX) else Path(source).name
