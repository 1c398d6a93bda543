"""What is found in dialogues that somebody wants to learn from, as plain data: the command line and the window show it."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from companion.core.amounts import counted
from companion.core.dataset import DatasetSource, Dialogue

STEPS: Final = ("encoding", "markers", "empty", "copies", "lengths", "boilerplate")
"""What a cleaning does unless it is skipped; other languages and masks only when asked for."""
MASKS: Final = ("email", "phone", "key")
LEAVES_OUT: Final = ("silent", "language", "copies", "near-copies", "lengths")
"""Findings that take whole dialogues out; the others that change something change words."""


class CleaningOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a cleaning."""

    language: Annotated[
        str,
        Meta(title="Language", description="Dialogues that are surely in another language are left out."),
    ] = ""
    """ISO 639-1 code of the language to keep; empty keeps all."""
    mask: tuple[str, ...] = ()
    """Any of `MASKS`."""
    skip: tuple[str, ...] = ()
    """Steps to leave out, of `STEPS`."""
    similar: Annotated[
        float,
        Meta(
            ge=0.3,
            le=1.0,
            title="Nearly the same",
            description="Share of all three words in a row in common from which a dialogue counts as a copy (MinHash tells it).",
        ),
    ] = 0.8


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One example of a finding: where, what stood there, and what it becomes (empty: it is left out)."""

    place: str
    before: str
    after: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one step found. `count` is 0 when all is well; `changes` says whether cleaning does something about it."""

    step: str
    count: int
    sentence: str
    changes: bool
    cases: tuple[Case, ...] = ()


class SpreadBar(msgspec.Struct, frozen=True):
    """How many lengths are from `low` to `high`, both included."""

    low: int
    high: int
    count: int


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How a length varies."""

    smallest: int
    five_percent: int
    middle: int
    ninety_five_percent: int
    largest: int
    bars: tuple[SpreadBar, ...] = ()
    """Equally wide, the last one with everything that is longer than nineteen of twenty."""


class RoleCount(msgspec.Struct, frozen=True, kw_only=True):
    turns: int
    words: int


class SourceLook(msgspec.Struct, frozen=True, kw_only=True):
    """How one file, folder or conversation reads."""

    form: str = ""
    dialogues: int = 0
    broken: int = 0
    """Dialogues in it that cannot be read."""
    problems: tuple[str, ...] = ()
    """Why, of each of the first of them, or of the whole; none when all is well."""


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; `findings` says what a cleaning would do."""

    files: dict[str, str]
    """Each source with its form."""
    dialogues: int
    turns: int
    words: int
    """Both once, however many branches of a conversation repeat them."""
    learned_replies: int
    kept_by_cleaning: int
    roles: dict[str, RoleCount]
    labels: dict[str, dict[str, int]]
    turns_per_dialogue: Spread
    words_per_reply: Spread
    tokens_per_dialogue: Spread | None
    """Only when a model was given to count with."""
    findings: tuple[Finding, ...]
    examples: tuple[Dialogue, ...]
    pairs: int = 0
    """Of a better and a worse reply."""
    thumbs: int = 0
    """Replies that were judged by themselves."""
    preferences: str = ""
    """Both in a sentence; empty when there are none."""
    conversations: int = 0
    """From which some or all of the dialogues are: a conversation with other versions of its replies makes several."""
    versions: int = 0
    """Replies of these conversations that are learned beside the one that was gone on from."""
    from_conversations: int = 0
    """So many of the dialogues are from these conversations."""
    tokens: int = 0
    """In all; 0 without a model to count with."""
    looks: dict[str, SourceLook] = {}
    """Each source by itself, those that cannot be read among them; only when that was asked for."""
    source: DatasetSource | None = None
    """What the sources say of where they came from, joined."""


class TopicGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Dialogues about the same things."""

    dialogues: int
    words: tuple[str, ...]
    """Those that tell it from the other groups, the most telling first."""


class TopicPoint(msgspec.Struct, frozen=True):
    """One dialogue on the map; near each other means alike."""

    x: float
    """-1 to 1, as `y` is."""
    y: float
    group: int
    text: str
    """How it begins."""


class TopicMap(msgspec.Struct, frozen=True, kw_only=True):
    """Dialogues in two dimensions, in groups, the largest first."""

    groups: tuple[TopicGroup, ...]
    points: tuple[TopicPoint, ...]
    read: int
    """Dialogues that there are; a map shows as many as it has points."""
    kept: float
    """Share of the differences (variance of the embeddings) that two dimensions show."""


def learned_words(dialogues: int, conversations: int, versions: int) -> str:
    """“1 conversation, with 2 other versions of replies, and 12 dialogues”; `dialogues` are those of no conversation."""
    told = counted(conversations, "conversation") if conversations else ""
    if versions:
        told += f", with {counted(versions, 'other version of a reply', 'other versions of replies')}"
    if dialogues or not conversations:
        told += ", and " if versions else " and " if conversations else ""
        told += counted(dialogues, "dialogue")
    return told
