"""Whether guessing ahead pays for a model on this machine: the same replies of real dialogues, with guesses and without."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from companion.core.sampling import Sampling
from companion.llama.context import Context
from companion.llama.sampling import Sampler
from companion.llama.speculation import Ahead, Drafter, Payoff, PromptLookup, drift
from companion.llama.tuned import Method, Speculation

PAYS: Final = 1.05
"""Gain from which guessing is turned on: less may be noise."""
COUNTS: Final = (2, 4, 8)
"""Tokens guessed at once that are tried."""
PROBE_TOKENS: Final = 600
"""The drift is measured at such a depth, where llama.cpp divides a long cache among threads for a single token."""


class Replies(NamedTuple):
    """Writing some replies in one way."""

    seconds: float
    tokens: int
    guessed: int
    accepted: int

    def plus(self, other: Replies) -> Replies:
        return Replies(
            self.seconds + other.seconds,
            self.tokens + other.tokens,
            self.guessed + other.guessed,
            self.accepted + other.accepted,
        )


def speculated(
    context: Context,
    method: Method,
    drafter: Drafter,
    prompts: Sequence[Sequence[int]],
    reply: int,
    counts: Sequence[int] = COUNTS,
) -> list[Speculation]:
    """One result for each number of tokens guessed at once; each dialogue is answered with all of them in turns, in `reply`
    tokens at most. Raises EngineError."""
    if not context.can_take_back:
        return []
    moved = drift(context, list(prompts[0])[:PROBE_TOKENS])
    totals = {count: Replies(0.0, 0, 0, 0) for count in (0, *counts)}
    for prompt in prompts:
        for count, before in totals.items():
            one = _reply(context, drafter if count else None, count, list(prompt), reply)
            totals[count] = before.plus(one)
    plain = totals.pop(0)
    speed = plain.tokens / plain.seconds
    return [
        Speculation(
            method=method,
            tokens=count,
            acceptance=found.accepted / found.guessed if found.guessed else 0.0,
            gain=found.tokens / found.seconds / speed,
            drift=moved,
        )
        for count, found in totals.items()
    ]


def lookup_trial(
    context: Context, prompts: Sequence[Sequence[int]], reply: int, counts: Sequence[int] = COUNTS
) -> list[Speculation]:
    return speculated(context, "lookup", PromptLookup(), prompts, reply, counts)


def _reply(context: Context, drafter: Drafter | None, count: int, prompt: list[int], most: int) -> Replies:
    """Timed is the writing alone; reading the prompt with a draft model counts, since the chat has to do it as well."""
    vocabulary, payoff = context.model.vocabulary, Payoff()
    context.read(prompt)
    sampler = Sampler(vocabulary, Sampling(seed=1), prompt)
    ahead, tokens = Ahead(context, drafter, count, payoff if drafter else None), 0
    began = time.perf_counter()
    try:
        while tokens < most and ahead.length < context.size:
            token = sampler.sample(context.pointer, ahead.index)
            if vocabulary.ends_reply(token):
                break
            tokens += 1
            ahead.add(token)
    finally:
        ahead.finish()
        sampler.close()
    seconds = time.perf_counter() - began
    context.cut(len(prompt))
    return Replies(seconds, tokens, payoff.guessed, payoff.accepted)


def verdict(found: Sequence[Speculation], describe: Callable[[Speculation], str]) -> tuple[Speculation, str]:
    """The best that pays, or off, with the reason."""
    best = max(found, key=lambda each: each.gain)
    same = (
        "every reply stays the same, bit by bit" if not best.drift else f"but for rounding ({best.drift:.4f} nats) replies stay"
    )
    told = f"{describe(best)}: {best.acceptance:.0%} of the guesses were right, {best.gain:.2f} times as fast"
    if best.gain >= PAYS:
        return best, f"{told}; {same}."
    return Speculation(drift=best.drift, acceptance=best.acceptance, gain=best.gain), f"{told}: that does not pay here."
