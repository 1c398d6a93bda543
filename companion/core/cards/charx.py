"""CHARX files: a zip archive with `card.json` and the files it names (Character Card V3, "CHARX format")."""

from __future__ import annotations

import io
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, Final, cast

from companion.core.cards.limits import (
    FREE_RATIO_BYTES,
    MAX_ARCHIVE_BYTES,
    MAX_CARD_BYTES,
    MAX_DIRECTORY_BYTES,
    MAX_MEMBER_BYTES,
    MAX_MEMBERS,
    MAX_PATH,
    MAX_RATIO,
)
from companion.core.cards.raw_json import too_large
from companion.core.errors import CharacterError

CARD: Final = "card.json"
_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, NotImplementedError, ValueError),
    *(OverflowError, OSError),
)
"""What reading a damaged archive may raise, each after its kind of damage."""
_KINDS: Final = (0, stat.S_IFREG)
_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
_FORBIDDEN: Final = set('<>:"|?*\\\x7f') | {chr(code) for code in range(32)}
_NUMBERS: Final = "0123456789¹²³"
_DEVICES: Final = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {f"{kind}{n}" for kind in ("com", "lpt") for n in _NUMBERS}
"""Names that mean a device on Windows, whatever follows their first dot."""


def read_archive(file: IO[bytes], name: str, *, whole: bool = True) -> tuple[bytes, dict[str, bytes]]:
    """The JSON of the card and, of the `whole` archive, every other file by its path; raises CharacterError."""
    limited = _Limited(file)
    try:
        with zipfile.ZipFile(cast(IO[bytes], limited)) as archive:
            limited.most = MAX_MEMBER_BYTES
            files = {path: archive.read(member) for path, member in _checked(archive, name).items() if whole or path == CARD}
    except _BROKEN as error:
        raise CharacterError(f"The character file “{name}” is damaged.", "Get the file again.") from error
    try:
        return files.pop(CARD), files
    except KeyError as error:
        raise CharacterError(f"“{name}” is an archive without a character in it.", "Choose a .charx file.") from error


def write_archive(card: bytes, files: Mapping[str, bytes], name: str) -> bytes:
    """A CHARX file that `read_archive` takes back; raises CharacterError for paths and sizes that it would refuse."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path, content in {**files, CARD: card}.items():
            packing = zipfile.ZIP_DEFLATED if path == CARD else zipfile.ZIP_STORED  # pictures are packed already
            archive.writestr(zipfile.ZipInfo(path), content, packing)
    with zipfile.ZipFile(target) as archive:
        _checked(archive, name)
    return target.getvalue()


def is_safe_path(path: str) -> bool:
    """Whether a path stays in its folder and can be that of a file on Windows, macOS and Linux."""
    return len(path) <= MAX_PATH and all(map(_is_safe_part, path.split("/")))


class _Limited:
    """A file that reads no more than `most` bytes at once: an archive's table of contents is as long as it says."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.most = MAX_DIRECTORY_BYTES
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self.most:
            raise zipfile.BadZipFile("more than can be there")
        return self._file.read(size if size >= 0 else self.most)


def _checked(archive: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by their path; raises CharacterError when one of them is not what a character may have."""
    if len(archive.infolist()) > MAX_MEMBERS:
        raise CharacterError(f"“{name}” holds more than {MAX_MEMBERS:,} files.", "Choose another character.")
    members: dict[str, zipfile.ZipInfo] = {}
    taken: set[str] = set()
    folders: set[str] = set()
    total = 0
    for member in archive.infolist():
        path = member.filename
        if path.endswith("/") or path.startswith("__MACOSX/"):
            continue
        kind = stat.S_IFMT(member.external_attr >> 16)
        if not (is_safe_path(path) and is_safe_path(member.orig_filename) and kind in _KINDS):
            raise CharacterError(f"“{name}” wants to put files where they do not belong.", "Do not use this file.")
        if member.flag_bits & _ENCRYPTED:
            raise CharacterError(f"“{name}” is locked with a password.", "Get it without one.")
        if member.compress_type not in _PACKINGS:
            raise CharacterError(f"“{name}” is packed in an unusual way.", "Get it as a .png or .json card.")
        total += member.file_size
        _check_size(member, total, name)
        folded = unicodedata.normalize("NFC", path).casefold()
        parents = {folded[: slash.start()] for slash in re.finditer("/", folded)}
        if folded in taken or folded in folders or parents & taken:
            raise CharacterError(f"“{name}” holds two files of the same name.", "Get it as a .png or .json card.")
        taken.add(folded)
        folders |= parents
        members[path] = member
    return members


def _check_size(member: zipfile.ZipInfo, total: int, name: str) -> None:
    if member.filename == CARD and member.file_size > MAX_CARD_BYTES:
        raise too_large(name)
    if member.file_size > MAX_MEMBER_BYTES or total > MAX_ARCHIVE_BYTES:
        raise CharacterError(f"What “{name}” holds is larger than a character can be.", "Choose a character below 512 MB.")
    if member.file_size > max(FREE_RATIO_BYTES, MAX_RATIO * member.compress_size):
        raise CharacterError(f"“{name}” would grow to a size no picture has.", "Do not use this file.")


def _is_safe_part(part: str) -> bool:
    return (
        part not in ("", ".", "..")
        and part[-1] not in ". "
        and part[0] != " "
        and not _FORBIDDEN & set(part)
        and part.partition(".")[0].rstrip().casefold() not in _DEVICES
    )
