"""The SHA-256 of a file, computed once in the life of that file and then remembered."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from companion.core.errors import ModelError
from companion.core.files import write_atomic
from companion.core.paths import cache_folder

_CHUNK = 1 << 20
_SETTLED_NS = 2_000_000_000
"""A file changed more recently may change again within one tick of its clock (2 s on FAT), and is not remembered."""


def file_sha256(path: Path, tell: Callable[[int], None] | None = None) -> str:
    """The SHA-256 of the whole file in hexadecimal; of the first file when a model is split.

    `tell` gets the bytes read so far, again and again, and may raise to give up. Remembered in the cache folder by size,
    time of change and inode: the 98 MB of the starter model take 0.1 s once.
    Raises ModelError when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            kept = _place(before)
            if (known := _remembered(kept)) is not None:
                return known
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                if tell is not None:
                    tell(file.tell())
            after = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "impossible path"
        raise ModelError(
            f"“{path.name}” cannot be read ({reason}).", "Check that it is there and that you may read it."
        ) from error
    is_settled = time.time_ns() - after.st_mtime_ns > _SETTLED_NS
    if is_settled and _place(after) == kept:
        with contextlib.suppress(OSError):  # what cannot be kept is computed again
            write_atomic(kept, digest.hexdigest().encode())
    return digest.hexdigest()


def known_sha256(path: Path) -> str:
    """The SHA-256 when it is remembered, else empty; reads nothing of the file itself."""
    try:
        return _remembered(_place(path.stat())) or ""
    except (OSError, ValueError):
        return ""


def _place(status: os.stat_result) -> Path:
    name = f"{status.st_dev:x}-{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"
    return cache_folder() / "sha256" / name


def _remembered(kept: Path) -> str | None:
    try:
        text = kept.read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    return text if re.fullmatch(r"[0-9a-f]{64}", text) else None
