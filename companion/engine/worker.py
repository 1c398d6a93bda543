"""The engine's main loop: one thread reads requests, the main thread carries them out one after the other."""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from pathlib import Path

import msgspec

from companion.core.errors import CompanionError, ModelError
from companion.core.logs import log_to_stderr
from companion.core.messages import (
    PROTOCOL,
    CountTokens,
    Generate,
    Hello,
    Leave,
    Load,
    LoadFailed,
    LoadProgress,
    ModelReady,
    Prepare,
    RequestFailed,
    Stop,
    TokenCounts,
    decode_request,
)
from companion.core.pipes import WorkerPipe
from companion.engine.answer import answer, prepare
from companion.engine.ladder import Ladder
from companion.engine.session import Session, inspect, open_session
from companion.llama.library import Library, build_description

log = logging.getLogger(__name__)
Work = Load | Generate | Prepare | CountTokens
LEAVE_SECONDS = 2.0
"""Native code that does not come back this long after the pipe was closed is left where it is: no orphans, ever."""


class Worker:
    def __init__(self, pipe: WorkerPipe) -> None:
        self._pipe = pipe
        self._library = Library(log.debug)
        self._ladder = Ladder()
        self._session: Session | None = None
        self._requests: queue.SimpleQueue[tuple[Work, float] | None] = queue.SimpleQueue()
        self._stopped: set[int] = set()
        self._loading = 0
        """The `Load` being carried out, 0 for none."""
        self._leaving = threading.Event()

    def run(self) -> None:
        """Serve until the pipe is closed or `Leave` arrives."""
        self._pipe.send(Hello(protocol=PROTOCOL, pid=os.getpid(), build=build_description()))
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        while (item := self._requests.get()) is not None and not self._leaving.is_set():
            self._serve(*item)
        if self._session is not None:
            self._session.close()

    def _listen(self) -> None:
        for line in self._pipe.lines():
            try:
                request = decode_request(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self._pipe.send(RequestFailed(request=0, what=f"The engine did not understand a request: {error}."))
                continue
            if isinstance(request, Leave):
                break
            if isinstance(request, Stop):
                self._stopped.add(request.request)
                if request.request == self._loading:
                    self._ladder.stop()
            else:
                self._requests.put((request, time.perf_counter()))
        self._leaving.set()
        self._ladder.stop()
        self._requests.put(None)
        threading.Timer(LEAVE_SECONDS, os._exit, args=(0,)).start()

    def _serve(self, request: Work, arrived: float) -> None:
        try:
            if isinstance(request, Load):
                self._load(request)
            elif isinstance(request, Generate):
                self._answer(request, arrived)
            elif isinstance(request, Prepare):
                self._prepare(request)
            elif isinstance(request, CountTokens):
                vocabulary = self._ready().model.vocabulary
                counts = tuple(len(vocabulary.tokenize(text)) for text in request.texts)
                self._pipe.send(TokenCounts(request=request.request, counts=counts))
        except CompanionError as error:
            self._pipe.send(RequestFailed(request=request.request, what=error.what, remedy=error.remedy))
        except Exception:
            log.exception("request %s failed", type(request).__name__)
            self._pipe.send(
                RequestFailed(
                    request=request.request,
                    what="Something went wrong in the engine.",
                    remedy="Try again; the log has the details.",
                )
            )

    def _ready(self) -> Session:
        if self._session is None:
            raise CompanionError("No model is loaded.", "Choose a model first.")
        return self._session

    def _answer(self, request: Generate, arrived: float) -> None:
        def stopped() -> bool:
            return request.request in self._stopped or self._leaving.is_set()

        try:
            answer(self._ready(), request, arrived, stopped, self._pipe.send)
        finally:
            self._stopped.discard(request.request)

    def _prepare(self, request: Prepare) -> None:
        """Read ahead until somebody asks for something; what was read stays in the cache."""
        if self._session is not None:
            prepare(self._session, request, lambda: self._leaving.is_set() or not self._requests.empty(), self._pipe.send)

    def _load(self, request: Load) -> None:
        began = time.perf_counter()
        number = request.request

        def report(stage: str, fraction: float) -> None:
            self._pipe.send(LoadProgress(request=number, stage=stage, fraction=fraction))  # type: ignore[arg-type]

        def leaving() -> bool:
            return self._leaving.is_set() or number in self._stopped

        self._ladder.resume()
        self._loading = number
        try:
            if leaving():
                raise ModelError("Loading was stopped.")
            held = self._session.info.memory_bytes if self._session is not None else 0
            header = inspect(Path(request.path), request.options, held)
            if self._session is not None:  # two models at once may not fit
                self._session.close()
                self._session = None
            self._session = open_session(self._library, self._ladder, header, request, report, leaving)
        except CompanionError as error:
            log.warning("%s did not load: %s\n%s", request.path, error, "\n".join(list(self._library.log)[-40:]))
            self._pipe.send(LoadFailed(request=number, what=error.what, remedy=error.remedy))
            return
        except Exception as error:
            log.exception("%s did not load", request.path)
            self._pipe.send(
                LoadFailed(request=number, what=f"The model could not be loaded ({error}).", remedy="The log has the details.")
            )
            return
        finally:
            self._loading = 0
            self._stopped.discard(number)
        self._pipe.send(ModelReady(request=number, model=self._session.info, seconds=time.perf_counter() - began))


def main() -> int:
    """`companion engine`: started by the window, the terminal chat or a test, never by hand."""
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # an abort would start a debugger first, for a second or more
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the program that started us
    log_to_stderr()
    pipe = WorkerPipe()
    Worker(pipe).run()
    logging.shutdown()
    os._exit(0)  # tearing down a GPU driver can hang; the pipe is closed and nothing is left to save
