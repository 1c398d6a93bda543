"""The folder of one character: `card.json`, `portrait.*`, `assets/`, `sprites/`, `background.*` and `options.json`."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

import msgspec

from companion.core.cards.assets import asset_content, picture_kind, pictures
from companion.core.cards.charx import is_safe_path
from companion.core.cards.limits import MAX_ARCHIVE_BYTES
from companion.core.cards.names import sprite_label
from companion.core.cards.reading import CardFile
from companion.core.cards.writing import card_json
from companion.core.character import Asset, Card, CharacterOptions
from companion.core.errors import CharacterError
from companion.core.files import set_aside, write_atomic

CARD: Final = "card.json"
OPTIONS: Final = "options.json"
PORTRAIT: Final = "portrait"
PICTURES: Final = ("png", "webp", "jpg", "jpeg", "gif", "svg")
MAX_SPRITES: Final = 500
_ASSETS: Final = "assets"
_OTHER: Final = "other"
"""What a CHARX file holds outside `assets/` is kept here, away from our own files."""


def portrait_in(folder: Path) -> str:
    """Path of the portrait, empty when there is none."""
    try:
        names = set(os.listdir(folder))  # noqa: PTH208 - one call for all kinds, quick
    except OSError:
        return ""
    return next((str(folder / name) for kind in PICTURES if (name := f"{PORTRAIT}.{kind}") in names), "")


def write_portrait(folder: Path, content: bytes) -> None:
    """Put this picture in the place of the portrait; raises CharacterError for what is no picture, and OSError."""
    kind = kind_of(content)
    write_atomic(folder / f"{PORTRAIT}.{kind}", content)
    for other in PICTURES:
        if other != kind:
            (folder / f"{PORTRAIT}.{other}").unlink(missing_ok=True)


def kind_of(content: bytes) -> str:
    """Extension of a picture, by its content; raises CharacterError when it is none."""
    kind = picture_kind(content)
    if not kind:
        raise CharacterError("The portrait is not a picture that can be shown.", "Choose a PNG, JPEG, WebP or GIF picture.")
    return kind


def fill_folder(folder: Path, read: CardFile) -> None:
    """Write everything that a file of a character holds; raises CharacterError and OSError."""
    write_atomic(folder / CARD, card_json(read.card))
    if read.picture is not None:
        (folder / f"{PORTRAIT}.{read.picture_kind}").write_bytes(read.picture)
    for path, content in read.files.items():
        _write(folder / (path if path.startswith(f"{_ASSETS}/") else f"{_OTHER}/{path}"), content)
    _write_sprites(folder / "sprites", read)
    for _, content, kind in pictures(read.card, "background", read.files)[:1]:
        (folder / f"background.{kind}").write_bytes(content)
        write_options(folder, CharacterOptions(background=f"background.{kind}"))


def read_options(folder: Path) -> CharacterOptions:
    """What the person chose; a file that cannot be read is set aside. A background in `folder` comes as a whole path."""
    path = folder / OPTIONS
    try:
        options = msgspec.json.decode(path.read_bytes(), type=CharacterOptions)
    except OSError:
        return CharacterOptions()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        with contextlib.suppress(OSError):
            set_aside(path)
        return CharacterOptions()
    return msgspec.structs.replace(options, background=str(folder / options.background) if options.background else "")


def write_options(folder: Path, options: CharacterOptions) -> None:
    """Raises OSError. A background in `folder` is noted without it, so that the folder can be moved."""
    background = Path(options.background)
    if options.background and background.is_relative_to(folder):
        options = msgspec.structs.replace(options, background=background.relative_to(folder).as_posix())
    write_atomic(folder / OPTIONS, msgspec.json.encode(options))


def files_in(folder: Path) -> dict[str, bytes]:
    """What the character brought along, by the paths its card knows; raises OSError."""
    files: dict[str, bytes] = {}
    for top, prefix in ((folder / _ASSETS, f"{_ASSETS}/"), (folder / _OTHER, "")):
        for path in sorted(top.rglob("*")):
            inside = prefix + path.relative_to(top).as_posix()
            if path.is_file() and not path.is_symlink() and is_safe_path(inside):
                files[inside] = path.read_bytes()
    return files


def with_icon(card: Card, files: dict[str, bytes], picture: bytes, kind: str) -> tuple[Card, dict[str, bytes]]:
    """A card and its files with this picture as the main icon."""
    icon = next((asset for asset in card.assets if asset.type == "icon" and asset.name == "main"), None)
    if icon is not None and asset_content(icon, files) == picture:
        return card, files
    place = f"{_ASSETS}/icon/portrait.{kind}"
    new = Asset(type="icon", uri=f"embeded://{place}", name="main", ext=kind)
    others = (asset for asset in card.assets if asset is not icon)
    return msgspec.structs.replace(card, assets=(new, *others)), {**files, place: picture}


def _write_sprites(folder: Path, read: CardFile) -> None:
    """The card's emotions under the names of moods; several of one mood are numbered. One file that is named over and
    over does not fill the disk."""
    left, counts = MAX_ARCHIVE_BYTES, dict[str, int]()
    for asset, content, kind in pictures(read.card, "emotion", read.files)[:MAX_SPRITES]:
        label, left = sprite_label(asset.name), left - len(content)
        if left < 0:
            return
        if not is_safe_path(label):
            continue
        counts[label] = number = counts.get(label, 0) + 1
        _write(folder / (f"{label}.{kind}" if number == 1 else f"{label}-{number}.{kind}"), content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
