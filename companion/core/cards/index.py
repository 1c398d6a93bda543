"""A list of all characters in a folder, quick for hundreds: what was read once is noted in `index.json`."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

import msgspec

from companion.core.cards.folder import CARD, portrait_in
from companion.core.cards.reading import read_outline
from companion.core.errors import CharacterError
from companion.core.files import write_atomic

INDEX: Final = "index.json"


class CharacterSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a gallery shows of a character."""

    identifier: str
    name: str
    creator: str = ""
    tags: tuple[str, ...] = ()
    portrait: str = ""
    """Path of the portrait, empty when there is none."""
    modified: float = 0.0
    """When the card was last changed, seconds since the epoch (UTC)."""


class DamagedCharacter(msgspec.Struct, frozen=True, kw_only=True):
    """A folder among the characters that cannot be read, and why, in sentences."""

    folder: str
    what: str
    remedy: str = ""


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A summary as long as the folder and its card are as they were (times in ns); the portrait without its folder."""

    summary: CharacterSummary
    stamp: tuple[int, int, int]


_rows = msgspec.json.Decoder(dict[str, _Row])


def summaries(folder: Path) -> tuple[list[CharacterSummary], list[DamagedCharacter]]:
    """Every character in `folder` in no order, and the folders that hold none; raises nothing."""
    known = _read_index(folder / INDEX)
    rows: dict[str, _Row] = {}
    damaged: list[DamagedCharacter] = []
    for name in _names(folder):
        try:
            rows[name] = _row(folder / name, known.get(name))
        except CharacterError as error:
            damaged.append(DamagedCharacter(folder=str(folder / name), what=error.what, remedy=error.remedy))
    if rows != known:
        with contextlib.suppress(OSError):  # it only saves time
            write_atomic(folder / INDEX, msgspec.json.encode(rows))
    return [_whole(folder, row.summary) for row in rows.values()], damaged


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.name[0] not in "._" and entry.is_dir()]
    except OSError:
        return []


def _row(folder: Path, known: _Row | None) -> _Row:
    path = folder / CARD
    try:
        card_state, folder_state = path.stat(), folder.stat()
    except OSError as error:
        raise CharacterError(f"The folder “{folder.name}” has no readable card in it.", "Import the character again.") from error
    stamp = (folder_state.st_mtime_ns, card_state.st_mtime_ns, card_state.st_size)
    if known is not None and known.stamp == stamp:
        return known
    card = read_outline(path)
    summary = CharacterSummary(
        identifier=folder.name,
        name=card.name,
        creator=card.creator,
        tags=card.tags,
        portrait=Path(portrait_in(folder)).name,
        modified=card_state.st_mtime,
    )
    return _Row(summary=summary, stamp=stamp)


def _whole(folder: Path, summary: CharacterSummary) -> CharacterSummary:
    if not summary.portrait:
        return summary
    return msgspec.structs.replace(summary, portrait=os.path.join(folder, summary.identifier, summary.portrait))  # noqa: PTH118 - quick


def _read_index(path: Path) -> dict[str, _Row]:
    try:
        return _rows.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
