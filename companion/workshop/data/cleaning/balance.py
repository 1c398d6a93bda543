"""What the data leans towards: one speaker, one label, one topic. Reported, never changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from companion.core.dataset import DOCUMENT, Dialogue
from companion.core.dataset_findings import Case, Finding
from companion.workshop.data.cleaning.step import Tally, shown, speakers
from companion.workshop.data.cleaning.topics import largest_topic

_ONE_SIDED: Final = 9.0
"""How many times as many words one side of a dialogue has."""
_MOST_VALUES: Final = 50
"""A label with more values is a name or a number, not a kind."""
_FEWEST: Final = 20
_SKEWED: Final = 0.6
"""Share of the dialogues that one value of a label, or one topic, may have."""
_SAMPLE: Final = 2000
_IDENTIFIERS: Final = frozenset({"conversation", "user", "assistant", "character", DOCUMENT})


class Balance:
    """Looks at what is left after cleaning."""

    def __init__(self) -> None:
        self._one_sided = Tally()
        self._words: Counter[str] = Counter()
        self._labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._dialogues = 0
        self._texts: list[str] = []
        self._names: set[str] = set()

    def apply(self, dialogue: Dialogue, place: str) -> Dialogue | None:
        self._dialogues += 1
        words: Counter[str] = Counter()
        for turn in dialogue.messages:
            words[turn.role] += len(turn.content.split())
        self._words += words
        hers, theirs = words["assistant"] + 1, words["user"] + 1
        if DOCUMENT not in dialogue.labels and max(hers / theirs, theirs / hers) > _ONE_SIDED:
            self._one_sided.add(place, f"user {theirs - 1:,} words, assistant {hers - 1:,}: {shown(dialogue)}")
        for name, value in dialogue.labels.items():
            counts = self._labels[name]
            if value in counts or len(counts) <= _MOST_VALUES:
                counts[value] += 1
        if len(self._texts) < _SAMPLE:
            self._names |= speakers(dialogue)
            self._texts.append(" ".join(turn.content for turn in dialogue.messages if turn.role != "system")[:4000])
        return dialogue

    def labels(self) -> dict[str, dict[str, int]]:
        """How often each value of each label stands there, the most frequent first; names and numbers left out."""
        kinds = {n: c for n, c in self._labels.items() if len(c) <= _MOST_VALUES and n not in _IDENTIFIERS}
        return {name: dict(counts.most_common()) for name, counts in kinds.items()}

    def findings(self) -> Iterable[Finding]:
        one, many = "In 1 dialogue one side says nearly everything.", "In {} dialogues one side says nearly everything."
        yield self._one_sided.finding("speakers", one, many, changes=False)
        yield from self._skewed_labels()
        yield from self._skewed_topic()

    def _skewed_labels(self) -> Iterable[Finding]:
        if self._dialogues < _FEWEST:
            return
        for name, counts in self.labels().items():
            value, count = next(iter(counts.items()))
            if len(counts) > 1 and count > _SKEWED * sum(counts.values()):
                shares = ", ".join(f"{each} {number:,}" for each, number in list(counts.items())[:6])
                sentence = f"{count / sum(counts.values()):.0%} of the dialogues have “{value}” as their {name}."
                case = Case(place=f"Label “{name}”", before=shares)
                yield Finding(step="labels", count=count, sentence=sentence, changes=False, cases=(case,))

    def _skewed_topic(self) -> Iterable[Finding]:
        if len(self._texts) < _FEWEST:
            return
        topic = largest_topic(self._texts, self._names)
        if topic is not None and topic.share > _SKEWED:
            sentence = f"{topic.share:.0%} of the dialogues seem to be about one thing: {', '.join(topic.words)}."
            yield Finding(step="topics", count=round(topic.share * self._dialogues), sentence=sentence, changes=False)
