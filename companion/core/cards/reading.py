"""Read a character card or a lorebook from a file of any form; the content says which one it is, not the file's name."""

from __future__ import annotations

import contextlib
import io
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final, Literal

import msgspec

from companion.core.cards import png
from companion.core.cards.assets import picture_kind, pictures
from companion.core.cards.card_fields import read_fields
from companion.core.cards.charx import read_archive
from companion.core.cards.limits import MAX_ARCHIVE_BYTES, MAX_CARD_BYTES, MAX_PICTURE_BYTES
from companion.core.cards.lore_fields import read_book
from companion.core.cards.raw_json import read_object
from companion.core.character import Card
from companion.core.conversation import plain_text
from companion.core.errors import CharacterError
from companion.core.lorebook import Lorebook

__all__ = ["MAX_CARD_BYTES", "CardFile", "read_card", "read_card_file", "read_lorebook", "read_outline"]

_START: Final = 16
"""Bytes that tell one form from another."""
_ARCHIVES: Final = (b"PK\x03\x04", b"PK\x05\x06")


class CardFile(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a file of a character holds."""

    card: Card
    picture: bytes | None = None
    """The portrait: the PNG picture itself without the card in it, or the card's main icon."""
    picture_kind: str = ""
    """Extension of the picture: png, jpg, webp or gif."""
    files: Mapping[str, bytes] = {}
    """What a CHARX file brings along, by its path (`assets/...`), which is safe below any folder."""


def read_card(path: Path) -> Card:
    """The card in a file of any form; raises CharacterError with a sentence when there is none."""
    with _opened(path) as file:
        return _read(file, _label(path), whole=False).card


def read_outline(path: Path) -> Card:
    """The card in a JSON file without its lorebook, which takes most of the time; raises CharacterError."""
    name = _label(path)
    with _opened(path) as file:
        return read_fields(read_object(_everything(file, MAX_CARD_BYTES, name), name), name, outline=True)


def read_card_file(path: Path) -> CardFile:
    """The card in a file of any form, and the pictures with it; raises CharacterError with a sentence."""
    with _opened(path) as file:
        read = _read(file, _label(path))
    if read.picture is not None:
        return msgspec.structs.replace(read, picture=png.without_card(read.picture, _label(path)), picture_kind="png")
    for _, content, extension in pictures(read.card, "icon", read.files):
        return msgspec.structs.replace(read, picture=content, picture_kind=extension)
    return read


def read_lorebook(path: Path) -> Lorebook:
    """The lorebook in a JSON file of its own (`lorebook_v3`, SillyTavern's world info) or in a card; raises CharacterError."""
    name = _label(path)
    with _opened(path) as file:
        if _form(file) == "json":
            fields = read_object(_everything(file, MAX_CARD_BYTES, name), name)
            data = fields.object("data") or fields
            inner = data if "entries" in data else data.object("character_book")
            book = read_book(inner, name) if inner is not None else None
        else:
            book = _read(file, name, whole=False).card.lorebook
    if book is None:
        raise CharacterError(f"“{name}” has no lorebook in it.", "Choose a lorebook, or a card that has one.")
    return book


def _read(file: IO[bytes], name: str, *, whole: bool = True) -> CardFile:
    form = _form(file)
    if form == "png":
        picture = _everything(file, MAX_PICTURE_BYTES, name)
        return CardFile(card=_card(png.card_json_in(picture, name), name), picture=picture)
    if form == "charx":
        if file.seek(0, io.SEEK_END) > MAX_ARCHIVE_BYTES:
            raise _too_large(name, MAX_ARCHIVE_BYTES)
        text, files = read_archive(file, name, whole=whole)
        return CardFile(card=_card(text, name), files=files)
    if form == "picture":
        raise CharacterError(f"“{name}” is a picture without a character in it.", "Choose a card in PNG, JSON or CHARX form.")
    return CardFile(card=_card(_everything(file, MAX_CARD_BYTES, name), name))


def _form(file: IO[bytes]) -> Literal["png", "charx", "picture", "json"]:
    file.seek(0)
    start = file.read(_START)
    kind = picture_kind(start)
    if kind == "png":
        return "png"
    if start.startswith(_ARCHIVES) or (kind == "jpg" and zipfile.is_zipfile(file)):  # a picture may stand before an archive
        return "charx"
    return "picture" if kind else "json"


def _card(text: bytes, name: str) -> Card:
    return read_fields(read_object(text, name), name)


def _everything(file: IO[bytes], limit: int, name: str) -> bytes:
    file.seek(0)
    content = file.read(limit + 1)
    if len(content) > limit:
        raise _too_large(name, limit)
    return content


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file for reading; a pipe or a device, which might never end, is not opened."""
    name = _label(path)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "it is a folder" if stat.S_ISDIR(mode) else "it is not a file"
            raise CharacterError(f"“{name}” cannot be opened ({what}).", "Choose a card in PNG, JSON or CHARX form.")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise CharacterError(f"“{name}” cannot be opened ({error.strerror}).", "Check that the file is still there.") from error
    except ValueError as error:  # a NUL in the path
        raise CharacterError(f"“{name}” cannot be opened.", "Check that the file is still there.") from error


def _too_large(name: str, limit: int) -> CharacterError:
    return CharacterError(f"“{name}” is larger than a character card can be.", f"Choose a card below {limit // 1024**2} MB.")


def _label(path: Path) -> str:
    return plain_text(path.name)
