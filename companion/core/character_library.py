"""The person's characters: a folder each, below the data folder, and the built-in one among the assets."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

from msgspec.structs import replace

from companion.core.cards.charx import is_safe_path
from companion.core.cards.folder import (
    CARD,
    files_in,
    fill_folder,
    kind_of,
    portrait_in,
    read_options,
    with_icon,
    write_options,
    write_portrait,
)
from companion.core.cards.index import CharacterSummary, DamagedCharacter, summaries
from companion.core.cards.names import free_slug
from companion.core.cards.reading import CardFile, read_card, read_card_file
from companion.core.cards.writing import card_charx, card_json, card_png
from companion.core.character import BUILT_IN, Card, Character, CharacterOptions
from companion.core.errors import CharacterError
from companion.core.files import write_atomic
from companion.core.paths import assets_folder, data_folder

__all__ = ["CharacterLibrary", "CharacterSummary", "DamagedCharacter", "built_in_character", "load_character"]

_BUILT_IN_FOLDER: Final = "_hoshi"
"""Where the person's choices for the built-in character are."""
_TRASH: Final = ".trash"
_GONE: Final = ".gone"
"""Folder names of characters that were deleted for good, a line each: conversations and memories still name them."""
_UNFINISHED: Final = ".new-"
_STALE_SECONDS: Final = 24 * 3600


def built_in_character() -> Character:
    """Hoshi, who is always there, without what the person chose for her."""
    folder = assets_folder() / "characters" / "hoshi"
    return Character(
        identifier=BUILT_IN, card=read_card(folder / CARD), folder=str(folder), portrait=str(folder / "portrait.svg")
    )


def load_character(identifier: str) -> Character:
    """The character that a conversation or the settings name; raises CharacterError when it is gone or unreadable."""
    return CharacterLibrary().load(identifier)


