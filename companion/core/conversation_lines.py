"""What both conversation formats share: JSON lines read within limits, and the tree they are read into."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from companion.core.conversation import Conversation, Message
from companion.core.errors import ConversationFileError

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_MESSAGES = 200_000
LATEST_TIME = 253402300799.0
"""The last second of the year 9999; later times cannot be shown as dates."""


class ConversationTree(msgspec.Struct, frozen=True):
    """A conversation outside the store: ids are those of the file, and parents come before their children."""

    conversation: Conversation
    messages: tuple[Message, ...]


class BadLineError(Exception):
    """`why` continues the sentence "Line 7 …"."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number} {why}")
        self.number = number
        self.why = why


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, with their numbers; raises ConversationFileError, BadLineError or OSError."""
    if not path.is_file():  # a folder, a pipe or a device would never end
        raise ConversationFileError(f"“{path.name}” is not a file that can be opened.", "Check that it is still there.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ConversationFileError(f"“{path.name}” is larger than 256 MB.", "Split it into several conversations.")
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise BadLineError(number, "is longer than 16 MB")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, line


def json_object(number: int, line: bytes) -> dict[str, Any]:
    """Lenient JSON, as other programs write it: lone surrogates and NaN pass here and are dealt with later."""
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadLineError(number, "is not text in UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise BadLineError(number, "is not JSON") from error
    if not isinstance(value, dict):
        raise BadLineError(number, "is not a message")
    return value
