"""Files that are not complete yet: their names hide them, and hold the checksum of what they will be."""

from __future__ import annotations

import contextlib
import glob
from pathlib import Path


def part_file(target: Path, sha256: str) -> Path:
    """What is downloaded of `target` so far; another content gets another name."""
    return target.with_name(f".{target.name}.{sha256[:16]}.part")


def bytes_there(target: Path) -> int:
    """Bytes of an unfinished download of `target`, the longest."""
    sizes = [0]
    for part in _parts(target):
        with contextlib.suppress(OSError):
            sizes.append(part.stat().st_size)
    return max(sizes)


def discard(target: Path) -> None:
    """Delete what was downloaded of `target` so far. Raises OSError."""
    for part in _parts(target):
        part.unlink(missing_ok=True)


def _parts(target: Path) -> list[Path]:
    return list(target.parent.glob(f".{glob.escape(target.name)}.*.part"))
