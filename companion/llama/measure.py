"""What is fastest for this model on this machine: threads, batch and flash attention, by a short measurement."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import msgspec

from companion.core.amounts import counted
from companion.core.other_load import HARMLESS, OtherLoad
from companion.llama.context import Context, ContextOptions
from companion.llama.model import Model

GOOD_ENOUGH = 0.95
"""Fewer threads or a smaller batch are preferred when they reach this share of the best speed: they leave the
processor to the window, and let Stop be obeyed sooner."""
PROMPT_TOKENS, REPLY_TOKENS, DEPTH = 128, 12, 512
SEED_TOKENS, REPEATS, TURN_TOKENS = 256, 8, 40
"""A conversation of 2,048 tokens is made of 256 that are read and repeated; then a turn of 40 is timed."""


COLLAPSE = 0.6
"""At rest, more threads than are useful cost a few per cent."""


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """One measured setting; speeds in tokens per second."""

    threads: int
    batch: int
    flash_attention: bool
    depth: int = 0
    """Tokens that were in the cache before; attention to them is part of the cost."""
    prompt: float
    reply: float


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    threads: int
    prompt_threads: int
    batch: int
    flash_attention: bool
    reason: str
    """Such as “writes 118 tokens per second, 74 with 1 thread”."""
    speeds: tuple[Speed, ...]
    other_cores: float = 0.0
    """How many cores other programs kept busy meanwhile."""

    @property
    def was_disturbed(self) -> bool:
        """Whether other programs computed meanwhile; or more threads collapsed where one should not: threads wait for each other,
        so a program that holds a core makes two of them several times slower than one. Nothing else does."""
        if self.other_cores > HARMLESS:
            return True
        replies: dict[int, float] = {}
        for speed in self.speeds:
            if not speed.depth:
                replies[speed.threads] = max(speed.reply, replies.get(speed.threads, 0.0))
        fewest, most = min(replies), max(replies)
        return self.threads == fewest < most and replies[most] < COLLAPSE * replies[fewest]

    @property
    def best_prompt(self) -> float:
        """Tokens/s of reading at rest with the chosen threads."""
        return max(speed.prompt for speed in self.speeds if speed.threads == self.prompt_threads and not speed.depth)

    @property
    def best_reply(self) -> float:
        """Tokens/s of writing at rest with the chosen threads."""
        return max(speed.reply for speed in self.speeds if speed.threads == self.threads and not speed.depth)


def measure(model: Model, threads: Sequence[int], *, budget: float, progress: Callable[[float], None]) -> Measurement:
    """Try each count of `threads` (ascending; the highest is tried first), then flash attention in a long conversation,
    then batch sizes, until `budget` seconds are spent. A slow model gets fewer tokens to read, so that each try is short.

    What there is no time for keeps its default: a batch of 512 and flash attention on.
    """
    deadline, others = time.perf_counter() + budget, OtherLoad()
    tokens = _affordable_tokens(model, threads[-1])
    progress(0.05)
    tried: list[Speed] = []
    for number, count in enumerate(reversed(threads)):
        # fewer threads are at worst as many times slower
        if tried and time.perf_counter() + _cost(tried[-1], tokens) * tried[-1].threads / count > deadline:
            break
        tried.append(_speed(model, _options(tokens, count, tokens), tokens))
        progress(0.05 + 0.45 * (number + 1) / len(threads))
    tried.reverse()
    best = _first_good([(s.threads, s.reply) for s in tried])
    prompt_best = _first_good([(s.threads, s.prompt) for s in tried])
    best_prompt = max(s.prompt for s in tried)
    reason = _reason(tried, best)
    flash, deep = True, tuple[Speed, ...]()
    if time.perf_counter() + 2 * (SEED_TOKENS + 2 * TURN_TOKENS) / best_prompt < deadline:
        deep = tuple(_speed_at_depth(model, prompt_best, flash=on) for on in (True, False))
        flash = _until_first_sentence(deep[0]) <= _until_first_sentence(deep[1])
    progress(0.75)
    batch, sizes = 512, list[Speed]()
    for size in (128, 512):
        if time.perf_counter() + DEPTH / best_prompt > deadline:
            break
        sizes.append(_speed(model, _options(DEPTH, prompt_best, size, flash=flash), DEPTH, reply=False))
    if len(sizes) == 2:
        batch = _first_good([(s.batch, s.prompt) for s in sizes])
    progress(1.0)
    return Measurement(
        threads=best,
        prompt_threads=prompt_best,
        batch=batch,
        flash_attention=flash,
        reason=reason,
        speeds=(*tried, *deep, *sizes),
        other_cores=round(others.cores(), 2),
    )


def thread_candidates(cores: int) -> list[int]:
    """Counts worth trying with `cores` physical cores: every one up to 4, then even ones, then multiples of 4."""
    return [n for n in range(1, cores + 1) if n <= 4 or (n <= 8 and n % 2 == 0) or n % 4 == 0 or n == cores]


def _options(depth: int, threads: int, batch: int, *, flash: bool = True) -> ContextOptions:
    return ContextOptions(tokens=depth + 2 * REPLY_TOKENS, threads=threads, batch=batch, flash_attention=flash)


def _speed(model: Model, options: ContextOptions, depth: int, *, reply: bool = True) -> Speed:
    """Read `depth` tokens, then add a few; a first, unmeasured batch wakes threads and caches."""
    tokens = [(7 * i + 11) % model.vocabulary.size for i in range(depth)]
    with Context(model, options) as context:
        context.read(tokens[:16])
        context.clear()
        began = time.perf_counter()
        context.read(tokens)
        prompt = depth / (time.perf_counter() - began)
        times = [_time_to_add(context, token) for token in tokens[: REPLY_TOKENS if reply else 0]]
    return Speed(
        threads=options.threads,
        batch=options.batch,
        flash_attention=bool(options.flash_attention),
        prompt=round(prompt, 1),
        reply=round(1 / statistics.median(times), 1) if times else 0.0,
    )


def _affordable_tokens(model: Model, threads: int) -> int:
    """How many tokens are read in a quarter of a second, between 16 and `PROMPT_TOKENS`: what one try may cost."""
    with Context(model, ContextOptions(64, threads, batch=16, flash_attention=True)) as context:
        began = time.perf_counter()
        context.read([(7 * i + 11) % model.vocabulary.size for i in range(16)])
        speed = 16 / (time.perf_counter() - began)
    return max(16, min(PROMPT_TOKENS, int(speed / 4) // 16 * 16))


def _cost(speed: Speed, tokens: int) -> float:
    return (tokens + 16) / speed.prompt + REPLY_TOKENS / speed.reply


def _speed_at_depth(model: Model, threads: int, *, flash: bool) -> Speed:
    """Reading a message and writing in the middle of a long conversation."""
    depth = SEED_TOKENS * REPEATS
    tokens = [(7 * i + 11) % model.vocabulary.size for i in range(SEED_TOKENS)]
    options = ContextOptions(depth + 2 * TURN_TOKENS + REPLY_TOKENS, threads, batch=512, flash_attention=flash, sequences=2)
    with Context(model, options) as context:
        context.read(tokens)
        context.grow(REPEATS)
        held = len(context.tokens)
        times = []
        for _ in range(2):
            began = time.perf_counter()
            context.read([*context.tokens, *tokens[:TURN_TOKENS]])
            times.append(time.perf_counter() - began)
        replies = [_time_to_add(context, token) for token in tokens[:REPLY_TOKENS]]
    return Speed(
        threads=threads,
        batch=512,
        flash_attention=flash,
        depth=held,
        prompt=round(TURN_TOKENS / min(times), 1),
        reply=round(1 / statistics.median(replies), 1),
    )


def _time_to_add(context: Context, token: int) -> float:
    began = time.perf_counter()
    context.add(token)
    return time.perf_counter() - began


def _until_first_sentence(speed: Speed) -> float:
    """Seconds until a person has something to read: a message of 40 tokens is read, 20 are written."""
    return 40 / speed.prompt + 20 / speed.reply


def _first_good(pairs: Sequence[tuple[int, float]]) -> int:
    best = max(value for _, value in pairs)
    return next(count for count, value in pairs if value >= GOOD_ENOUGH * best)


def _reason(tried: Sequence[Speed], best: int) -> str:
    ordered = sorted(tried, key=lambda s: (s.threads != best, -s.reply))[:3]
    others = (f"{speed.reply:.0f} with {counted(speed.threads, 'thread')}" for speed in ordered[1:])
    return ", ".join([f"writes {ordered[0].reply:.0f} tokens per second", *others])
