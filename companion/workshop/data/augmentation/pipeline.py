"""Other versions of the dialogues of a dataset: one for each method that was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

from msgspec.structs import replace

from companion.core.dataset import DOCUMENT, Dialogue, DialogueTurn
from companion.core.dataset_findings import Finding
from companion.core.dataset_messages import Whose
from companion.workshop.data.augmentation.edits import Edit
from companion.workshop.data.cleaning.step import Tally
from companion.workshop.data.sources.found import Found
from companion.workshop.data.splits import ORIGIN, text_hash


class Augmentation:
    """`versions` gives each dialogue and what became of it; afterwards `findings` shows before and after, by method."""

    def __init__(self, edits: Mapping[str, Edit], *, whose: Whose = "user", seed: int = 0) -> None:
        self._edits, self._whose, self._seed = edits, whose, seed
        self._tallies = {name: Tally() for name in edits}
        self.read = self.made = 0

    def versions(self, found: Found) -> Iterator[Dialogue]:
        """The dialogue itself first. All carry a label with the name of the original, by which splits keep them together."""
        self.read += 1
        dialogue = found.dialogue
        key = dialogue.labels.get(ORIGIN) or f"{text_hash(dialogue):016x}"
        labels = {**dialogue.labels, ORIGIN: key}
        yield replace(dialogue, labels=labels)
        for name, edit in self._edits.items():
            random = Random(f"{self._seed} {name} {key}")
            turns = self._edited(name, edit, found, random)
            if turns != dialogue.messages:
                self.made += 1
                identifier = f"{dialogue.id or key}+{name}"
                yield replace(dialogue, messages=turns, id=identifier, labels={**labels, "augmented": name}, rejected=())

    def findings(self) -> list[Finding]:
        """What each method changed, with examples."""
        return [
            tally.finding(name, f"1 turn was changed by {name}.", f"{{}} turns were changed by {name}.")
            for name, tally in self._tallies.items()
        ]

    def _edited(self, name: str, edit: Edit, found: Found, random: Random) -> tuple[DialogueTurn, ...]:
        """Only the words of those who were asked for; a system message never changes."""
        names = [value for label, value in found.dialogue.labels.items() if label in ("user", "assistant", "character")]
        turns = []
        for turn in found.dialogue.messages:
            chosen = self._whose in ("all", turn.role) and turn.role != "system"
            if chosen and DOCUMENT not in found.dialogue.labels:
                text = edit(turn.content, names, random)
                if text != turn.content and text.strip():
                    self._tallies[name].add(found.place, turn.content, text)
                    turns.append(DialogueTurn(turn.role, text, turn.train))
                    continue
            turns.append(turn)
        return tuple(turns)
