"""How fast a context reads and writes, by the protocol of llama.cpp's llama-bench: pp512 reads so many tokens at once into an
empty cache, tg128 writes so many one by one; a first, unmeasured run wakes threads and caches; tokens are any, since their
cost does not depend on what they say."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import llama_cpp

from companion.core.errors import EngineError
from companion.llama.batch import Batch
from companion.llama.context import Context
from companion.llama.sampling import Sampler


class Timed(NamedTuple):
    tokens: int
    seconds: float

    @property
    def speed(self) -> float:
        """Tokens per second."""
        return self.tokens / self.seconds if self.seconds else 0.0


def read_speed(context: Context, tokens: int, *, clock: Callable[[], float] = time.perf_counter) -> Timed:
    """Read `tokens` in batches of the context's own size, with logits of the last one only. Leaves the cache empty."""
    values = any_tokens(context, tokens)
    context.clear()
    began = clock()
    with Batch(context) as batch:
        for start in range(0, tokens, batch.size):
            part = values[start : start + batch.size]
            last = start + len(part) == tokens
            batch.add(part, start, 0, [False] * (len(part) - 1) + [last])
            batch.decode()
    seconds = clock() - began
    context.clear()
    return Timed(tokens, seconds)


def write_speed(context: Context, tokens: int, *, clock: Callable[[], float] = time.perf_counter) -> Timed:
    """Decode `tokens` one after the other from an empty cache. Leaves the cache empty."""
    values = any_tokens(context, tokens)
    context.clear()
    began = clock()
    for token in values:
        context.add(token)
        llama_cpp.llama_synchronize(context.pointer)  # a GPU would still be computing
    seconds = clock() - began
    context.clear()
    return Timed(tokens, seconds)


def first_token(context: Context, prompt: list[int], sampler: Sampler) -> Timed:
    """Read a prompt into an empty cache as the chat does, and draw one token: how long a person waits. Raises EngineError."""
    if not prompt:
        raise EngineError("There is no prompt to answer.", "Choose dialogues with words in them.")
    context.clear()
    began = time.perf_counter()
    context.read(prompt)
    sampler.sample(context.pointer)
    seconds = time.perf_counter() - began
    context.clear()
    return Timed(len(prompt), seconds)


def any_tokens(context: Context, count: int) -> list[int]:
    """Tokens spread over the vocabulary, the same ones each time."""
    return [(7 * i + 11) % context.model.vocabulary.size for i in range(count)]
