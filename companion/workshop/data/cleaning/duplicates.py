"""Copies: the same words again, or nearly the same (MinHash and locality-sensitive hashing, Broder 1997)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from datasketch import MinHash, MinHashLSH

from companion.core.dataset import Dialogue
from companion.core.dataset_findings import Finding
from companion.workshop.data.cleaning.step import Tally, shown
from companion.workshop.data.splits import text_hash

MOST_COMPARED: Final = 200_000
"""Dialogues that are compared with each other: each takes about a kilobyte of memory."""
_PERMUTATIONS: Final = 64
_SEED: Final = 1
_FEWEST_WORDS: Final = 12
"""Shorter dialogues ("Hi!" "Hello.") are alike without being copies."""
_WORD: Final = re.compile(r"\w+")


class Duplicates:
    """Keeps the first of all copies."""

    def __init__(self, similar: float) -> None:
        """From which share of word triples in common two dialogues count as nearly the same; with 1 only equal ones do."""
        self._exact, self._near = Tally(), Tally()
        self._seen: set[int] = set()
        self._similar = similar
        self._index = MinHashLSH(threshold=similar, num_perm=_PERMUTATIONS) if similar < 1 else None
        self._sketches: dict[int, tuple[MinHash, str]] = {}

    def apply(self, dialogue: Dialogue, place: str) -> Dialogue | None:
        key = text_hash(dialogue)
        if key in self._seen:
            self._exact.add(place, shown(dialogue))
            return None
        self._seen.add(key)
        triples = _triples(dialogue)
        if triples is None or self._index is None:
            return dialogue
        sketch = MinHash(num_perm=_PERMUTATIONS, seed=_SEED)
        sketch.update_batch(triples)
        for other in self._index.query(sketch):
            known, where = self._sketches[other]
            if sketch.jaccard(known) >= self._similar:
                self._near.add(place, shown(dialogue), f"(like {where[:1].lower()}{where[1:]})")
                return None
        if len(self._sketches) < MOST_COMPARED:
            number = len(self._sketches)
            self._index.insert(number, sketch)
            self._sketches[number] = (sketch, place)
        return dialogue

    def findings(self) -> Iterable[Finding]:
        yield self._exact.finding("copies", "1 dialogue is a copy of an earlier one.", "{} dialogues are copies of earlier ones.")
        limit = "" if len(self._sketches) < MOST_COMPARED else f" Only the first {MOST_COMPARED:,} were compared with."
        one, many = "1 dialogue is nearly the same as an earlier one.", "{} dialogues are nearly the same as earlier ones."
        yield self._near.finding("near-copies", one + limit, many + limit)


def _triples(dialogue: Dialogue) -> list[bytes] | None:
    """Every three words in a row of what is said; the system message, which many dialogues share, does not count."""
    text = "\n".join(turn.content for turn in dialogue.messages if turn.role != "system")
    words = _WORD.findall(text.casefold())
    if len(words) < _FEWEST_WORDS:
        return None
    return [" ".join(words[at : at + 3]).encode() for at in range(len(words) - 2)]
