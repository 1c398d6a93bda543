"""Two replies to each prompt, written by engine processes while the person still reads the ones before."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from msgspec.structs import replace

from companion.core.adapter_use import adapter_use
from companion.core.dataset import DialogueTurn
from companion.core.messages import AdapterUse, LoadOptions, Piece, Turn
from companion.core.sampling import Sampling
from companion.engine.client import EngineClient, EngineDied


class Question(NamedTuple):
    """`turns` end with the person's words; `seed` is the same for both sides."""

    name: str
    turns: tuple[DialogueTurn, ...]
    seed: int


class Pair(NamedTuple):
    question: Question
    a: str
    b: str


class Side:
    """One subject in an engine, which another with the same model shares. An engine that died is started once more."""

    def __init__(self, files: Sequence[str], options: LoadOptions, shared: Side | None = None) -> None:
        """Raises CompanionError when the model cannot be loaded."""
        self._model = Path(files[0])
        self._adapters = [adapter_use(file) for file in files[1:]]
        self._options = options
        self._owner = shared or self
        self._engine: EngineClient | None = None
        self._put: list[AdapterUse] | None = None
        if shared is None:
            self._start()

    def reply(self, question: Question, sampling: Sampling, left: threading.Event) -> str:
        """Raises CompanionError. Nothing is started again once nobody waits for it."""
        try:
            return self._reply(question, sampling)
        except EngineDied:
            if left.is_set():
                raise
            self._owner.close()
            self._owner._start()
            return self._reply(question, sampling)

    def stop(self) -> None:
        """End the reply under way."""
        if self._engine is not None:
            with contextlib.suppress(EngineDied):
                self._engine.stop()

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _start(self) -> None:
        self._engine = EngineClient()
        self._put = None
        self._engine.load(self._model, self._options)

    def _reply(self, question: Question, sampling: Sampling) -> str:
        owner = self._owner
        assert owner._engine is not None  # noqa: S101 - started by the constructor
        if owner._put != self._adapters:
            owner._engine.set_adapters(self._adapters)
            owner._put = self._adapters
        turns = [Turn(turn.role, turn.content) for turn in question.turns]
        events = owner._engine.generate(turns, replace(sampling, seed=question.seed))
        return "".join(event.text for event in events if isinstance(event, Piece)).strip()


class Replies:
    """Pairs in the order of their questions. Use as a context manager: leaving it ends the engines."""

    def __init__(
        self, a: Sequence[str], b: Sequence[str], questions: Sequence[Question], sampling: Sampling, options: LoadOptions
    ) -> None:
        """`a` and `b` are a model's path and its adapters as FILE:SCALE. Raises CompanionError."""
        self._questions, self._sampling = questions, sampling
        self._a = Side(a, options)
        try:
            self._b = Side(b, options, shared=self._a if a[0] == b[0] else None)
        except BaseException:
            self._a.close()
            raise
        self._ready: queue.SimpleQueue[Pair | Exception | None] = queue.SimpleQueue()
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._write, name="replies", daemon=True)
        self._thread.start()

    def __enter__(self) -> Replies:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._left.set()
        while self._thread.is_alive():  # a stop that comes just before a reply begins does not end it
            self._a.stop()
            self._b.stop()
            self._thread.join(0.2)
        self._a.close()
        self._b.close()

    @property
    def waiting(self) -> bool:
        """Whether the next pair is not written yet."""
        return self._ready.empty()

    def __iter__(self) -> Iterator[Pair]:
        """Raises CompanionError when an engine fails twice at the same question."""
        while (found := self._ready.get()) is not None:
            if isinstance(found, Exception):
                raise found
            yield found

    def _write(self) -> None:
        try:
            for question in self._questions:
                written: list[str] = []
                for side in (self._a, self._b):
                    if self._left.is_set():
                        return
                    written.append(side.reply(question, self._sampling, self._left))
                self._ready.put(Pair(question, *written))
            self._ready.put(None)
        except Exception as error:  # whatever it is, it is raised where it is waited for
            self._ready.put(error)
