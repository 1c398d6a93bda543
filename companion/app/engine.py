"""The engine as the window sees it: a child process that may die at any moment and comes back."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence

import msgspec
from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from companion.app.engine_state import EngineState
from companion.core.logs import log_file
from companion.core.messages import (
    PROTOCOL,
    Event,
    Generate,
    Hello,
    Load,
    LoadFailed,
    LoadOptions,
    LoadProgress,
    ModelInfo,
    ModelReady,
    Piece,
    Prepare,
    PromptProgress,
    PromptRead,
    ReplyDone,
    Request,
    RequestFailed,
    Stop,
    Turn,
    decode_event,
    encode,
)
from companion.core.processes import exit_sentence, is_native_crash, worker_command
from companion.core.sampling import Sampling

log = logging.getLogger(__name__)
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
    prompt_progressed = Signal(object)
    prompt_read = Signal(object)
    piece_received = Signal(int, str)
    reply_done = Signal(object)
    reply_failed = Signal(int, str, str)
    """The engine could not answer this request: what, remedy."""
    reply_lost = Signal(int, str)
    """The engine died while answering this request."""
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
        self._avoid: set[str] = set()
        self._deaths = 0
        self._closing = False

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

    def stop(self) -> None:
        """Stop the reply under way; without one, nothing happens."""
        if self._answering is not None:
            self._send(Stop(request=self._answering))

    def close(self) -> None:
        """End the process and wait for it, a few seconds at most."""
        self._closing = True
        if (process := self._process) is None:
            return
        process.closeWriteChannel()
        if not process.waitForFinished(CLOSE_MS):
            process.kill()
            process.waitForFinished(CLOSE_MS)

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
        self._process = process
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
            self._answered(event.request)
            self.reply_failed.emit(event.request, event.what, event.remedy)
        elif isinstance(event, Hello):
            log.info("engine %s: %s", event.pid, event.build)
            if event.protocol != PROTOCOL:
                self._fall_back("The engine belongs to another version of the program.", "Install Companion again.")
        else:
            self._receive_load(event)

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
        self._deaths += 1
        if is_native_crash(exit_status) and self.model is not None:
            self._avoid.add(self.model.rung)
        was_ready, lost, self._answering = self.model is not None, self._answering, None
        if lost is not None:
            self.reply_lost.emit(lost, sentence)
        self.died.emit(sentence)
        if not was_ready and is_native_crash(exit_status):
            self._fall_back(f"{sentence} The model was being loaded.", "Choose another model; this one does not run here.")
        elif self._wanted is None or self._deaths >= MOST_DEATHS:
            self._fall_back(
                f"{sentence} It was started {self._deaths} times.", "Choose another model, or close programs that need memory."
            )
        else:
            wanted = self._wanted
            again = Load(request=next(self._numbers), path=wanted.path, options=wanted.options, avoid=tuple(sorted(self._avoid)))
            QTimer.singleShot(0, self, lambda: self._load(again))
