"""Dialogues and replies that are far longer or shorter than the others."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from typing import Final

import numpy as np

from companion.core.dataset import Dialogue
from companion.core.dataset_findings import Finding
from companion.workshop.data.cleaning.step import Tally, shown

_FEWEST: Final = 20
"""With fewer dialogues nothing can be called unusual."""
_WIDTH: Final = 5.0
"""How many robust standard deviations of the logarithm a length may be from the median."""
_LEAST_SPREAD: Final = 0.3
"""Lengths that hardly vary still may by this factor (e^0.3 = 1.35) for each deviation."""


class Lengths:
    """Leaves out what is unusual on a logarithmic scale: median and median absolute deviation (Hampel 1974)."""

    def __init__(self) -> None:
        self._dialogues, self._replies = array("f"), array("f")
        self._bounds: tuple[tuple[float, float], tuple[float, float]] | None = None
        self._tally = Tally()

    def survey(self, dialogue: Dialogue) -> None:
        self._dialogues.append(_log_words(dialogue))
        self._replies.append(_log_longest_reply(dialogue))

    def apply(self, dialogue: Dialogue, place: str) -> Dialogue | None:
        if len(self._dialogues) < _FEWEST:
            return dialogue
        if self._bounds is None:
            self._bounds = _bounds(self._dialogues), _bounds(self._replies)
        whole, reply = self._bounds
        words, longest = _log_words(dialogue), _log_longest_reply(dialogue)
        if whole[0] <= words <= whole[1] and longest <= reply[1]:
            return dialogue
        self._tally.add(place, f"{math.expm1(words):,.0f} words, longest reply {math.expm1(longest):,.0f}: {shown(dialogue)}")
        return None

    def findings(self) -> Iterable[Finding]:
        one, many = (
            "1 dialogue is far longer or shorter than the others.",
            "{} dialogues are far longer or shorter than the others.",
        )
        yield self._tally.finding("lengths", one, many)


def _bounds(values: array[float]) -> tuple[float, float]:
    numbers = np.asarray(values)
    median = float(np.median(numbers))
    spread = max(1.4826 * float(np.median(np.abs(numbers - median))), _LEAST_SPREAD)
    return median - _WIDTH * spread, median + _WIDTH * spread


def _log_words(dialogue: Dialogue) -> float:
    """Of what is said; the system message does not count."""
    return math.log1p(sum(len(turn.content.split()) for turn in dialogue.messages if turn.role != "system"))


def _log_longest_reply(dialogue: Dialogue) -> float:
    return math.log1p(max((len(turn.content.split()) for turn in dialogue.messages if turn.role == "assistant"), default=0))
