"""What a person wants to know about dialogues before learning from them: how many, how long, who speaks, what is wrong."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from companion.core.amounts import counted
from companion.core.dataset import Dialogue
from companion.core.dataset_findings import CleaningOptions, Inspection, RoleCount, SourceLook, Spread, SpreadBar
from companion.core.errors import DatasetError
from companion.workshop.data.cleaning.balance import Balance
from companion.workshop.data.cleaning.pipeline import Cleaning
from companion.workshop.data.cleaning.step import KEPT
from companion.workshop.data.origin import form_of_source, source_of
from companion.workshop.data.preferences import read_preferences
from companion.workshop.data.sources.found import BrokenDialogue
from companion.workshop.data.sources.reading import read_all
from companion.workshop.data.talks import Talks

EXAMPLES: Final = 3
_SHARES: Final = (0, 5, 50, 95, 100)
_BARS: Final = 16


def inspect(
    sources: Sequence[str],
    options: CleaningOptions | None = None,
    count: Callable[[Dialogue], int] | None = None,
    *,
    examples: int = EXAMPLES,
    tell: Callable[[str, float], None] = lambda words, fraction: None,
) -> Inspection:
    """Reads the sources four times and changes nothing. `count` counts the tokens of a dialogue; `tell` gets what is done
    and how much of that, 0 to 1. Raises DatasetError."""
    counts = _Counts(count, examples)
    for found in read_all(sources, lambda broken: None):
        counts.add(found.dialogue)
        counts.balance.apply(found.dialogue, found.place)
        tell(f"Counting, {counted(counts.dialogues, 'dialogue')}", 0.0)
    cleaning = Cleaning(sources, options or CleaningOptions())
    for _ in cleaning.dialogues():
        tell(f"Comparing {counted(counts.dialogues, 'dialogue')}", min(cleaning.read / max(counts.dialogues, 1), 1.0))
    judged = read_preferences(sources, lambda broken: None)
    if not counts.dialogues and not cleaning.findings() and not judged.pairs and not judged.thumbs:
        raise DatasetError("There are no dialogues in what was named.", "Choose a file that holds some.")
    return Inspection(
        files={source: form_of_source(source) for source in sources},
        dialogues=counts.dialogues,
        turns=sum(counts.turns.values()),
        words=sum(counts.words.values()),
        learned_replies=counts.learned,
        kept_by_cleaning=cleaning.kept,
        roles={role: RoleCount(turns=counts.turns[role], words=counts.words[role]) for role in counts.turns},
        labels=counts.balance.labels(),
        turns_per_dialogue=_spread(counts.turn_counts),
        words_per_reply=_spread(counts.reply_words),
        tokens_per_dialogue=_spread(counts.tokens) if count is not None else None,
        findings=tuple(cleaning.findings()),
        examples=tuple(counts.examples),
        pairs=len(judged.pairs),
        thumbs=len(judged.thumbs),
        preferences=judged.sentence if judged.pairs or judged.thumbs else "",
        conversations=counts.talks.conversations,
        versions=counts.talks.versions,
        from_conversations=counts.talks.dialogues,
        tokens=sum(counts.tokens),
        source=source_of(sources, ()),
    )


def look_at_each(sources: Sequence[str], tell: Callable[[str, float], None]) -> dict[str, SourceLook]:
    """How each source reads by itself; `tell` as in `inspect`. Raises DatasetError when none can be read."""
    looks: dict[str, SourceLook] = {}
    read = 0

    def count() -> None:
        nonlocal read
        read += 1
        tell(f"Reading, {read:,} dialogues", 0.0)

    refused: DatasetError | None = None
    for source in sources:
        try:
            looks[source] = _look(source, count)
        except DatasetError as error:
            looks[source] = SourceLook(problems=(f"{error.what} {error.remedy}".strip(),))
            refused = refused or error
    if refused is not None and not any(look.dialogues for look in looks.values()):
        what = refused.what if len(sources) == 1 else f"None of {len(sources):,} files can be read. {refused.what}"
        raise DatasetError(what, refused.remedy)
    return looks


def _look(source: str, count: Callable[[], None]) -> SourceLook:
    broken: list[BrokenDialogue] = []
    dialogues = 0
    for _ in read_all((source,), broken.append):
        dialogues += 1
        count()
    if not dialogues:
        if broken:
            raise DatasetError(broken[0].what, "Correct it, or choose another file.")
        raise DatasetError(f"“{Path(source).name}” holds no dialogues.", "Choose a file that holds some.")
    problems = tuple(each.what for each in broken[:KEPT])
    return SourceLook(form=form_of_source(source), dialogues=dialogues, broken=len(broken), problems=problems)


class _Counts:
    def __init__(self, count: Callable[[Dialogue], int] | None, most_examples: int) -> None:
        self._count, self._most_examples = count, most_examples
        self.balance = Balance()
        self.talks = Talks()
        self.dialogues = self.learned = 0
        self.turns: Counter[str] = Counter()
        self.words: Counter[str] = Counter()
        self.turn_counts, self.reply_words, self.tokens = array("q"), array("q"), array("q")
        self.examples: list[Dialogue] = []

    def add(self, dialogue: Dialogue) -> None:
        self.dialogues += 1
        self.turn_counts.append(len(dialogue.messages))
        new = self.talks.add(dialogue)
        self.learned += new.learned
        for turn in new.turns:
            words = len(turn.content.split())
            self.turns[turn.role] += 1
            self.words[turn.role] += words
            if turn.role == "assistant":
                self.reply_words.append(words)
        if self._count is not None:
            self.tokens.append(self._count(dialogue))
        if len(self.examples) < self._most_examples:
            self.examples.append(dialogue)


def _spread(values: array[int]) -> Spread:
    found = [int(value) for value in np.percentile(np.asarray(values), _SHARES)] if values else [0] * len(_SHARES)
    return Spread(
        smallest=found[0],
        five_percent=found[1],
        middle=found[2],
        ninety_five_percent=found[3],
        largest=found[4],
        bars=_bars(np.asarray(values, dtype=np.int64), found[0], found[3]),
    )


def _bars(values: NDArray[np.int64], low: int, high: int) -> tuple[SpreadBar, ...]:
    """From `low` to `high` in equal parts, and what is longer in one more."""
    if not len(values):
        return ()
    width = -(-(high - low + 1) // _BARS)
    counts = np.bincount((values[values <= high] - low) // width)
    bars = [SpreadBar(low + at * width, low + (at + 1) * width - 1, int(count)) for at, count in enumerate(counts)]
    longer = values[values > high]
    if len(longer):
        bars[-1] = SpreadBar(bars[-1].low, high, bars[-1].count)
        bars.append(SpreadBar(high + 1, int(longer.max()), len(longer)))
    return tuple(bars)
