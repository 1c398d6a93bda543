"""Deleted models and adapters: moved aside whole, and brought back whole, until they are deleted for good.

<data>/trash/<number>/
    entry.json    what was deleted, and where it belongs; written first
    0.gguf, ...   its files
"""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path

import msgspec

from companion.core.errors import ModelError
from companion.core.files import read_json, write_atomic
from companion.core.library.item import Item
from companion.core.paths import data_folder

KEEP_SECONDS = 7 * 24 * 3600
ENTRY = "entry.json"


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """One item in the trash."""

    number: str
    """Name of its folder."""
    name: str
    when: float
    """Seconds since the epoch."""
    bytes: int
    files: tuple[str, ...]
    """Where each of its files belongs, in their order."""


class Trash:
    """Only files of our own folders come here. What the system refuses is told as a ModelError."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = data_folder() / "trash" if folder is None else folder

    def put(self, item: Item) -> Deleted:
        """Move an item here; all of its files or none. Raises ModelError for one that is not ours."""
        if not item.is_ours or not _is_below(item.path, data_folder()):
            raise ModelError(f"“{item.name}” belongs to another program or folder and is not deleted.", "Unlink it instead.")
        deleted = Deleted(
            number=f"{time.time_ns()}",
            name=item.name,
            when=time.time(),
            bytes=item.bytes_on_disk,
            files=tuple(str(file) for file in item.files),
        )
        place = self._folder / deleted.number
        try:
            place.mkdir(parents=True)
            write_atomic(place / ENTRY, msgspec.json.encode(deleted))
            self._move([(file, place / f"{at}.gguf") for at, file in enumerate(item.files)])
        except OSError as error:
            shutil.rmtree(place, ignore_errors=True)
            what = f"“{item.name}” could not be deleted ({error.strerror or 'the disk refused'})."
            raise ModelError(what, "If a model is in use, choose another one first.") from error
        return deleted

    def restore(self, number: str) -> Deleted:
        """Bring everything back to where it was. Raises ModelError, and it stays here."""
        deleted = self._entry(self._folder / number)
        if deleted is None:
            raise ModelError("That is no longer in the trash.", "Download it again, or make it again.")
        if taken := [file for file in deleted.files if Path(file).exists()]:
            raise ModelError(f"Another file has taken the place of “{Path(taken[0]).name}”.", "Move it away, then try again.")
        place = self._folder / number
        try:
            for file in deleted.files:
                Path(file).parent.mkdir(parents=True, exist_ok=True)
            self._move([(place / f"{at}.gguf", Path(file)) for at, file in enumerate(deleted.files)])
        except OSError as error:
            what = f"“{deleted.name}” could not be brought back ({error.strerror or 'the disk refused'})."
            raise ModelError(what, f"Its files are in “{place}”.") from error
        shutil.rmtree(place, ignore_errors=True)
        return deleted

    def entries(self) -> tuple[Deleted, ...]:
        """What is here, the latest first."""
        found = (self._entry(place) for place in _folders(self._folder))
        return tuple(sorted((each for each in found if each is not None), key=lambda each: each.when, reverse=True))

    def purge(self, older_than_seconds: float = 0.0) -> int:
        """Delete for good what has been here this long; returns the bytes that were freed."""
        freed = 0
        for deleted in self.entries():
            if time.time() - deleted.when >= older_than_seconds:
                shutil.rmtree(self._folder / deleted.number, ignore_errors=True)
                freed += deleted.bytes
        return freed

    def _move(self, moves: list[tuple[Path, Path]]) -> None:
        done: list[tuple[Path, Path]] = []
        try:
            for source, target in moves:
                source.rename(target)
                done.append((source, target))
        except OSError:
            for source, target in done:
                with contextlib.suppress(OSError):
                    target.rename(source)
            raise

    def _entry(self, place: Path) -> Deleted | None:
        deleted = read_json(place / ENTRY, Deleted)
        if deleted is None:
            return None
        is_whole = deleted.number == place.name and all((place / f"{at}.gguf").is_file() for at in range(len(deleted.files)))
        inside = all(_is_below(Path(file), data_folder()) for file in deleted.files)
        return deleted if is_whole and inside else None


def _is_below(path: Path, folder: Path) -> bool:
    """Whether a file belongs to a folder by its name; a link in it is ours, whatever it leads to."""
    return path.parent.resolve().is_relative_to(folder.resolve())


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []
