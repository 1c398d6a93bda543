"""How she begins with somebody she knows already: by the time of day, and by how long it has been."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Literal

import msgspec

from companion.core.character import Card
from companion.core.prompts.macros import spoken_duration

PartOfDay = Literal["morning", "day", "evening", "night"]
_STARTS: tuple[tuple[int, PartOfDay], ...] = ((0, "night"), (5, "morning"), (11, "day"), (17, "evening"), (22, "night"))
_SALUTATIONS: dict[PartOfDay, str] = {
    "morning": "Good morning, {{user}}.",
    "day": "Hello again, {{user}}.",
    "evening": "Good evening, {{user}}.",
    "night": "Still up, {{user}}?",
}
HOUR, DAY = 3600.0, 86400.0


class Openings(msgspec.Struct, frozen=True, kw_only=True):
    """A card's own words for this, in its extensions under "companion", "openings"; texts hold macros."""

    morning: tuple[str, ...] = ()
    day: tuple[str, ...] = ()
    evening: tuple[str, ...] = ()
    night: tuple[str, ...] = ()
    soon: tuple[str, ...] = ()
    """After less than an hour, whatever the time of day."""
    long: tuple[str, ...] = ()
    """After more than a week, whatever the time of day."""


class _Ours(msgspec.Struct, frozen=True):
    openings: Openings = Openings()


class _Extensions(msgspec.Struct, frozen=True):
    companion: _Ours = _Ours()


def part_of_day(now: datetime) -> PartOfDay:
    """Night begins at 22 and ends at 5, local time."""
    return next(part for hour, part in reversed(_STARTS) if now.hour >= hour)


def opening(card: Card, now: datetime, last_talk: float | None, seed: int) -> str:
    """The first words to somebody she talked with at `last_talk` (seconds since the epoch); empty for a stranger, who gets
    the card's own first message. Macros are not filled in yet."""
    if last_talk is None:
        return ""
    gap = max(0.0, now.timestamp() - last_talk)
    part = part_of_day(now)
    own = _openings(card)
    special = own.soon if gap < HOUR else own.long if gap > 7 * DAY else ()
    lines: tuple[str, ...] = special or getattr(own, part)
    if lines:
        line = random.Random(seed).choice(lines)
        return line.replace("{{gap}}", spoken_duration(gap, in_words=True))
    if gap < HOUR:
        return "There you are again, {{user}}."
    return f"{_SALUTATIONS[part]} It has been {spoken_duration(gap, in_words=True)}."


def _openings(card: Card) -> Openings:
    try:
        return msgspec.json.decode(card.extensions, type=_Extensions).companion.openings
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # somebody else's "companion"
        return Openings()
