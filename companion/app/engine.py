"""The engine as the window sees it: a child process that may die at any moment and comes back."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from companion.app.adapter_wishes import AdapterWishes
from companion.app.engine_state import EngineState
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
    MoodHeard,
    MoodsRead,
    Piece,
    Prepare,
    PromptProgress,
    PromptRead,
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
from companion.core.processes import exit_sentence, is_native_crash, worker_command
from companion.core.sampling import Sampling

log = logging.getLogger(__name__)
Side = CountTokens | ReadMoods | Reflect | Embed | SetAdapters
MOST_DEATHS = 3
"""The engine is started again so many times in a row without having said a word."""
CLOSE_MS = 4000


class Engine(QObject):
    """Starts the process when a model is asked for, restarts it when it dies, and brings the previous model back."""

    state_changed = Signal(object)
    load_progressed = Signal(object)
    model_ready = Signal(object)
    load_failed = Signal(str, str)
    """What happened and what to do; the previous model, if there was one, is being loaded again."""
    adapters_changed = Signal(object)
    """ModelInfo: these adapters count on the loaded model now."""
    adapters_refused = Signal(str, str)
    """What is wrong with an adapter that was left out, and what to do."""
    prompt_progressed = Signal(object)
    prompt_read = Signal(object)
    piece_received = Signal(int, str)
    reply_done = Signal(object)
    reply_failed = Signal(int, str, str)
    """The engine could not answer this request: what, remedy."""
    reply_lost = Signal(int, str)
    """The engine died while answering this request."""
    tokens_counted = Signal(int, object)
    """Request number and a tuple of counts."""
    moods_read = Signal(int, object)
    """Request number and a tuple of moods."""
    mood_heard = Signal(object)
    """MoodHeard: one sentence of the reply under way."""
    reflected = Signal(object)
    """Reflected; incomplete when something else was asked for meanwhile."""
    embedded = Signal(object)
    request_failed = Signal(int, str, str)
    """What is not a reply could not be done, or was lost with the engine: request, what, remedy."""
    died = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = EngineState.STOPPED
        self.model: ModelInfo | None = None
        self._process: QProcess | None = None
        self._numbers = itertools.count(1)
        self._wanted: Load | None = None
        self._previous: Load | None = None
        self._answering: int | None = None
        self._asked: dict[int, Side] = {}
        """Requests beside replies that wait for their answer."""
        self._adapters = AdapterWishes()
        self._deadly: set[str] = set()
        """Embedding models that took the engine down."""
        self._avoid: set[str] = set()
        self._deaths = 0
        self._closing = self._has_greeted = False

    @property
    def process_id(self) -> int:
        """0 while no process runs."""
        return self._process.processId() if self._process is not None else 0

    def load(self, path: str, options: LoadOptions) -> None:
        """Load a model; ends in `model_ready` or `load_failed`. A reply under way ends as stopped first."""
        if self.model is not None:
            self._previous = self._wanted
        self._avoid.clear()
        self._deaths = 0
        self._load(Load(request=next(self._numbers), path=path, options=options))

    def set_adapters(self, adapters: Sequence[AdapterUse]) -> None:
        """From the next prompt on exactly these count, on this model and on those loaded later; ends in `adapters_changed`
        or `adapters_refused`. To want what counts already costs nothing."""
        self._adapters.want(adapters)
        self._tell_adapters()

    def generate(self, turns: Sequence[Turn], sampling: Sampling, *, continue_last: bool = False) -> int:
        """Ask for a reply and return its request number; only while `state` is READY."""
        number = next(self._numbers)
        self._answering = number
        self._set_state(EngineState.ANSWERING)
        self._send(Generate(request=number, turns=tuple(turns), sampling=sampling, continue_last=continue_last))
        return number

    def prepare(self, turns: Sequence[Turn], reply_tokens: int) -> int:
        """Let the engine read these turns while it has nothing else to do; whatever is asked next comes first.

        Returns the request number, which a `prompt_read` answers; 0 when the engine is not READY.
        """
        if self.state is not EngineState.READY:
            return 0
        number = next(self._numbers)
        self._send(Prepare(request=number, turns=tuple(turns), reply_tokens=reply_tokens))
        return number

    # Besides replies: each ends in its own signal or in `request_failed`; 0 is no request, and nothing will come of it

    def count_tokens(self, texts: Sequence[str]) -> int:
        """Count under the loaded model's vocabulary, for `tokens_counted`; 0 without a model."""
        return self._ask(CountTokens(request=next(self._numbers), texts=tuple(texts))) if self.model is not None else 0

    def read_moods(self, texts: Sequence[str]) -> int:
        """Read moods, for `moods_read`; needs no model. 0 when the engine cannot be started."""
        return self._ask(ReadMoods(request=next(self._numbers), texts=tuple(texts)))

    def reflect(self, turns: Sequence[Turn], sampling: Sampling) -> int:
        """Write something off the record, for `reflected`; whatever is asked next ends it. 0 unless READY."""
        if self.state is not EngineState.READY:
            return 0
        return self._ask(Reflect(request=next(self._numbers), turns=tuple(turns), sampling=sampling))

    def embed(self, model: str, texts: Sequence[str], purpose: Literal["query", "document"] = "document") -> int:
        """Turn texts into vectors, for `embedded`; 0 for a model that took the engine down before."""
        if model in self._deadly:
            return 0
        return self._ask(Embed(request=next(self._numbers), model=model, texts=tuple(texts), purpose=purpose))

    def forget_request(self, request: int) -> None:
        """Nobody waits any more for what was asked beside replies; work on it stops, and no signal comes."""
        if self._asked.pop(request, None) is not None:
            self._send(Stop(request=request))

    def stop(self) -> None:
        """Stop the reply under way; without one, nothing happens."""
        if self._answering is not None:
            self._send(Stop(request=self._answering))

    def restart(self) -> None:
        """A new process takes the place of this one, which ends with all that it loaded, and brings the model back."""
        if self._process is not None:
            self._deaths, self.model = -1, None  # this end is no death
            if self._wanted is not None:
                self._set_state(EngineState.LOADING)
            self._process.closeWriteChannel()

    def close(self) -> None:
        """End the process and wait for it, a few seconds at most."""
        self._closing = True
        if (process := self._process) is None:
            return
        process.closeWriteChannel()
        if not process.waitForFinished(CLOSE_MS):
            process.kill()
            process.waitForFinished(CLOSE_MS)

    def _ask(self, request: Side) -> int:
        if self._process is None and not self._closing and self._deaths < MOST_DEATHS:
            self._start()
        if self._process is None or self._closing:
            return 0
        self._asked[request.request] = request
        self._send(request)
        return request.request

    def _tell_adapters(self) -> None:
        if self.model is not None and (news := self._adapters.news()) is not None:
            self._ask(SetAdapters(request=next(self._numbers), adapters=news))

    def _load(self, request: Load) -> None:
        if self._answering is not None:
            self.stop()
        if self._wanted is not None and self.state is EngineState.LOADING:
            self._send(Stop(request=self._wanted.request))
        self._wanted, self.model = request, None
        self._set_state(EngineState.LOADING)
        if self._process is None:
            self._start()
        self._send(request)

    def _start(self) -> None:
        process = QProcess(self)
        process.setStandardErrorFile(str(log_file("engine")), QProcess.OpenModeFlag.Append)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._start_failed)
        self._process, self._has_greeted = process, False
        command = worker_command("engine")
        process.start(command[0], command[1:])

    def _send(self, request: Request) -> None:
        if self._process is not None:
            self._process.write(encode(request))

    def _set_state(self, state: EngineState) -> None:
        if state is not self.state:
            self.state = state
            self.state_changed.emit(state)

    def _read(self) -> None:
        while self._process is not None and self._process.canReadLine():
            line = bytes(self._process.readLine().data())
            try:
                event = decode_event(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                log.exception("the engine sent a line that is no event")
                continue
            self._receive(event)

    def _receive(self, event: Event) -> None:
        if isinstance(event, Piece):
            self._deaths = 0
            self.piece_received.emit(event.request, event.text)
        elif isinstance(event, ReplyDone):
            self._answered(event.request)
            self.reply_done.emit(event)
        elif isinstance(event, PromptProgress):
            self.prompt_progressed.emit(event)
        elif isinstance(event, PromptRead):
            self.prompt_read.emit(event)
        elif isinstance(event, RequestFailed):
            self._request_failed(event)
        elif isinstance(event, MoodHeard):
            self.mood_heard.emit(event)
        elif isinstance(event, Hello):
            self._has_greeted = True
            log.info("engine %s: %s", event.pid, event.build)
            if event.protocol != PROTOCOL:
                self._fall_back("The engine belongs to another version of the program.", "Install Companion again.")
        elif isinstance(event, TokenCounts | MoodsRead | Reflected | Embedded | AdaptersReady):
            self._receive_side(event)
        else:
            self._receive_load(event)

    def _receive_side(self, event: TokenCounts | MoodsRead | Reflected | Embedded | AdaptersReady) -> None:
        if self._asked.pop(event.request, None) is None:
            return  # nobody waits for it any more
        if isinstance(event, TokenCounts):
            self.tokens_counted.emit(event.request, event.counts)
        elif isinstance(event, MoodsRead):
            self.moods_read.emit(event.request, event.moods)
        elif isinstance(event, Reflected):
            self.reflected.emit(event)
        elif isinstance(event, Embedded):
            self.embedded.emit(event)
        elif self.model is not None:
            self.model = msgspec.structs.replace(self.model, adapters=event.adapters)
            self.adapters_changed.emit(self.model)
            for note in event.notes:
                self.adapters_refused.emit(note, "")

    def _request_failed(self, event: RequestFailed) -> None:
        if event.request == self._answering:
            self._answered(event.request)
            self.reply_failed.emit(event.request, event.what, event.remedy)
        elif (asked := self._asked.pop(event.request, None)) is not None:
            if isinstance(asked, SetAdapters):
                self.adapters_refused.emit(event.what, event.remedy)
            else:
                self.request_failed.emit(event.request, event.what, event.remedy)
        else:
            log.warning("request %s: %s", event.request, event.what)

    def _answered(self, request: int) -> None:
        if request == self._answering:
            self._answering = None
            if self.state is EngineState.ANSWERING:
                self._set_state(EngineState.READY)

    def _receive_load(self, event: Event) -> None:
        if self._wanted is None or getattr(event, "request", 0) != self._wanted.request:
            return  # a load that has been replaced by another
        if isinstance(event, LoadProgress):
            self.load_progressed.emit(event)
        elif isinstance(event, ModelReady):
            self.model = event.model
            self._previous = None
            self._adapters.begin()
            self._tell_adapters()  # before anybody who hears of the model asks for something
            self._set_state(EngineState.READY)
            self.model_ready.emit(event.model)
        elif isinstance(event, LoadFailed):
            self._fall_back(event.what, event.remedy)

    def _fall_back(self, what: str, remedy: str) -> None:
        """The wanted model cannot be had: say so, and bring the previous one back."""
        previous, self._previous = self._previous, None
        if previous is None:
            self._wanted = None
            self._set_state(EngineState.FAILED)
        self.load_failed.emit(what, remedy)
        if previous is not None:
            self._load(Load(request=next(self._numbers), path=previous.path, options=previous.options))

    def _start_failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and self._process is not None:
            self._process.deleteLater()
            self._process = None
            self._deaths = MOST_DEATHS
            self._lose_requests("The engine could not be started.")
            if self._wanted is not None:
                self._fall_back("The engine could not be started.", "Install Companion again; a file of it may be missing.")

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        if self._process is not None:
            self._read()
            self._process.deleteLater()
            self._process = None
        if self._closing:
            return
        exit_status = -code if status is QProcess.ExitStatus.CrashExit and 0 < code < 128 else code
        sentence = exit_sentence("The engine", exit_status)
        log.warning("%s (%s)", sentence, exit_status)
        crashed = is_native_crash(exit_status)
        beside = crashed and self._side_work_is_to_blame()
        if not beside:
            self._deaths += 1
            if crashed and self.model is not None:
                self._avoid.add(self.model.rung)
        was_ready, lost, self._answering = self.model is not None, self._answering, None
        if lost is not None:
            self.reply_lost.emit(lost, sentence)
        self._lose_requests(sentence)
        self.died.emit(sentence)
        if self._wanted is None:
            return  # it only counted and read moods; it is started again when it is asked to
        if not was_ready and crashed and not beside and self._has_greeted:  # else it had not come to the model yet
            self._fall_back(f"{sentence} The model was being loaded.", "Choose another model; this one does not run here.")
        elif self._deaths >= MOST_DEATHS:
            self._fall_back(
                f"{sentence} It was started {self._deaths} times.", "Choose another model, or close programs that need memory."
            )
        else:
            wanted = self._wanted
            again = Load(request=next(self._numbers), path=wanted.path, options=wanted.options, avoid=tuple(sorted(self._avoid)))
            QTimer.singleShot(0, self, lambda: self._load(again))

    def _side_work_is_to_blame(self) -> bool:
        """Requests are carried out in order: the first one that was not answered was being worked on."""
        first = next(iter(self._asked.values()), None)
        if isinstance(first, SetAdapters) and (self._answering is None or first.request < self._answering):
            self._adapters.blame(first.adapters)
            names = ", ".join(f"“{Path(use.path).name}”" for use in first.adapters)
            self.adapters_refused.emit(f"llama.cpp crashed on the adapter {names}.", "She goes on without it; train it again.")
            return True
        if not isinstance(first, Embed) or self.state in {EngineState.LOADING, EngineState.ANSWERING}:
            return False
        self._deadly.add(first.model)
        return True

    def _lose_requests(self, sentence: str) -> None:
        """Nobody waits for ever: what was asked beside replies fails."""
        lost, self._asked = self._asked, {}
        for number, request in lost.items():
            if not isinstance(request, SetAdapters):  # the next process is told of them
                self.request_failed.emit(number, sentence, "")
