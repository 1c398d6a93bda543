"""Talking to an engine process without Qt: the terminal chat, the tests and the benchmarks do it this way."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar

from companion.core.errors import EngineError, ModelError
from companion.core.logs import log_file
from companion.core.messages import (
    PROTOCOL,
    AdaptersReady,
    AdapterUse,
    CountTokens,
    Embed,
    Embedded,
    Event,
    Generate,
    Hello,
    Load,
    LoadFailed,
    LoadOptions,
    LoadProgress,
    ModelInfo,
    ModelReady,
    MoodsRead,
    ReadMoods,
    Reflect,
    Reflected,
    ReplyDone,
    Request,
    RequestFailed,
    SetAdapters,
    Stop,
    TokenCounts,
    Turn,
    decode_event,
    encode,
)
from companion.core.moods import Mood
from companion.core.processes import exit_sentence, is_native_crash, worker_command
from companion.core.sampling import Sampling

CLOSE_SECONDS = 5.0
Answer = TypeVar("Answer", AdaptersReady, TokenCounts, MoodsRead, Reflected, Embedded)


class EngineDied(EngineError):
    """The process is gone; `crashed` tells whether native code ran into a fault."""

    def __init__(self, exit_status: int) -> None:
        super().__init__(exit_sentence("The engine", exit_status), "It can be started again; what was said is kept.")
        self.crashed = is_native_crash(exit_status)


class EngineClient:
    """One engine process and one request at a time; `stop` may be called from a signal handler or another thread."""

    def __init__(self) -> None:
        with log_file("engine").open("ab") as log:
            self.process = subprocess.Popen(worker_command("engine"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self._numbers = itertools.count(1)
        self._current = 0
        hello = next(self.events())
        if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
            raise EngineError("The engine answered in a way this version does not understand.", "Install Companion again.")
        self.hello = hello

    def __enter__(self) -> EngineClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def send(self, request: Request) -> None:
        """Raises EngineDied when nobody listens any more."""
        assert self.process.stdin is not None  # noqa: S101 - asked for above
        try:
            self.process.stdin.write(encode(request))
            self.process.stdin.flush()
        except OSError as error:
            raise EngineDied(self.process.wait()) from error

    def events(self) -> Iterator[Event]:
        """Events as they come; raises EngineDied at the end of the stream."""
        assert self.process.stdout is not None  # noqa: S101 - asked for above
        while line := self.process.stdout.readline():
            yield decode_event(line)
        raise EngineDied(self.process.wait())

    def load(
        self,
        path: Path,
        options: LoadOptions = LoadOptions(),  # noqa: B008 - frozen
        *,
        avoid: Sequence[str] = (),
        adapters: Sequence[AdapterUse] = (),
        progress: Callable[[LoadProgress], None] = lambda event: None,
    ) -> ModelInfo:
        """Load a model; raises ModelError with the engine's own sentence, or EngineDied."""
        number = next(self._numbers)
        self.send(Load(request=number, path=str(path), options=options, avoid=tuple(avoid), adapters=tuple(adapters)))
        for event in self.events():
            if isinstance(event, LoadProgress):
                progress(event)
            elif isinstance(event, ModelReady):
                return event.model
            elif isinstance(event, LoadFailed):
                raise ModelError(event.what, event.remedy)
        raise AssertionError("events never end without an exception")

    def generate(
        self,
        turns: Sequence[Turn],
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        *,
        continue_last: bool = False,
    ) -> Iterator[Event]:
        """The events of one reply, up to and including `ReplyDone`; raises EngineError when the engine could not answer."""
        self._current = next(self._numbers)
        self.send(Generate(request=self._current, turns=tuple(turns), sampling=sampling, continue_last=continue_last))
        for event in self.events():
            if isinstance(event, RequestFailed):
                raise EngineError(event.what, event.remedy)
            yield event
            if isinstance(event, ReplyDone):
                return

    def set_adapters(self, adapters: Sequence[AdapterUse]) -> AdaptersReady:
        """Let exactly these count from now on; raises EngineError when one is refused, and those before then still count."""
        return self._ask(SetAdapters(request=next(self._numbers), adapters=tuple(adapters)), AdaptersReady)

    def count_tokens(self, texts: Sequence[str]) -> tuple[int, ...]:
        """Tokens of each text under the loaded model's vocabulary; raises EngineError when none is loaded."""
        return self._ask(CountTokens(request=next(self._numbers), texts=tuple(texts)), TokenCounts).counts

    def read_moods(self, texts: Sequence[str]) -> tuple[Mood, ...]:
        """The mood of each text; needs no model. Raises EngineError when the classifier is missing."""
        return self._ask(ReadMoods(request=next(self._numbers), texts=tuple(texts)), MoodsRead).moods

    def reflect(self, turns: Sequence[Turn], sampling: Sampling) -> Reflected:
        """Write something that is not part of the conversation; raises EngineError when it cannot be done."""
        self._current = next(self._numbers)
        return self._ask(Reflect(request=self._current, turns=tuple(turns), sampling=sampling), Reflected)

    def embed(
        self, model: Path, texts: Sequence[str], purpose: Literal["query", "document"] = "document"
    ) -> tuple[tuple[float, ...], ...]:
        """A vector of length 1 for each text; raises EngineError when the model is refused."""
        request = Embed(request=next(self._numbers), model=str(model), texts=tuple(texts), purpose=purpose)
        return self._ask(request, Embedded).vectors

    def _ask(self, request: Request, answer: type[Answer]) -> Answer:
        self.send(request)
        for event in self.events():
            if isinstance(event, answer):
                return event
            if isinstance(event, RequestFailed):
                raise EngineError(event.what, event.remedy)
        raise AssertionError("events never end without an exception")

    def stop(self) -> None:
        """Stop the reply under way; its `ReplyDone` still comes."""
        self.send(Stop(request=self._current))

    def close(self) -> None:
        """Close the pipe and wait until the process has left; it is ended by force after a few seconds."""
        assert self.process.stdin is not None  # noqa: S101 - asked for above
        assert self.process.stdout is not None  # noqa: S101
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
