"""Guessing the next tokens, and computing them together: the weights are then read once for several tokens.

Nothing is drawn differently. Every token comes from the model's own logits at its place, by the same sampler chain, which
remembers one token after the other; a guess counts only when the token that was drawn is the one that was guessed, and what was
computed behind a wrong guess is cut from the cache. This is speculative sampling (Leviathan, Kalman and Matias 2023,
arXiv:2211.17192) with a draft that is certain of itself: its acceptance rule then is to draw, and to compare. Guesses come from
the conversation itself (prompt lookup, Saxena 2023) or from a smaller model with the same vocabulary.

Where llama.cpp computes several tokens with other kernels than one, results differ by rounding, as they do between batch sizes
of a prompt; `drift` measures it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from companion.core.errors import ModelError
from companion.llama.context import Context, ContextOptions, floats
from companion.llama.health import divergence
from companion.llama.model import Model

MOST: Final = 8
"""Tokens that are guessed at once at most."""
GRAMS: Final = (3, 2)
"""How many tokens must have stood together before: the longer first."""
SURE: Final = 0.4
"""A draft model stops guessing below this probability."""
ROUNDS: Final = 12
"""Guesses after which it is decided whether they pay."""
SHORT_REST, LONG_REST = 64, 1024
"""Tokens without guesses after guesses that did not pay; doubled each time."""
PROBED: Final = 12


class Drafter(Protocol):
    """Whoever guesses."""

    def guess(self, tokens: Sequence[int], most: int) -> list[int]:
        """At most so many tokens that may follow; none when there is no idea."""

    def close(self) -> None: ...


class PromptLookup:
    """What followed the last tokens when they stood in this conversation before."""

    def __init__(self) -> None:
        self._known: list[int] = []
        self._ends: dict[tuple[int, ...], int] = {}
        """Where each n-gram ended last."""

    def guess(self, tokens: Sequence[int], most: int) -> list[int]:
        if self._known != tokens[: len(self._known)]:
            self._known, self._ends = [], {}
        start = max(1, len(self._known))
        self._known += tokens[len(self._known) :]
        for end in range(start, len(tokens)):  # the last n-gram itself is looked up, not remembered yet
            for size in GRAMS:
                if size <= end:
                    self._ends[tuple(tokens[end - size : end])] = end
        for size in GRAMS:
            if found := self._ends.get(tuple(tokens[-size:])):
                return list(tokens[found : found + most])
        return []

    def close(self) -> None:
        """It holds nothing."""


class DraftModel:
    """A smaller model with the same vocabulary; it guesses what it finds most likely, as long as it is sure."""

    def __init__(self, model: Model, target: Model, options: ContextOptions) -> None:
        """Takes the model over. Raises ModelError when the vocabularies differ, or there is no room for its context."""
        self._model = model
        try:
            refuse_as_draft(model, target)
            self._context = Context(model, options)
        except BaseException:
            model.close()
            raise

    def guess(self, tokens: Sequence[int], most: int) -> list[int]:
        context, vocabulary = self._context, self._model.vocabulary
        if len(tokens) + most > context.size:
            return []
        context.read(list(tokens))
        guessed: list[int] = []
        while len(guessed) < most:
            logits = floats(context.logits(), vocabulary.size)
            token = int(np.argmax(logits))
            if 1 / float(np.exp(logits - logits[token]).sum()) < SURE or vocabulary.ends_reply(token):
                break
            guessed.append(token)
            if len(guessed) < most:
                context.add(token)
        return guessed

    def close(self) -> None:
        self._context.close()
        self._model.close()


def refuse_as_draft(draft: Model, target: Model) -> None:
    """Raises ModelError unless every token of one is the same text in the other."""
    if draft.vocabulary.fingerprint != target.vocabulary.fingerprint:
        raise ModelError(
            f"“{draft.path.name}” cannot guess for “{target.path.name}”: they have different vocabularies.",
            "Choose a smaller model of the same family.",
        )


class Payoff:
    """Whether guessing pays in this conversation: seconds per token with guesses against without."""

    def __init__(self) -> None:
        self._plain = 0.0
        """Seconds per token without guesses, a moving average."""
        self._rounds = self._tokens = 0
        self._seconds = 0.0
        self._resting, self._rest = 0, SHORT_REST
        self.guessed = self.accepted = 0

    @property
    def is_on(self) -> bool:
        return self._plain > 0 and not self._resting

    def plain(self, seconds: float) -> None:
        """One token was computed alone."""
        self._plain = seconds if self._plain == 0 else 0.9 * self._plain + 0.1 * seconds
        self._resting = max(0, self._resting - 1)

    def round(self, seconds: float, guessed: int, accepted: int) -> None:
        """A token and its guesses were computed together, and so many of them were right."""
        self._rounds += 1
        self._tokens += 1 + accepted
        self._seconds += seconds
        self.guessed += guessed
        self.accepted += accepted
        if self._rounds == ROUNDS:
            if self._seconds > self._plain * self._tokens:
                self._resting, self._rest = self._rest, min(2 * self._rest, LONG_REST)
            else:
                self._rest = SHORT_REST
            self._rounds, self._tokens, self._seconds = 0, 0, 0.0


class Ahead:
    """One reply being written into a context, with guesses or without. What it adds stands in the cache up to `length`; guesses
    behind that are cut by `finish`."""

    def __init__(self, context: Context, drafter: Drafter | None, most: int, payoff: Payoff | None = None) -> None:
        """Without a `payoff` every guess is tried."""
        self._context, self._payoff = context, payoff
        self._drafter = drafter if context.can_take_back else None
        self._most = min(most, MOST, context.most_outputs - 1)
        self._guess: list[int] = []
        """What stands in the cache behind `length`."""
        self._seconds, self._guessed, self._accepted = 0.0, 0, 0
        self.length = len(context.tokens)
        self.index = -1
        """Which of the last batch's logits the next token is drawn from."""

    def add(self, token: int) -> None:
        """Append the token that was drawn; logits for the next are then ready at `index`."""
        if self._guess and token == self._guess[0]:
            del self._guess[0]
            self.index += 1
            self._accepted += 1
        else:
            self._end_round()
            began = time.perf_counter()
            guess = self._guesses(token)
            if guess:
                self._context.add_several([token, *guess])
                self._seconds, self._guessed, self._accepted = time.perf_counter() - began, len(guess), 0
                self._guess, self.index = guess, 0
            else:
                self._context.add(token)
                self.index = -1
                if self._payoff is not None:
                    self._payoff.plain(time.perf_counter() - began)
        self.length += 1

    def finish(self) -> None:
        """Leave in the cache what was added, and nothing else."""
        self._end_round()

    def _end_round(self) -> None:
        if self._guess:
            self._context.cut(self.length)
        if self._guessed and self._payoff is not None:
            self._payoff.round(self._seconds, self._guessed, self._accepted)
        self._guess, self._guessed = [], 0

    def _guesses(self, token: int) -> list[int]:
        room = min(self._most, self._context.size - self.length - 1)
        if self._drafter is None or room < 1 or (self._payoff is not None and not self._payoff.is_on):
            return []
        return self._drafter.guess([*self._context.tokens, token], room)


def drift(context: Context, tokens: Sequence[int], at_once: int = 4) -> float:
    """Divergence in nats of the logits computed several at a time from those computed one by one, for the last tokens of a text;
    0.0 when every bit is the same. Leaves the cache empty."""
    size = context.model.vocabulary.size
    beginning, rest = list(tokens[:-PROBED]), tokens[-PROBED:]
    context.clear()
    context.read(beginning)
    rows = []
    for token in rest:
        context.add(token)
        rows.append(floats(context.logits(), size).copy())
    alone = np.stack(rows)
    context.clear()
    context.read(beginning)
    rows = []
    for start in range(0, len(rest), at_once):
        part = rest[start : start + at_once]
        context.add_several(part)
        rows += [floats(context.logits(index), size).copy() for index in range(len(part))]
    context.clear()
    together = np.stack(rows)
    return 0.0 if np.array_equal(alone, together) else divergence(alone, together)
