"""Empty turns, and dialogues that teach nothing: no reply, or nobody who is answered."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from companion.core.dataset import DOCUMENT, Dialogue
from companion.core.dataset_findings import Finding
from companion.workshop.data.cleaning.step import Tally, shown, with_turns


class EmptyTurns:
    """Leaves out turns without a word, and dialogues in which she says nothing to learn."""

    def __init__(self) -> None:
        self._empty, self._silent, self._doubled = Tally(), Tally(), Tally()

    def apply(self, dialogue: Dialogue, place: str) -> Dialogue | None:
        kept = [turn for turn in dialogue.messages if turn.content.strip()]  # "…", "?" and an emoji say something, too
        for turn in dialogue.messages:
            if turn not in kept:
                self._empty.add(place, f"{turn.role}: {turn.content!r}")
        if not any(turn.role == "assistant" and turn.train for turn in kept):
            self._silent.add(place, shown(dialogue))
            return None
        for before, after in pairwise(kept):
            if before.role == after.role != "system" and DOCUMENT not in dialogue.labels:
                self._doubled.add(place, f"{before.role}: {before.content} / {after.content}")
                break
        return dialogue if len(kept) == len(dialogue.messages) else with_turns(dialogue, kept)

    def findings(self) -> Iterable[Finding]:
        yield self._empty.finding("empty", "1 turn holds no word.", "{} turns hold no word.")
        yield self._silent.finding(
            "silent", "1 dialogue has no reply to learn from.", "{} dialogues have no reply to learn from."
        )
        one, many = "In 1 dialogue one side speaks twice in a row.", "In {} dialogues one side speaks twice in a row."
        yield self._doubled.finding("doubled", one, many, changes=False)
