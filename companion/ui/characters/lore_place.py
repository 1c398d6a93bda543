"""Where an entry is told, read from and written to the three ways in which cards say it.

A V2 card has `position`; V3 adds the lines `@@depth` and `@@role` before the text; SillyTavern writes numbers into the
entry's `extensions`, which count for more than `position` (companion.core.prompts.lore_decorators obeys all three). What is
written goes where the entry said it before, so that the program it came from still understands it.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from companion.core.lorebook import LoreEntry
from companion.core.prompts.lore_decorators import ROLES, ST_PLACES, is_from_sillytavern, read_rules

Spot = Literal["", "before_char", "after_char", "note", "depth"]
"""Empty when the card leaves it open; `note` is beside the author's note, which only SillyTavern's cards can ask for."""
DEEPEST: Final = 1000
_Fields = dict[str, msgspec.Raw]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Depth and role count only at the spot `depth`."""

    spot: Spot = ""
    depth: int = 4
    """How many of the newest messages come after it."""
    role: str = ""
    """Who says it, one of ROLES; empty when the card leaves it open."""


def place_of(entry: LoreEntry) -> Place:
    """Where it is told; decorators come before everything else, as in the prompt."""
    _, depth, role = _take_lines(entry.content)
    if depth is not None:
        return Place(spot="depth", depth=depth, role=role)
    if "position" in _extensions(entry):
        rules = read_rules(entry)
        if rules.place in ("note", "depth", "before_char", "after_char"):
            return Place(spot=rules.place, depth=rules.depth, role=rules.role)
    return Place(spot=entry.position or "")


def told_text(content: str) -> str:
    """The content without the lines for depth and role; every other decorator is still in it."""
    return _take_lines(content)[0] if content.lstrip().startswith("@@") else content


def with_place(entry: LoreEntry, place: Place, text: str) -> LoreEntry:
    """The entry with this text, told there."""
    fields = _extensions(entry)
    position = place.spot if place.spot in ("before_char", "after_char") else entry.position if place.spot == "depth" else None
    entry = msgspec.structs.replace(entry, content=text, position=position)
    if "position" in fields:
        numbers = {"position": ST_PLACES.index(place.spot or "after_char")}
        if place.spot == "depth":
            numbers |= {"depth": place.depth, "role": ROLES.index(place.role) if place.role in ROLES else 0}
        return _with_fields(entry, fields, numbers)
    lines = [f"@@depth {place.depth}"] if place.spot == "depth" else []
    lines += [f"@@role {place.role}"] if place.spot == "depth" and place.role else []
    return msgspec.structs.replace(entry, content="\n".join([*lines, text]))


def with_case(entry: LoreEntry, case_sensitive: bool) -> LoreEntry:
    """Capitals matter or do not, wherever the entry says so."""
    fields = _extensions(entry)
    entry = msgspec.structs.replace(entry, case_sensitive=case_sensitive)
    return _with_fields(entry, fields, {"case_sensitive": case_sensitive}) if "case_sensitive" in fields else entry


def only_slashed_patterns(entry: LoreEntry) -> bool:
    """SillyTavern says `use_regex` of every entry and means only keys that stand between slashes."""
    return is_from_sillytavern(_extensions(entry))


def _take_lines(content: str) -> tuple[str, int | None, str]:
    """The text without them, depth and role. A line stays when a fallback (`@@@…`) hangs on it, and a role without depth."""
    lines = content.split("\n")
    kept: list[str] = []
    depth: int | None = None
    role, role_at = "", 0
    for at, line in enumerate(lines):
        if not line.strip().startswith("@@"):
            kept += lines[at:]
            break
        found = _LINE.fullmatch(line)
        if found and not "".join(lines[at + 1 : at + 2]).strip().startswith("@@@"):
            if found["depth"] is not None and depth is None and int(found["depth"]) <= DEEPEST:
                depth = int(found["depth"])
                continue
            if found["role"] is not None and not role:
                role, role_at = found["role"].lower(), len(kept)
                continue
        kept.append(line)
    if depth is None and role:
        kept.insert(role_at, f"@@role {role}")
    return "\n".join(kept), depth, role


def _extensions(entry: LoreEntry) -> _Fields:
    if len(entry.extensions) <= 2:
        return {}
    try:
        return msgspec.json.decode(entry.extensions, type=_Fields)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}


def _with_fields(entry: LoreEntry, fields: _Fields, changes: dict[str, int]) -> LoreEntry:
    """Every field that is not changed keeps its bytes."""
    new = fields | {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in changes.items()}
    return msgspec.structs.replace(entry, extensions=msgspec.json.encode(new))


_LINE: Final = re.compile(
    r"\s*@@(?:depth\s+(?P<depth>\d{1,6})|role\s+(?P<role>system|user|assistant))\s*", re.ASCII | re.IGNORECASE
)
