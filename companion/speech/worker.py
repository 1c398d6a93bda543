"""`companion speech`: says sentences with Qt's TextToSpeech, in a process of its own.

Asking a speech server for its voices takes seconds where there are hundreds, and one without a sound card may never
answer: nothing of that may happen in the window.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections import deque

import msgspec
from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer, Signal
from PySide6.QtTextToSpeech import QTextToSpeech

from companion.core.logs import log_to_stderr
from companion.core.pipes import WorkerPipe
from companion.core.speech_messages import (
    MOST_VOICES,
    NoSpeech,
    Say,
    Silence,
    SpeechBegun,
    SpeechEnded,
    SpeechReady,
    Tune,
    WordSpoken,
    decode_speech_request,
)

log = logging.getLogger(__name__)
NOT_A_VOICE = "mock"
"""Qt's engine for tests, which says nothing aloud; used only when it is asked for by name."""


class Speaker(QObject):
    """One sentence at a time; requests arrive from the thread that reads them."""

    received = Signal(object)
    closed = Signal()

    def __init__(self, pipe: WorkerPipe, engine: str) -> None:
        super().__init__()
        self._pipe = pipe
        self._waiting: deque[Say] = deque()
        self._saying: Say | None = None
        self._told_ready = False
        self.received.connect(self._receive, Qt.ConnectionType.QueuedConnection)
        self.closed.connect(QCoreApplication.quit, Qt.ConnectionType.QueuedConnection)
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        names = [engine] if engine else [name for name in QTextToSpeech.availableEngines() if name != NOT_A_VOICE]
        self._engine: QTextToSpeech | None = None
        if not names:
            QTimer.singleShot(0, self, lambda: self._give_up("Qt has no speech engine here"))
            return
        self._engine = QTextToSpeech(names[0], self)
        self._engine.stateChanged.connect(self._state_changed)
        self._engine.sayingWord.connect(lambda word, _number, _start, _length: self._pipe.send(WordSpoken(word=word)))
        self._engine.errorOccurred.connect(lambda reason, text: self._give_up(f"{reason} {text}"))
        QTimer.singleShot(0, self, lambda: self._state_changed(self._ready_engine().state()))

    def _listen(self) -> None:
        for line in self._pipe.lines():
            try:
                self.received.emit(decode_speech_request(line))
            except msgspec.DecodeError:
                log.warning("not a request: %.200r", line)
        self.closed.emit()
        threading.Timer(1.0, os._exit, args=(0,)).start()  # a server that hangs is not waited for

    def _receive(self, request: object) -> None:
        match request:
            case Say():
                self._waiting.append(request)
                self._say_next()
            case Silence():
                self._silence()
            case Tune():
                self._tune(request)

    def _say_next(self) -> None:
        if self._saying is None and self._waiting and self._engine is not None and self._told_ready:
            self._saying = self._waiting.popleft()
            self._pipe.send(SpeechBegun(number=self._saying.number))
            self._engine.say(self._saying.text)

    def _silence(self) -> None:
        dropped = [*([self._saying] if self._saying is not None else []), *self._waiting]
        self._saying = None
        self._waiting.clear()
        if dropped and self._engine is not None:
            self._engine.stop(QTextToSpeech.BoundaryHint.Immediate)
        for request in dropped:
            self._pipe.send(SpeechEnded(number=request.number))

    def _tune(self, request: Tune) -> None:
        engine = self._ready_engine()
        engine.setRate(request.rate)
        engine.setPitch(request.pitch)
        if request.voice and engine.voice().name() != request.voice:
            for voice in engine.availableVoices():
                if voice.name() == request.voice:
                    engine.setVoice(voice)
                    break

    def _state_changed(self, state: QTextToSpeech.State) -> None:
        if state is QTextToSpeech.State.Error:
            self._give_up(self._ready_engine().errorString())
        elif state is QTextToSpeech.State.Ready:
            if not self._told_ready:
                self._told_ready = True
                engine = self._ready_engine()
                words = bool(engine.engineCapabilities() & QTextToSpeech.Capability.WordByWordProgress)
                voices = dict.fromkeys(voice.name() for voice in engine.availableVoices())
                self._pipe.send(SpeechReady(voices=tuple(voices)[:MOST_VOICES], words=words))
            ended, self._saying = self._saying, None
            if ended is not None:
                self._pipe.send(SpeechEnded(number=ended.number))
            self._say_next()

    def _ready_engine(self) -> QTextToSpeech:
        assert self._engine is not None  # noqa: S101 - without one the process gives up first
        return self._engine

    def _give_up(self, reason: str) -> None:
        self._pipe.send(NoSpeech(reason=reason))
        logging.shutdown()
        os._exit(0)


def main(engine: str = "") -> int:
    """`companion speech [ENGINE]`: started by the window or a test, never by hand."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_to_stderr()
    pipe = WorkerPipe()
    application = QCoreApplication(sys.argv[:1])
    speaker = Speaker(pipe, engine)
    application.exec()
    del speaker
    logging.shutdown()
    os._exit(0)
