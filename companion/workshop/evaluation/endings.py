"""Texts that begin alike, scored side by side and in lanes: what they share, such as a character's card, is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from companion.llama.prompt import common_prefix
from companion.llama.scoring import branches
from companion.workshop.evaluation.family import Tell
from companion.workshop.evaluation.lanes import in_lanes, lanes_for
from companion.workshop.evaluation.opened import Opened

SIDE_BY_SIDE: Final = 8
"""Endings computed at once behind what all of them begin with."""
LEAST_ROOM: Final = 1024
"""Tokens for the endings that are computed at once."""


def shared_beginning(texts: Sequence[Sequence[int]], starts: Sequence[int]) -> int:
    """Tokens that all texts begin with, and that stand before the one of each from which on it is measured."""
    return min(common_prefix(texts[0], text[:start]) for text, start in zip(texts, starts, strict=True))


def ending_scores(opened: Opened, texts: Sequence[Sequence[int]], starts: Sequence[int], tell: Tell) -> list[NDArray[np.float64]]:
    """Log-probabilities in nats of the tokens of each text, (len(text),); before the text's start they may be 0 instead.

    Raises ModelError when there is no room for the longest, EngineError when the model computes nonsense.
    """
    if not texts:
        return []
    shared = shared_beginning(texts, starts)
    beginning = texts[0][:shared]
    found = in_lanes(
        opened,
        [text[shared:] for text in texts],
        lanes_for(opened, len(texts)),
        lambda lane, part: lane.context(shared + max(LEAST_ROOM, *map(len, part)), sequences=SIDE_BY_SIDE + 1),
        lambda context, part, told: branches(context, beginning, part, tell=told),
        tell,
    )
    return [np.concatenate([np.zeros(len(text) - len(values)), values]) for text, values in zip(texts, found, strict=True)]
