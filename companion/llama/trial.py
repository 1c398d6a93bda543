"""One setting, timed as the chat would run it: a message is read and a reply written in the middle of a conversation."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Final, NamedTuple, TypeVar

from companion.core.errors import ModelError
from companion.llama.context import Context, ContextOptions, KVTypes
from companion.llama.model import Model
from companion.llama.throughput import any_tokens

MESSAGE, REPLY = 96, 64
"""Tokens of a turn: a message with what goes with it is read, a reply is written."""
HOPELESS: Final = 1.6
"""A setting that takes so many times as long as the best one is not tried again."""
GIVEN_UP: Final = 4.0
"""And one that writes so many times as long is not even timed to its end."""
LOOKS: Final = 3
DEPTH: Final = 1024
"""Tokens that stand in the cache while a setting is timed, as far as the model was trained for so many."""
Key = TypeVar("Key")


class Setting(NamedTuple):
    """What can be chosen."""

    threads: int
    prompt_threads: int
    batch: int = 512
    ubatch: int = 512
    flash_attention: bool = True
    kv_types: KVTypes = KVTypes()

    def options(self, tokens: int) -> ContextOptions:
        return ContextOptions(
            tokens=tokens,
            threads=self.threads,
            prompt_threads=self.prompt_threads,
            batch=self.batch,
            ubatch=self.ubatch,
            flash_attention=self.flash_attention,
            kv_types=self.kv_types,
            sequences=2,
        )


class Speeds(NamedTuple):
    """Tokens per second."""

    read: float
    write: float

    @property
    def turn(self) -> float:
        """Seconds of a whole turn."""
        return MESSAGE / self.read + REPLY / self.write

    def better(self, other: Speeds) -> Speeds:
        return Speeds(max(self.read, other.read), max(self.write, other.write))


NOTHING: Final = Speeds(1e-9, 1e-9)


class Effort(NamedTuple):
    """How much one trial reads and writes; less for a slow model, so that each takes about half a second."""

    seed: int = 256
    """Tokens that are really read before; `repeats` times as many stand in the cache (`Context.grow`)."""
    repeats: int = 4
    read: int = 192
    write: int = 12

    @property
    def context(self) -> int:
        return self.seed * self.repeats + self.read + self.write + 32


def affordable(model: Model, threads: int, seconds: float = 0.4) -> Effort:
    """An effort that reads for about so long."""
    with Context(model, ContextOptions(64, threads, batch=32, flash_attention=True)) as context:
        context.read(any_tokens(context, 8))
        times = []
        for _ in range(LOOKS):  # one alone may be disturbed
            context.clear()
            began = time.perf_counter()
            context.read(any_tokens(context, 32))
            times.append(time.perf_counter() - began)
        speed = 32 / min(times)
    read = max(32, min(192, int(speed * seconds) // 16 * 16))
    trained = model.trained_context_tokens or 2048
    effort = Effort(seed=max(32, min(256, read)), read=read, write=12 if read > 48 else 4)
    room = min(DEPTH, trained - read - effort.write - 32)
    return effort._replace(repeats=max(1, room // effort.seed))


class Stand:
    """A context in the middle of a conversation, ready to be timed again and again."""

    def __init__(self, model: Model, setting: Setting, effort: Effort) -> None:
        """Raises ModelError where such a context cannot be made, EngineError where it cannot compute."""
        self._effort = effort
        self._context = Context(model, setting.options(effort.context))
        self._message = any_tokens(self._context, effort.read)
        try:
            self._context.read(any_tokens(self._context, effort.seed))
            self._context.grow(effort.repeats)
        except BaseException:
            self._context.close()
            raise
        self._depth = len(self._context.tokens)

    def __enter__(self) -> Stand:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._context.close()

    def time(self, setting: Setting, best: Speeds | None = None) -> Speeds:
        """One turn with the setting's threads; its other values are those the stand was made with.

        Threads that wait for each other beside another program can be a hundred times slower. What writes far more slowly than
        `best` is given up at once, and its reading is taken to be as much slower.
        """
        context, effort = self._context, self._effort
        context.use_threads(setting.threads, setting.prompt_threads)
        if not context.cut(self._depth):  # a cache that cannot be cut is filled again
            context.read(any_tokens(context, effort.seed))
        times: list[float] = []
        for token in self._message[: effort.write]:
            began = time.perf_counter()
            context.add(token)
            times.append(time.perf_counter() - began)
            if best is not None and sum(times) * best.write > GIVEN_UP * effort.write:
                return Speeds(best.read * len(times) / sum(times) / best.write, len(times) / sum(times))
        began = time.perf_counter()
        context.read([*context.tokens, *self._message])
        return Speeds(effort.read / (time.perf_counter() - began), 1 / statistics.median(times))


@contextlib.contextmanager
def stands(model: Model, settings: Mapping[Key, Setting], effort: Effort) -> Iterator[dict[Key, Stand]]:
    """One for each setting that this model can have; those that llama.cpp cannot make are left out."""
    with contextlib.ExitStack() as stack:
        made: dict[Key, Stand] = {}
        for key, setting in settings.items():
            with contextlib.suppress(ModelError):
                made[key] = stack.enter_context(Stand(model, setting, effort))
        yield made


def race(made: Mapping[Key, Stand], settings: Mapping[Key, Setting], rounds: int) -> dict[Key, Speeds]:
    """The best speeds of each. They take turns, so that a disturbance meets all of them; who is far behind drops out."""
    best: dict[Key, Speeds] = {}
    running = list(made)
    for _ in range(rounds):
        for key in running:
            fastest = max(best.values(), key=lambda speeds: speeds.write, default=None)
            best[key] = made[key].time(settings[key], fastest).better(best.get(key, NOTHING))
        shortest = min(speeds.turn for speeds in best.values())
        running = [key for key in running if best[key].turn <= HOPELESS * shortest]
    return best
