"""The turns of a prompt by what may happen to them when room is short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from companion.core.messages import Turn


class Cut(NamedTuple):
    """What is left out: so many of the oldest example dialogues, messages and inserts."""

    examples: int = 0
    messages: int = 0
    inserts: int = 0


class TurnsByKind:
    """The turns with their sizes in tokens."""

    def __init__(self, turns: Sequence[Turn], sizes: Sequence[int]) -> None:
        self.turns, self.sizes = turns, sizes
        self.examples: list[list[int]] = []
        """Indices of each example dialogue: a heading by the system and what follows it."""
        self.messages: list[int] = []
        self.inserts: list[int] = []
        for i, turn in enumerate(turns):
            if turn.kind == "example":
                self._add_example(i)
            elif turn.kind == "insert":
                self.inserts.append(i)
            elif turn.kind == "message" and (i > 0 or turn.role != "system"):
                self.messages.append(i)
        self.droppable_messages = max(len(self.messages) - 1, 0)
        self.ids = [turns[i].id for i in self.messages]

    def _add_example(self, i: int) -> None:
        """A heading begins an example, unless nothing is said below it: then it ends the one before."""
        said = i + 1 < len(self.turns) and self.turns[i + 1].kind == "example" and self.turns[i + 1].role != "system"
        if not self.examples or (self.turns[i].role == "system" and said):
            self.examples.append([])
        self.examples[-1].append(i)

    def dropped(self, cut: Cut) -> set[int]:
        gone = {i for example in self.examples[: cut.examples] for i in example}
        return gone | {*self.messages[: cut.messages], *self.inserts[: cut.inserts]}

    def kept(self, cut: Cut) -> list[Turn]:
        gone = self.dropped(cut)
        return [turn for i, turn in enumerate(self.turns) if i not in gone]

    def size(self, cut: Cut) -> int:
        return sum(self.sizes) - sum(self.sizes[i] for i in self.dropped(cut))

    def more(self, cut: Cut) -> Cut | None:
        """What to leave out next: the oldest example, then the oldest message but never the newest, then what stands
        farthest from the end among the inserts; None when nothing more can go."""
        if cut.examples < len(self.examples):
            return cut._replace(examples=cut.examples + 1)
        if cut.messages < self.droppable_messages:
            return cut._replace(messages=cut.messages + 1)
        if cut.inserts < len(self.inserts):
            return cut._replace(inserts=cut.inserts + 1)
        return None
