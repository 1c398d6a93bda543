"""Loops: a phrase that is said again and again, as small models do when they do not find an end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from companion.core.words import words_of

TIMES: Final = 3
"""A phrase said this often, one right after the other, is a loop."""
LEAST_WORDS: Final = 9
"""… when it fills at least so many words: “no, no, no” and “ha ha ha ha” are how people talk."""
LONGEST: Final = 40
"""Words of a phrase that are looked at."""
AGAIN_WORDS: Final = 6
"""So many words in a row, said `TIMES` times anywhere in one reply, are a loop too, whatever stands between them."""
LEAST_CHARACTERS: Final = 30
"""A stretch of one character, or of a few, repeated without a space, as a loop in a script without spaces looks."""

_RUN: Final = re.compile(rf"(\S{{1,{LONGEST}}}?)\1{{{TIMES - 1},}}")
_RULE: Final = re.compile(r"[!-/:-@\[-`{-~…–—·•─═]+")
"""Dashes, dots or exclamation marks only: a line that was drawn."""


def find_loop(text: str) -> str:
    """The phrase that is repeated, in lower case; empty when there is no loop."""
    words = words_of(text)
    return _repeated_run(words) or _said_again(words) or _repeated_characters(text)


def _repeated_run(words: Sequence[str]) -> str:
    """A phrase of p words followed by itself: a stretch in which every word equals the one p before it."""
    for period in range(1, min(LONGEST, len(words) // TIMES) + 1):
        needed = max(TIMES * period, LEAST_WORDS) - period
        same = 0
        for at in range(period, len(words)):
            same = same + 1 if words[at] == words[at - period] else 0
            if same >= needed:
                return " ".join(words[at - period + 1 : at + 1])
    return ""


def _said_again(words: Sequence[str]) -> str:
    """The same six words at three places that do not overlap."""
    last: dict[tuple[str, ...], tuple[int, int]] = {}
    for at in range(len(words) - AGAIN_WORDS + 1):
        phrase = tuple(words[at : at + AGAIN_WORDS])
        times, end = last.get(phrase, (0, 0))
        if at >= end:
            if times + 1 == TIMES:
                return " ".join(phrase)
            last[phrase] = (times + 1, at + AGAIN_WORDS)
    return ""


def _repeated_characters(text: str) -> str:
    for run in _RUN.finditer(text):
        if len(run[0]) >= LEAST_CHARACTERS and not _RULE.fullmatch(run[1]):
            return run[1].casefold()
    return ""
