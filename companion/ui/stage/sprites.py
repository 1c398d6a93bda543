"""Sprite packs: a folder with one picture per mood, as other programs have made them for years."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from companion.ui.stage.expressions import NEAREST

PICTURE_TYPES = frozenset({".png", ".webp", ".jpg", ".jpeg"})
MOST_FILES = 2000
"""Entries of a folder that are looked at: a pack has some dozens, and a listing must not take long."""
_NAME = re.compile(r"(?P<label>[a-z][a-z_]{0,39}?)(?:[ _.-]?\d{1,4})?", re.IGNORECASE)


class SpritePack:
    """`<label>.png` and its variants (`joy-1.png`, `joy_2.png`, `joy 2.png`); sub-folders are costumes.

    A folder that is missing, unreadable or full of other things is a pack without pictures. What is in the files is
    only learned when one is read.
    """

    def __init__(self, folder: Path, costume: str = "") -> None:
        self._everyday, self.costumes = _look_into(folder)
        self._worn = self._everyday
        if costume in self.costumes:  # a name from a settings file never leads out of the folder
            self._worn, _ = _look_into(folder / costume)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels with at least one picture, in the costume if it has any picture at all."""
        return tuple(sorted(self._worn or self._everyday))

    def pictures(self, label: str) -> tuple[Path, ...]:
        """The variants for a label, or those of the nearest label that has some, or neutral ones, or none."""
        for files in (self._worn, self._everyday):
            for candidate in (label, *NEAREST.get(label, ()), "neutral"):
                if candidate in files:
                    return files[candidate]
        return ()

    def choose(self, label: str, random: Random) -> Path | None:
        """One of the variants by chance; None when the portrait has to do."""
        found = self.pictures(label)
        return random.choice(found) if found else None


def _look_into(folder: Path) -> tuple[dict[str, tuple[Path, ...]], tuple[str, ...]]:
    files: dict[str, list[Path]] = {}
    costumes: list[str] = []
    for path in _entries(folder):
        name = path.name
        try:
            if path.is_symlink() or name.startswith("."):
                continue
            if path.is_dir():
                costumes.append(name)
            elif path.suffix.lower() in PICTURE_TYPES and (found := _NAME.fullmatch(path.stem)):
                files.setdefault(found["label"].lower(), []).append(path)
        except OSError:
            continue
    return {label: tuple(sorted(paths)) for label, paths in files.items()}, tuple(sorted(costumes))


def _entries(folder: Path) -> Iterator[Path]:
    try:
        for count, path in enumerate(folder.iterdir()):
            if count == MOST_FILES:
                return
            yield path
    except (OSError, ValueError):  # ValueError: a name with a zero byte
        return
