"""Language drift: replies in another language than the one that is spoken (py3langid, after Lui and Baldwin 2012)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from companion.workshop.data.cleaning.languages import language_of
from companion.workshop.evaluation.family import Prompt, Reply

SURE: Final = 0.9
"""A reply counts as being in another language when it is as sure as this; below it is not judged."""


class Drift(NamedTuple):
    """Codes of ISO 639-1."""

    expected: str
    spoken: str

    @property
    def drifted(self) -> bool:
        return self.spoken != self.expected


def drifts(replies: Sequence[Reply]) -> list[Drift | None]:
    """What should be spoken and what is; None for a reply too short or too mixed to tell."""
    known = [_expected(reply.prompt) for reply in replies]
    usual = Counter(code for code in known if code).most_common(1)
    default = usual[0][0] if usual else _code(" ".join(_talk(reply.prompt) for reply in replies))
    found: list[Drift | None] = []
    for reply, expected in zip(replies, known, strict=True):
        spoken = _code(reply.text)
        found.append(Drift(expected or default, spoken) if spoken and (expected or default) else None)
    return found


def _expected(prompt: Prompt) -> str:
    return _code(_talk(prompt))


def _talk(prompt: Prompt) -> str:
    """What was said so far and what a person answered, without the card: a card in English may lead a talk in German."""
    said = [turn.content for turn in prompt.dialogue.messages if turn.role != "system"]
    return " ".join([prompt.reference, *reversed(said)])


def _code(text: str) -> str:
    """The language of a text, empty when it cannot be told."""
    found = language_of(text)
    return found[0] if found is not None and found[1] >= SURE else ""
