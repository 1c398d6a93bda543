"""How long an evaluation still takes: what its parts cost as a rule, corrected by what they have cost here so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from companion.core.recipes.evaluate import Evaluate

ANSWERING: Final = "answering"
"""The step before the parts that look at replies."""
USUAL_BYTES: Final = 100e6
TRUSTED: Final = 15.0
"""So many seconds of usual work weigh as much as what was usual elsewhere."""
OTHERS: Final = 30.0
USUAL: Final[Mapping[str, Callable[[Evaluate], float]]] = {
    "likelihood": lambda recipe: 0.5 * recipe.likelihood.dialogues + 1e-3 * recipe.likelihood.most_tokens,
    "divergence": lambda recipe: 0.8 * recipe.likelihood.dialogues + 1e-3 * recipe.likelihood.most_tokens,
    "forgetting": lambda recipe: 0.3 * recipe.forgetting.dialogues,
    "overlap": lambda recipe: 1.0,
    "talk": lambda recipe: 1.0,
    "persona": lambda recipe: 0.5 * recipe.persona.facts,
    "recall": lambda recipe: 1.6 * recipe.persona.recalls * len(recipe.persona.distances),
    "safety": lambda recipe: 1.5 * recipe.safety.prompts,
    "mood": lambda recipe: 1.6 * recipe.mood.prompts,
    "robustness": lambda recipe: 0.7 * recipe.robustness.dialogues * len(recipe.robustness.perturbations),
    "cost": lambda recipe: 4.0 * recipe.cost.repetitions,
    "complexity": lambda recipe: 3.0,
}
"""Seconds on two cores for the starter model of 100 MB, measured with the shipped suites."""


class Ahead(NamedTuple):
    fraction: float
    """Of the whole evaluation, 0 to 1."""
    seconds_left: float


class Outlook:
    """Of all subjects and parts. `model_bytes` says how much slower the model is than the usual one before anything is known;
    `clock` gives seconds."""

    def __init__(
        self,
        recipe: Evaluate,
        parts: Sequence[str],
        prompts: int,
        model_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        answering = prompts * recipe.replies.tokens / 96
        each = {ANSWERING: answering} | {part: USUAL[part](recipe) if part in USUAL else OTHERS for part in parts}
        self._left = {(number, step): usual for number in range(len(recipe.subjects)) for step, usual in each.items()}
        if recipe.likelihood.divergence and not recipe.reference:
            self._left.pop((0, "divergence"), None)  # the first one is the reference
        self._whole = sum(self._left.values()) or 1.0
        self._scale = model_bytes / USUAL_BYTES
        self._clock = clock
        self._done = self._seconds = self._before = 0.0
        """Of usual work what is done, and what it took; and what an earlier run has done."""
        self._now: tuple[int, str] = (0, "")
        self._began = 0.0

    def begin(self, subject: int, step: str) -> None:
        """A part of a subject, or `ANSWERING`; the one before is over."""
        self._end()
        self._now, self._began = (subject, step), self._clock()

    def skip(self, subject: int, step: str) -> None:
        """It was done by an earlier run."""
        self._before += self._left.pop((subject, step), 0.0)

    def at(self, fraction: float) -> Ahead:
        """When so much of what was begun last is done, 0 to 1."""
        here = fraction * self._left.get(self._now, 0.0)
        done, seconds = self._done + here, self._seconds + (self._clock() - self._began if self._now[1] else 0.0)
        pace = (TRUSTED * self._scale + seconds) / (TRUSTED + done)
        left = max(self._whole - self._before - done, 0.0)
        return Ahead(round(min((self._before + done) / self._whole, 1.0), 6), max(round(pace * left, 1), 0.1))

    def _end(self) -> None:
        if self._now[1]:
            self._done += self._left.pop(self._now, 0.0)
            self._seconds += self._clock() - self._began
