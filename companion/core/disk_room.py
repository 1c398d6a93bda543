"""Whether there is room for what will be written, before hours are spent on making it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from companion.core.amounts import bytes_text
from companion.core.errors import WorkshopError

LEFT_FREE: Final = 16 << 20
"""Bytes that stay free on every disk."""


class Need(NamedTuple):
    """So many bytes will be written into a folder, which need not be there yet."""

    folder: Path
    bytes: int


def refuse_without_room(needs: Sequence[Need]) -> None:
    """Each need is looked at by itself: what is delivered on the disk where it was made takes no room twice.

    Raises WorkshopError.
    """
    for folder, wanted in needs:
        free = shutil.disk_usage(_nearest(folder)).free
        if wanted and free < wanted + LEFT_FREE:
            what = f"There are {bytes_text(free)} free in “{folder}”, and up to {bytes_text(wanted)} will be written there."
            raise WorkshopError(what, "Make room, or choose another place.")


def _nearest(folder: Path) -> Path:
    """The folder itself, else the innermost one around it that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
