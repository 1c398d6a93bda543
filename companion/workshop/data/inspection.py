"""What a person wants to know about dialogues before learning from them: how many, how long, who speaks, what is wrong."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from companion.core.dataset import CONVERSATION_PREFIX, Dialogue
from companion.core.errors import DatasetError
from companion.workshop.data.cleaning.pipeline import Cleaning, CleaningOptions
from companion.workshop.data.cleaning.step import Finding
from companion.workshop.data.preferences import read_preferences
from companion.workshop.data.sources.reading import data_file, read_all, recognise

EXAMPLES: Final = 3
_SHARES: Final = (0, 5, 50, 95, 100)


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How a length varies."""

    smallest: int
    five_percent: int
    middle: int
    ninety_five_percent: int
    largest: int


class RoleCount(msgspec.Struct, frozen=True, kw_only=True):
    turns: int
    words: int


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; `findings` says what a cleaning would do."""

    files: dict[str, str]
    """Each source with its form."""
    dialogues: int
    turns: int
    words: int
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


def inspect(
    sources: Sequence[str], options: CleaningOptions | None = None, count: Callable[[Dialogue], int] | None = None
) -> Inspection:
    """Reads the sources four times and changes nothing. `count` counts the tokens of a dialogue. Raises DatasetError."""
    counts = _Counts(count)
    for found in read_all(sources, lambda broken: None):
        counts.add(found.dialogue)
    cleaning = Cleaning(sources, options or CleaningOptions())
    for _ in cleaning.dialogues():
        pass
    judged = read_preferences(sources, lambda broken: None)
    if not counts.dialogues and not cleaning.findings():
        raise DatasetError("There are no dialogues in what was named.", "Choose a file that holds some.")
    return Inspection(
        files={source: form_of_source(source) for source in sources},
        dialogues=counts.dialogues,
        turns=sum(counts.turns.values()),
        words=sum(counts.words.values()),
        learned_replies=counts.learned,
        kept_by_cleaning=cleaning.kept,
        roles={role: RoleCount(turns=counts.turns[role], words=counts.words[role]) for role in counts.turns},
        labels=cleaning.balance.labels(),
        turns_per_dialogue=_spread(counts.turn_counts),
        words_per_reply=_spread(counts.reply_words),
        tokens_per_dialogue=_spread(counts.tokens) if count is not None else None,
        findings=tuple(cleaning.findings()),
        examples=tuple(counts.examples),
        pairs=len(judged.pairs),
        thumbs=len(judged.thumbs),
        preferences=judged.sentence if judged.pairs or judged.thumbs else "",
    )


def form_of_source(source: str) -> str:
    """Raises DatasetError."""
    return "conversations" if source.startswith(CONVERSATION_PREFIX) else recognise(data_file(Path(source)))


class _Counts:
    def __init__(self, count: Callable[[Dialogue], int] | None) -> None:
        self._count = count
        self.dialogues = self.learned = 0
        self.turns: Counter[str] = Counter()
        self.words: Counter[str] = Counter()
        self.turn_counts, self.reply_words, self.tokens = array("q"), array("q"), array("q")
        self.examples: list[Dialogue] = []

    def add(self, dialogue: Dialogue) -> None:
        self.dialogues += 1
        self.turn_counts.append(len(dialogue.messages))
        for turn in dialogue.messages:
            words = len(turn.content.split())
            self.turns[turn.role] += 1
            self.words[turn.role] += words
            if turn.role == "assistant":
                self.reply_words.append(words)
                self.learned += turn.train
        if self._count is not None:
            self.tokens.append(self._count(dialogue))
        if len(self.examples) < EXAMPLES:
            self.examples.append(dialogue)


def _spread(values: array[int]) -> Spread:
    found = [int(value) for value in np.percentile(np.asarray(values), _SHARES)] if values else [0] * len(_SHARES)
    return Spread(smallest=found[0], five_percent=found[1], middle=found[2], ninety_five_percent=found[3], largest=found[4])
