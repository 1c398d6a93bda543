"""Unpacking a wheel that somebody else made: only plain files, only below one folder, no more than was announced."""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from companion.core.errors import AddonError

MOST_FILES: Final = 60_000
"""torch for CUDA has some 15,000."""
CHUNK: Final = 1 << 20
_UNSAFE: Final = re.compile(r"[\\:\x00-\x1f]")
"""What leads elsewhere on Windows, or into a stream beside a file."""
_LIBRARIES: Final = ("purelib", "platlib")
"""Of NAME.data: they belong to the top (PEP 427). Scripts, headers and data are nobody's here."""


def unpack(wheel: Path, folder: Path, most: int) -> None:
    """`most` are the bytes that were announced. Raises AddonError for anything that is not a plain wheel, OSError."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > most:
                raise _refused(wheel, "it holds more than was announced")
            for entry in entries:
                if (inside := _inside(wheel, entry)) is not None:
                    target = folder / inside
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(entry) as packed, target.open("wb") as file:
                        shutil.copyfileobj(packed, file, CHUNK)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        zlib.error,
    ) as error:
        raise _refused(wheel, "it is no sound archive") from error


def _inside(wheel: Path, entry: zipfile.ZipInfo) -> PurePosixPath | None:
    """Where a file goes, None for what stays out. Raises AddonError for a path that leaves the folder, and for links."""
    path = PurePosixPath(entry.filename)
    if not path.parts or path.is_absolute() or ".." in path.parts or _UNSAFE.search(entry.filename):
        raise _refused(wheel, "a file in it would leave its folder")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refused(wheel, "it holds a link or a device")
    if entry.is_dir():
        return None
    if path.parts[0].endswith(".data"):
        return PurePosixPath(*path.parts[2:]) if len(path.parts) > 2 and path.parts[1] in _LIBRARIES else None
    return path


def _refused(wheel: Path, why: str) -> AddonError:
    return AddonError(f"“{wheel.name}” was refused: {why}.", "Nothing of it is used. Update Companion, then try again.")
