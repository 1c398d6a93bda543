"""Lines and JSON values of a file, one after the other, within limits: a file of any size in constant memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from companion.core.errors import DatasetError
from companion.core.paths import own_datasets_folder
from companion.workshop.data.sources.found import BrokenDialogue, OnBroken

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
_CHUNK: Final = 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_STRUCTURE: Final = re.compile(rb'["\\{}\[\],\n]')
_SHOWN: Final = 120


def opened(path: Path) -> BinaryIO:
    """The file for reading; raises DatasetError when it is none or cannot be read."""
    try:
        if path.is_dir():
            raise DatasetError(f"“{path.name}” is a folder without data.jsonl.", "Name a file, or a dataset's folder.")
        if path.exists() and not path.is_file():  # a pipe or a device would never end
            raise DatasetError(f"“{path.name}” is not a file.", "Name a file, or a dataset's folder.")
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> DatasetError:
    if isinstance(error, FileNotFoundError) and own_datasets_folder() in path.parents:
        name = path.relative_to(own_datasets_folder()).parts[0]
        return DatasetError(f"The dataset “{name}” is not there any more.", "Choose another one, or make it again.")
    if isinstance(error, FileNotFoundError):
        return DatasetError(f"There is no file “{path}”.", "Check the name and the folder.")
    return DatasetError(f"“{path}” cannot be read ({error.strerror}).", "Check that the file is there and that you may read it.")


def other_encoding(path: Path) -> DatasetError:
    what = f"“{path.name}” is text in another encoding than UTF-8."
    return DatasetError(what, "Open it in a text editor and save it as UTF-8.")


def lines_of(path: Path, on_broken: OnBroken) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, with their numbers, without line ends."""
    with opened(path) as file:
        number = 0
        try:
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    on_broken(BrokenDialogue(place(path, number), "is longer than 16 MB", "Split it into several dialogues."))
                    while line and not line.endswith(b"\n"):
                        line = file.readline(MAX_LINE_BYTES)
                    continue
                if number == 1:
                    line = line.removeprefix(_BOM)
                if line := line.strip():
                    yield number, line
        except OSError as error:
            raise unreadable(path, error) from error


def place(path: Path, number: int, unit: str = "Line") -> str:
    """As it begins a sentence."""
    return f"{unit} {number:,} of “{path.name}”"


def json_values(path: Path, on_broken: OnBroken) -> Iterator[tuple[str, Any]]:
    """Place and value of every JSON value of a file: one per line, or the elements of one large array."""
    with opened(path) as file:
        head = file.read(4096).removeprefix(_BOM).lstrip()
    values = _elements(path, on_broken) if head.startswith(b"[") else _from_lines(path, on_broken)
    for where, text in values:
        try:
            yield where, msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            on_broken(BrokenDialogue(where, f"is not JSON ({_why(text, error)})"))
        except UnicodeDecodeError:
            on_broken(BrokenDialogue(where, "is not text in UTF-8"))
        except RecursionError:
            on_broken(BrokenDialogue(where, "is nested too deeply"))


def _from_lines(path: Path, on_broken: OnBroken) -> Iterator[tuple[str, bytes]]:
    return ((place(path, number), line) for number, line in lines_of(path, on_broken))


def _why(text: bytes, error: msgspec.DecodeError) -> str:
    """msgspec's reason in words for people; NaN deserves its own, since Python's json writes it."""
    if found := re.search(rb"[:\[,]\s*(NaN|-?Infinity)\b", text):
        return f"{found.group(1).decode()} is no JSON value"
    reason = str(error).removeprefix("JSON is malformed: ").removeprefix("Input data was truncated") or "it ends too early"
    return reason[:_SHOWN]


def _elements(path: Path, on_broken: OnBroken) -> Iterator[tuple[str, bytes]]:
    """The elements of a file that is one JSON array, found by their brackets; each is decoded by itself."""
    scanner = _ArrayScanner(path)
    with opened(path) as file:
        try:
            while chunk := file.read(_CHUNK):
                yield from scanner.feed(chunk)
        except OSError as error:
            raise unreadable(path, error) from error
    if scanner.depth > 0:
        on_broken(BrokenDialogue(f"“{path.name}”", "ends in the middle of its list", "Copy or download the file again."))


class _ArrayScanner:
    """Cuts a stream of bytes into the elements of its outermost array."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = bytearray()
        self._at = 0
        """How much of `_kept` has been looked at."""
        self._line = self._begins_on = 1
        self._in_string = False
        self.depth = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        self._kept += chunk
        start = 0
        while found := _STRUCTURE.search(self._kept, self._at):
            self._at = found.end()
            mark = found.group()
            if mark == b"\\":
                if self._at == len(self._kept):
                    self._at = found.start()  # what it escapes is in the next chunk
                    break
                self._at += 1
            elif mark == b"\n":
                self._line += 1
            elif mark == b'"':
                self._in_string = not self._in_string
            elif not self._in_string:
                ends = self._structure(mark)
                if self.depth == 1 and mark in b"[," and not ends:
                    start = self._at
                elif ends:
                    if text := bytes(self._kept[start : found.start()]).strip():
                        yield place(self._path, self._begins_on), text
                    start = self._at
                if mark in b"{[" and self.depth == 2:
                    self._begins_on = self._line
        else:
            self._at = len(self._kept)
        del self._kept[:start]
        self._at -= start
        if len(self._kept) > MAX_LINE_BYTES:
            raise DatasetError(
                f"{place(self._path, self._begins_on)} begins a dialogue of more than 16 MB.", "Split it into several dialogues."
            )

    def _structure(self, mark: bytes) -> bool:
        """Follow a bracket or a comma; whether it ends an element."""
        if mark in b"{[":
            self.depth += 1
            return False
        if mark == b",":
            return self.depth == 1
        self.depth -= 1
        return self.depth == 0
