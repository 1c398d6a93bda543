"""Whether guessing ahead pays for a model on this machine: the same replies of real dialogues, with guesses and without."""

from __future__ import annotations

import statistics
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
RIGHT: Final = 0.1
"""Share of the guesses that must have been right: with fewer, what looks like a gain is noise."""
ROUNDS: Final = 2
"""Each reply is written so often in each way, and its fastest counts."""
COUNTS: Final = (2, 4, 8)
"""Tokens guessed at once that are tried."""
PROBE_TOKENS: Final = 600
"""The drift is measured at such a depth, where llama.cpp divides a long cache among threads for a single token."""


class Replies(NamedTuple):
    """Writing one reply in one way."""

    seconds: float
    tokens: int
    guessed: int
    accepted: int

    @property
    def pace(self) -> float:
        """Tokens per second."""
        return self.tokens / self.seconds if self.tokens else 0.0


def speculated(
    context: Context,
    method: Method,
    drafter: Drafter,
    prompts: Sequence[Sequence[int]],
    reply: int,
    counts: Sequence[int] = COUNTS,
) -> list[Speculation]:
    """One result for each number of tokens guessed at once; each dialogue is answered with all of them in turns, in `reply`
    tokens at most. The gain is that of the dialogue in the middle. Raises EngineError."""
    if not context.can_take_back:
        return []
    moved = drift(context, list(prompts[0])[:PROBE_TOKENS])
    written: dict[int, list[Replies]] = {count: [] for count in (0, *counts)}
    for prompt in prompts:
        for count, replies in written.items():
            same = [_reply(context, drafter if count else None, count, list(prompt), reply) for _ in range(ROUNDS)]
            replies.append(min(same, key=lambda each: each.seconds))
    plain = written.pop(0)
    return [
        Speculation(
            method=method,
            tokens=count,
            acceptance=sum(each.accepted for each in found) / max(1, sum(each.guessed for each in found)),
            gain=statistics.median(ours.pace / theirs.pace for ours, theirs in zip(found, plain, strict=True) if theirs.tokens),
            drift=moved,
        )
        for count, found in written.items()
        if any(each.tokens for each in plain)
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
    if best.gain >= PAYS and best.acceptance >= RIGHT:
        return best, f"{told}; {same}."
    return Speculation(drift=best.drift, acceptance=best.acceptance, gain=best.gain), f"{told}: that does not pay here."
