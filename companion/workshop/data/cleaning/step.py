"""What every cleaning step is: something that looks at one dialogue after the other and says what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

import msgspec

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.dataset_findings import Case, Finding

KEPT: Final = 40
"""Examples that are kept of each finding: a window shows them all, a terminal the first few."""
_LENGTH: Final = 160
_SPEAKERS: Final = ("user", "assistant", "character")


class Tally:
    """Counts and keeps the first examples."""

    def __init__(self) -> None:
        self.count = 0
        self.cases: list[Case] = []

    def add(self, place: str, before: str, after: str = "") -> None:
        self.count += 1
        if len(self.cases) < KEPT:
            self.cases.append(Case(place=place, before=clipped(before), after=clipped(after)))

    def finding(self, step: str, one: str, many: str, *, changes: bool = True) -> Finding:
        """`many` has {} for the number."""
        sentence = one if self.count == 1 else many.format(f"{self.count:,}")
        return Finding(step=step, count=self.count, sentence=sentence, changes=changes, cases=tuple(self.cases))


class Step(Protocol):
    """One step. `apply` returns the dialogue as it should be, or None when it should be left out."""

    def apply(self, dialogue: Dialogue, place: str) -> Dialogue | None: ...

    def findings(self) -> Iterable[Finding]: ...


class SurveyedStep(Step, Protocol):
    """A step that has to see every dialogue once before it can judge one."""

    def survey(self, dialogue: Dialogue) -> None: ...


class TextStep:
    """A step that changes the words of turns, one by one."""

    def __init__(self, name: str, one: str, many: str, change: Callable[[str], str]) -> None:
        self._name, self._one, self._many, self._change = name, one, many, change
        self._tally = Tally()

    def apply(self, dialogue: Dialogue, place: str) -> Dialogue | None:
        changed = False
        turns: list[DialogueTurn] = []
        for turn in dialogue.messages:
            text = self._change(turn.content)
            if text != turn.content:
                changed = True
                at = _first_difference(turn.content, text)
                self._tally.add(place, turn.content[at:], text[at:] or "(nothing)")
            turns.append(DialogueTurn(turn.role, text, turn.train))
        return with_turns(dialogue, turns) if changed else dialogue

    def findings(self) -> Iterable[Finding]:
        return (self._tally.finding(self._name, self._one, self._many),)


def with_turns(dialogue: Dialogue, turns: Iterable[DialogueTurn]) -> Dialogue:
    return msgspec.structs.replace(dialogue, messages=tuple(turns))


def clipped(text: str) -> str:
    """On one line, at most 160 characters."""
    line = " ".join(text[: 4 * _LENGTH].split())
    return line if len(line) <= _LENGTH else f"{line[: _LENGTH - 1]}…"


def shown(dialogue: Dialogue) -> str:
    """The beginning of a dialogue, system message left out."""
    return " / ".join(turn.content for turn in dialogue.messages[:6] if turn.role != "system")


def speakers(dialogue: Dialogue) -> set[str]:
    """The names of those who speak, as far as the source told them."""
    return {name for label in _SPEAKERS if (name := dialogue.labels.get(label))}


def _first_difference(one: str, other: str) -> int:
    """Where two texts begin to differ, a little before it."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return max(0, at - 30)