class CharacterLibrary:
    """The characters of one folder. What goes wrong on the disk is told as a CharacterError.

    A character that comes in is built beside the others under a name that hides it, and shows up whole or not at all.
    The name of its folder is its identifier; it is never given to another one, since conversations and memories hold it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = data_folder() / "characters" if folder is None else folder
        self.damaged: tuple[DamagedCharacter, ...] = ()
        """Folders that `all` had to leave out."""

    def all(self) -> tuple[CharacterSummary, ...]:
        """The built-in character, then the others by name."""
        found, damaged = summaries(self.folder)
        self.damaged = tuple(damaged)
        own = built_in_character()
        first = CharacterSummary(
            identifier=BUILT_IN, name=own.name, creator=own.card.creator, tags=own.card.tags, portrait=own.portrait
        )
        return (first, *sorted(found, key=lambda summary: (summary.name.casefold(), summary.identifier)))

    def load(self, identifier: str) -> Character:
        """A character by the name of its folder, or by the path of a card file; BUILT_IN is the built-in one."""
        if identifier == BUILT_IN:
            return replace(built_in_character(), options=read_options(self.folder / _BUILT_IN_FOLDER))
        folder = self._folder(identifier)
        if folder is not None:
            card = read_card(folder / CARD)
            portrait, options = portrait_in(folder), read_options(folder)
            return Character(identifier=identifier, card=card, folder=str(folder), portrait=portrait, options=options)
        path = Path(identifier)
        if _is_name(identifier) and not path.exists():
            raise CharacterError(f"The character “{identifier}” is not there any more.", "Choose another one.")
        return Character(identifier=identifier, card=read_card(path), portrait=str(path) if path.suffix.lower() == ".png" else "")

    def add(self, path: Path) -> Character:
        """Take in a card of any form with the pictures it brings along."""
        read = read_card_file(path)
        return self._take_in(read.card.name, lambda folder: fill_folder(folder, read))

    def create(self, card: Card, portrait: bytes | None = None) -> Character:
        """A new character; `portrait` is the content of a PNG, JPEG, WebP or GIF file."""
        now = int(time.time())
        card = replace(card, creation_date=now if card.creation_date is None else card.creation_date, modification_date=now)
        read = CardFile(card=card, picture=portrait, picture_kind=kind_of(portrait) if portrait is not None else "")
        return self._take_in(card.name, lambda folder: fill_folder(folder, read))

    def save(self, identifier: str, card: Card, portrait: bytes | None = None) -> Character:
        """Write a changed card, and a new portrait (as for `create`) unless it stays as it is."""
        folder = self._own(identifier)
        content = card_json(replace(card, modification_date=int(time.time())))
        with _told(f"“{card.name}” could not be saved"):
            if portrait is not None:
                write_portrait(folder, portrait)
            write_atomic(folder / CARD, content)
        return self.load(identifier)

    def duplicate(self, identifier: str) -> Character:
        """A copy with everything in its folder; that of the built-in character can be edited."""
        original = self.load(identifier)
        if not original.folder:
            return self.add(Path(identifier))

        def fill(folder: Path) -> None:
            shutil.copytree(original.folder, folder, ignore=_links, copy_function=shutil.copyfile, dirs_exist_ok=True)
            if identifier == BUILT_IN:
                write_options(folder, original.options)

        return self._take_in(original.name, fill)

    def delete(self, identifier: str) -> None:
        """Move a character to the trash, from where `restore` brings it back."""
        folder = self._own(identifier)
        target = self.folder / _TRASH / identifier
        with _told(f"“{identifier}” could not be deleted"):
            target.parent.mkdir(exist_ok=True)
            if target.exists():  # put there by hand
                target.rename(target.with_name(f"{identifier}.{time.time_ns()}"))
            folder.rename(target)
            os.utime(target)

    def restore(self, identifier: str) -> Character:
        """Bring a deleted character back."""
        source, target = self.folder / _TRASH / identifier, self.folder / identifier
        if not _is_name(identifier) or not source.is_dir() or target.exists():
            raise CharacterError(f"“{identifier}” cannot be brought back.", "Import its card again.")
        with _told(f"“{identifier}” could not be brought back"):
            source.rename(target)
        return self.load(identifier)

    def purge_trash(self, older_than_seconds: float = 0.0) -> None:
        """Delete for good what has been in the trash this long, and what a killed import left behind."""
        now = time.time()
        for path in _children(self.folder / _TRASH):
            if _age(path, now) >= older_than_seconds:
                with contextlib.suppress(OSError), (self.folder / _GONE).open("a", encoding="utf-8") as gone:
                    gone.write(f"{path.name}\n")
                shutil.rmtree(path, ignore_errors=True)
        for path in _children(self.folder):
            if path.name.startswith(_UNFINISHED) and _age(path, now) >= _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)

    def save_options(self, identifier: str, options: CharacterOptions) -> None:
        """Keep what the person chose for a character."""
        folder = self.folder / _BUILT_IN_FOLDER if identifier == BUILT_IN else self._own(identifier)
        with _told("The choices for this character could not be saved"):
            write_options(folder, options)

    def export_json(self, identifier: str, path: Path, spec: Literal["v2", "v3"] = "v3") -> None:
        """Write the card alone."""
        content = card_json(self.load(identifier).card, spec)
        with _told(f"“{path.name}” could not be saved"):
            write_atomic(path, content)

    def export_png(self, identifier: str, path: Path, png: bytes) -> None:
        """Write the picture `png` with the card in it, as V2 and V3."""
        content = card_png(self.load(identifier).card, png)
        with _told(f"“{path.name}” could not be saved"):
            write_atomic(path, content)

    def export_charx(self, identifier: str, path: Path, png: bytes = b"") -> None:
        """Write the card with all the files it came with, and with `png` or else the portrait as it is."""
        character = self.load(identifier)
        with _told(f"“{path.name}” could not be saved"):
            card, files = character.card, files_in(Path(character.folder)) if character.folder else {}
            if png:
                card, files = with_icon(card, files, png, "png")
            elif character.portrait:
                portrait = Path(character.portrait)
                card, files = with_icon(card, files, portrait.read_bytes(), portrait.suffix[1:])
            write_atomic(path, card_charx(card, files))

    def _folder(self, identifier: str) -> Path | None:
        folder = self.folder / identifier
        return folder if _is_name(identifier) and folder.is_dir() else None

    def _own(self, identifier: str) -> Path:
        """The folder of a character that may be changed; raises CharacterError for every other one."""
        folder = self._folder(identifier)
        if folder is None:
            what = "The built-in character cannot be changed." if identifier == BUILT_IN else "This character cannot be changed."
            raise CharacterError(what, "Duplicate it, and change the copy.")
        return folder

    def _take_in(self, name: str, fill: Callable[[Path], None]) -> Character:
        with _told(f"“{name}” could not be added"):
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.folder))
            try:
                fill(unfinished)
                identifier = free_slug(name, self._taken())
                unfinished.rename(self.folder / identifier)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
        return self.load(identifier)

    def _taken(self) -> set[str]:
        names = {path.name.lower() for place in (self.folder, self.folder / _TRASH) for path in _children(place)}
        with contextlib.suppress(OSError, UnicodeDecodeError):
            names.update((self.folder / _GONE).read_text(encoding="utf-8").split("\n"))
        return names


def _is_name(identifier: str) -> bool:
    """Whether it can be the name of a character's folder rather than a path."""
    return identifier[:1] not in ("", ".", "_") and "/" not in identifier and is_safe_path(identifier)


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except OSError:
        return 0.0


def _links(folder: str, names: list[str]) -> list[str]:
    """What is not copied: links, which may lead anywhere."""
    return [name for name in names if (Path(folder) / name).is_symlink()]


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """What the system refuses, as a sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or "the disk refused"
        raise CharacterError(f"{what} ({reason}).", "Check that the disk has room and that you may write there.") from error
