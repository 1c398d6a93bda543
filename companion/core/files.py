"""Writing files so that a reader never meets half of one, and setting damaged ones aside."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import msgspec

T = TypeVar("T")
_PART: Final = ".part"


def write_atomic(path: Path, content: bytes) -> None:
    """Replace `path` with `content` in one step: temporary file in the same folder, fsync, rename.

    Raises OSError (disk full, no permission); the old file is then untouched and no temporary file is left.
    """
    with replacing(path) as file:
        file.write(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write piece by piece, which takes the place of `path` when the block ends without an error.

    As `write_atomic`: whoever looks at `path` meanwhile, or after an error, finds what was there before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Part of the name, since file systems end names at 255 bytes.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path), suffix=_PART)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def unfinished(path: Path) -> list[Path]:
    """What `replacing` left beside `path` in a process that was killed."""
    return [each for each in path.parent.glob(f".*{_PART}") if each.name.startswith(_prefix(path))]


def _prefix(path: Path) -> str:
    return f".{path.name[:40]}."


def set_aside(path: Path) -> Path:
    """Rename a damaged file to a dated name beside it, so that nothing is ever overwritten; returns the new path."""
    stamp = datetime.now().strftime("%Y-%m-%d %H.%M.%S")
    target = path.with_name(f"{path.stem} damaged {stamp}{path.suffix}")
    number = 2
    while target.exists():
        target = path.with_name(f"{path.stem} damaged {stamp} ({number}){path.suffix}")
        number += 1
    path.replace(target)
    return target


def read_json(path: Path, kind: type[T]) -> T | None:
    """What we kept in a file of our own; None when there is none, or it is damaged and has to be made again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
