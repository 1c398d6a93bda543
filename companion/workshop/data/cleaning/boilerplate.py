"""Sentences that stand in reply after reply: disclaimers, signatures, a greeting that never changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from companion.core.dataset import DOCUMENT, Dialogue, DialogueTurn
from companion.core.dataset_findings import Finding
from companion.core.moods import split_sentences
from companion.workshop.data.cleaning.step import Tally, with_turns

_FEWEST_DIALOGUES: Final = 5
_SHARES: Final = ((8, 0.05), (5, 0.3))
"""From how many words and from which share of the dialogues a sentence counts as boilerplate: people do say short things
("What do you do for fun?") again and again."""
_MOST_SENTENCES: Final = 500_000
"""Kept at once; then those that were met once are forgotten."""


class Boilerplate:
    """Cuts such sentences from replies that say something else, too."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._dialogues = 0
        self._common: dict[int, int] | None = None
        self._tally = Tally()

    def survey(self, dialogue: Dialogue) -> None:
        self._dialogues += 1
        self._counts.update(set(_keys(dialogue)))
        if len(self._counts) > _MOST_SENTENCES:
            self._counts = Counter({key: count for key, count in self._counts.items() if count > 1})

    def apply(self, dialogue: Dialogue, place: str) -> Dialogue | None:
        if self._common is None:
            self._common = {key: count for key, count in self._counts.items() if count >= _FEWEST_DIALOGUES}
        if not self._common or DOCUMENT in dialogue.labels:
            return dialogue
        turns = tuple(self._cleaned(turn, place) for turn in dialogue.messages)
        return dialogue if turns == dialogue.messages else with_turns(dialogue, turns)

    def findings(self) -> Iterable[Finding]:
        one, many = "1 sentence of a reply is boilerplate.", "{} sentences of replies are boilerplate."
        yield self._tally.finding("boilerplate", one, many)

    def _cleaned(self, turn: DialogueTurn, place: str) -> DialogueTurn:
        if turn.role != "assistant":
            return turn
        text, cut = turn.content, []
        for sentence in split_sentences(turn.content):
            if self._is_boilerplate(sentence):
                cut.append(sentence)
                text = text.replace(sentence, "", 1)
        if not cut or not text.strip():  # a reply that is nothing else answers something: it stays
            return turn
        for sentence in cut:
            self._tally.add(place, sentence)
        return DialogueTurn(turn.role, text.strip(), turn.train)

    def _is_boilerplate(self, sentence: str) -> bool:
        key = _key(sentence)
        count = self._common.get(key, 0) if self._common and key is not None else 0
        words = len(sentence.split())
        return count > 0 and any(words >= least and count >= share * self._dialogues for least, share in _SHARES)


def _keys(dialogue: Dialogue) -> Iterator[int]:
    if DOCUMENT in dialogue.labels:
        return
    for turn in dialogue.messages:
        if turn.role == "assistant":
            for sentence in split_sentences(turn.content):
                if (key := _key(sentence)) is not None:
                    yield key


def _key(sentence: str) -> int | None:
    """The same for the same words; None for a sentence that is too short to be anything but ordinary."""
    words = sentence.casefold().split()
    return hash(" ".join(words)) if len(words) >= _SHARES[-1][0] else None
