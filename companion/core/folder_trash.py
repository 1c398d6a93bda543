"""Deleted folders lie in a folder beside the others for a while, so that a slip can be taken back."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Final

TRASH: Final = ".trash"


def put_in_trash(folder: Path) -> Path:
    """Out of sight, whole; returns where it lies now. Raises OSError, and it stays where it was."""
    place = folder.parent / TRASH / folder.name
    number = 2
    while place.exists():
        place = place.with_name(f"{folder.name} ({number})")
        number += 1
    place.parent.mkdir(exist_ok=True)
    folder.replace(place)
    os.utime(place)  # since when it lies there
    return place


def take_out_of_trash(place: Path, folder: Path) -> None:
    """Back to where it was. Raises OSError, also when something else is there now."""
    place.replace(folder)


def purge_trash(beside: Path, seconds: float) -> None:
    """Delete for good what has lain in the trash of `beside` for so long; what cannot be deleted stays."""
    for path in (beside / TRASH).glob("*"):
        try:
            is_old = time.time() - path.stat().st_mtime > seconds
        except OSError:
            continue
        if is_old:
            shutil.rmtree(path, ignore_errors=True)
