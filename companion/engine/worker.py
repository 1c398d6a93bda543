"""The engine's main loop: one thread reads requests, the main thread carries them out one after the other."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from companion.core.addons.use import guarded
from companion.core.errors import CompanionError, EngineError, ModelError
from companion.core.logs import log_to_stderr
from companion.core.messages import (
    PROTOCOL,
    AdaptersReady,
    CountTokens,
    Embed,
    Embedded,
    Generate,
    Hello,
    Leave,
    Load,
    LoadFailed,
    LoadProgress,
    ModelReady,
    MoodsRead,
    Prepare,
    ReadMoods,
    Reflect,
    RequestFailed,
    SetAdapters,
    Stop,
    TokenCounts,
    decode_request,
)
from companion.core.pipes import WorkerPipe
from companion.engine.adapters import AdapterChoice
from companion.engine.answer import answer, prepare
from companion.engine.embedding import Embedder
from companion.engine.inbox import Inbox, Item
from companion.engine.ladder import Ladder
from companion.engine.moods import Moods
from companion.engine.reflecting import IDLE_SECONDS, Reflector
from companion.engine.session import Session, inspect, open_session
from companion.llama.library import Library, build_description

log = logging.getLogger(__name__)
ENDS_READING = (Load, SetAdapters, Generate, Prepare)
"""After one of these, what was read ahead would not be of use."""
LEAVE_SECONDS = 2.0
"""Native code that does not come back this long after the pipe was closed is left where it is: no orphans, ever."""


class Worker:
    def __init__(self, pipe: WorkerPipe) -> None:
        self._pipe = pipe
        with guarded():
            self._library = Library(log.debug)
        self._ladder = Ladder()
        self._session: Session | None = None
        self._reflector = Reflector()
        self._embedder = Embedder(self._library)
        self._moods = Moods()
        self._inbox = Inbox()
        self._stopped: set[int] = set()
        """Requests that are to stop; a `Stop` that came too late stays here, and its number never comes again."""
        self._loading = 0
        """The `Load` being carried out, 0 for none."""
        self._leaving = threading.Event()

    def run(self) -> None:
        """Serve until the pipe is closed or `Leave` arrives."""
        self._pipe.send(Hello(protocol=PROTOCOL, pid=os.getpid(), build=build_description()))
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        while not self._inbox.closed:
            item = self._inbox.get(IDLE_SECONDS if self._reflector.is_open else None)
            if item is not None:
                self._serve(item)
            else:
                self._reflector.close_if_idle()
        self._embedder.close()
        self._let_go()

    def _listen(self) -> None:
        for line in self._pipe.lines():
            try:
                request = decode_request(line)
            except msgspec.DecodeError as error:
                self._pipe.send(RequestFailed(request=0, what=f"The engine did not understand a request: {error}."))
                continue
            if isinstance(request, Leave):
                break
            if isinstance(request, Stop):
                self._stopped.add(request.request)
                if request.request == self._loading:
                    self._ladder.stop()
            else:
                self._inbox.put(Item(request, time.perf_counter()))
        self._leaving.set()
        self._ladder.stop()
        self._inbox.close()
        threading.Timer(LEAVE_SECONDS, os._exit, args=(0,)).start()

    def _serve(self, item: Item) -> None:
        request, rest = item.work, None
        try:
            rest = self._carry_out(item)
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
        if rest is not None:
            self._inbox.put_back(rest)
        else:
            self._stopped.discard(request.request)

    def _carry_out(self, item: Item) -> Item | None:
        """Returns what is left of a request that gave way to others."""
        request = item.work
        if isinstance(request, Prepare):
            return self._prepare(item, request)
        if isinstance(request, Embed):
            return self._embed(item, request)
        if isinstance(request, Load):
            self._load(request)
        elif isinstance(request, SetAdapters):
            self._set_adapters(request)
        elif isinstance(request, Generate):
            answer(self._ready(), self._moods, request, item.arrived, self._stopping(request.request), self._pipe.send)
        elif isinstance(request, CountTokens):
            vocabulary = self._ready().model.vocabulary
            counts = tuple(len(vocabulary.tokenize(text)) for text in request.texts)
            self._pipe.send(TokenCounts(request=request.request, counts=counts))
        elif isinstance(request, ReadMoods):
            self._pipe.send(MoodsRead(request=request.request, moods=self._moods.read(request.texts)))
        elif isinstance(request, Reflect):
            session, stopping = self._ready(), self._stopping(request.request)
            self._pipe.send(self._reflector.reflect(session, request, lambda: stopping() or self._inbox.holds()))
        return None

    def _ready(self) -> Session:
        if self._session is None:
            raise CompanionError("No model is loaded.", "Choose a model first.")
        return self._session

    def _prepare(self, item: Item, request: Prepare) -> Item | None:
        """Read ahead until somebody asks for something; what was read stays in the cache, and small things do not end it."""
        if self._session is None:
            return None
        stopping = self._stopping(request.request)
        prepare(
            self._session,
            request,
            lambda: stopping() or self._inbox.holds(*ENDS_READING, CountTokens, ReadMoods, Embed),
            self._pipe.send,
        )
        goes_on = self._inbox.holds(CountTokens, ReadMoods, Embed) and not self._inbox.holds(*ENDS_READING)
        return item if goes_on and not stopping() else None

    def _embed(self, item: Item, request: Embed) -> Item | None:
        """A reply does not wait for the texts that are still to come."""
        stopping = self._stopping(request.request)
        rest = request.texts[len(item.vectors) :]
        added = self._embedder.embed(
            request.model, rest, request.purpose, lambda: stopping() or self._inbox.holds(Generate, Load, SetAdapters)
        )
        item = item._replace(vectors=item.vectors + added)
        if len(item.vectors) == len(request.texts):
            self._pipe.send(Embedded(request=request.request, vectors=item.vectors))
            return None
        if stopping():
            raise EngineError("The work was stopped.")
        return item

    def _set_adapters(self, request: SetAdapters) -> None:
        began = time.perf_counter()
        session = self._ready()
        chosen = AdapterChoice(session.header, request.adapters)
        chosen.put_on(session)
        self._pipe.send(
            AdaptersReady(
                request=request.request,
                adapters=chosen.adapters,
                seconds=time.perf_counter() - began,
                notes=chosen.notes,
            )
        )

    def _stopping(self, number: int) -> Callable[[], bool]:
        return lambda: number in self._stopped or self._leaving.is_set()

    def _let_go(self) -> None:
        """Close the model, and first what stands on it."""
        self._reflector.close()
        if self._session is not None:
            self._session.close()
            self._session = None

    def _load(self, request: Load) -> None:
        began = time.perf_counter()
        number = request.request

        def report(stage: str, fraction: float) -> None:
            self._pipe.send(LoadProgress(request=number, stage=stage, fraction=fraction))  # type: ignore[arg-type]

        leaving = self._stopping(number)
        self._ladder.resume()
        self._loading = number
        try:
            if leaving():
                raise ModelError("Loading was stopped.")
            held = self._session.info.memory_bytes if self._session is not None else 0
            header = inspect(Path(request.path), request.options, held)
            chosen = AdapterChoice(header, request.adapters)
            self._let_go()  # two models at once may not fit
            session = open_session(self._library, self._ladder, header, request, report, leaving)
            try:
                chosen.put_on(session)
            except BaseException:
                session.close()
                raise
            self._session = session
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
        info = msgspec.structs.replace(session.info, notes=(*session.info.notes, *chosen.notes))
        self._pipe.send(ModelReady(request=number, model=info, seconds=time.perf_counter() - began))
        self._moods.prepare()


def main() -> int:
    """`companion engine`: started by the window, the terminal chat or a test, never by hand."""
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # an abort would start a debugger first, for a second or more
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the program that started us
    log_to_stderr()
    pipe = WorkerPipe()
    Worker(pipe).run()
    logging.shutdown()
    os._exit(0)  # tearing down a GPU driver can hang; the pipe is closed and nothing is left to save
