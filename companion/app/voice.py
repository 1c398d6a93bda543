"""Her voice: replies spoken sentence by sentence by the speech process, when the system has a voice."""

from __future__ import annotations

import itertools
import logging
import sys
from collections import deque

import msgspec
from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from companion.core.logs import log_file
from companion.core.messages import encode
from companion.core.moods import SentenceStream
from companion.core.processes import worker_command
from companion.core.settings import Settings
from companion.core.speech_messages import (
    NoSpeech,
    Say,
    Silence,
    SpeechBegun,
    SpeechEnded,
    SpeechReady,
    Tune,
    WordSpoken,
    decode_speech_event,
)
from companion.core.speech_text import speakable

log = logging.getLogger(__name__)
STARTING_MS = 8000
"""A speech server that has not answered after this long has no voice for us; one with 1,500 voices took two seconds."""
CLOSE_MS = 1500
_REMEDY = {
    "linux": "Install speech-dispatcher with a voice such as espeak-ng, then press again.",
    "darwin": "Add a voice in System Settings, Accessibility, Spoken Content, then press again.",
    "win32": "Add a voice in Settings, Time & language, Speech, then press again.",
}


class Voice(QObject):
    """Silent until it is switched on; there is no speech process before that."""

    speaking_changed = Signal(bool)
    word_spoken = Signal(str)
    """A word, or a whole sentence, that is being said: for the lips."""
    changed = Signal()
    """`is_on` or `reason` changed."""

    def __init__(self, engine: str = "") -> None:
        """`engine` names one of Qt's speech engines; empty takes the system's own."""
        super().__init__()
        self._engine = engine
        self._process: QProcess | None = None
        self._numbers = itertools.count(1)
        self._sentences = SentenceStream()
        self._asked: deque[Say] = deque()
        """What has not been said to its end, the one being said first."""
        self._tells_words = False
        self._settings = Settings()
        self.voices: tuple[str, ...] = ()
        """Names of the voices that can be chosen; empty until the voice was on."""
        self.is_on = False
        self.reason = ""
        """Why she cannot speak, with what to do; empty while nothing is known to stand in the way."""
        self._starting = QTimer(self, interval=STARTING_MS, singleShot=True)
        self._starting.timeout.connect(lambda: self._refuse("the speech server does not answer"))

    @property
    def is_speaking(self) -> bool:
        return bool(self._asked)

    def apply(self, settings: Settings) -> None:
        """Take on or off, pace, pitch and voice from the settings. Switching on looks for a voice anew."""
        switched_on = settings.speak and not self._settings.speak
        self._settings = settings
        if switched_on and self._process is None:
            self.reason = ""
            self._start()
        elif not settings.speak:
            self.close()
            self._tell(False)
        elif self.is_on:
            self._tune()

    def close(self) -> None:
        """Silence, and no process any more."""
        self.interrupt()
        self._starting.stop()
        process, self._process = self._process, None
        if process is not None:
            process.closeWriteChannel()
            if not process.waitForFinished(CLOSE_MS):
                process.kill()
                process.waitForFinished(CLOSE_MS)
            process.deleteLater()

    def hear(self, piece: str) -> None:
        """A piece of her reply; whole sentences are said as soon as they are there."""
        if self.is_on:
            self._say(self._sentences.add(piece))

    def finish(self) -> None:
        """The reply has ended: say the rest of it."""
        if self.is_on:
            self._say(self._sentences.finish())

    def interrupt(self) -> None:
        """Silence, at once."""
        self._sentences = SentenceStream()
        if self._asked:
            self._send(Silence())
            self._asked.clear()
            self.speaking_changed.emit(False)

    def _start(self) -> None:
        process = QProcess(self)
        process.setStandardErrorFile(str(log_file("speech")), QProcess.OpenModeFlag.Append)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(lambda _code, _status: self._ended(process))
        self._process = process
        self._starting.start()
        command = worker_command("speech", *([self._engine] if self._engine else []))
        process.start(command[0], command[1:])

    def _send(self, request: Say | Silence | Tune) -> None:
        if self._process is not None:
            self._process.write(encode(request))

    def _tune(self) -> None:
        self._send(Tune(rate=self._settings.voice_rate, pitch=self._settings.voice_pitch, voice=self._settings.voice))

    def _say(self, sentences: list[str]) -> None:
        for sentence in sentences:
            if words := speakable(sentence):
                request = Say(number=next(self._numbers), text=words)
                self._asked.append(request)
                self._send(request)
                if len(self._asked) == 1:
                    self.speaking_changed.emit(True)

    def _read(self) -> None:
        while self._process is not None and self._process.canReadLine():
            try:
                self._receive(decode_speech_event(bytes(self._process.readLine().data())))
            except (msgspec.DecodeError, UnicodeDecodeError):
                log.exception("the speech process sent a line that is no event")

    def _receive(self, event: object) -> None:
        match event:
            case SpeechReady():
                self._starting.stop()
                self._tells_words, self.voices = event.words, event.voices
                self._tune()
                self._tell(self._settings.speak)
            case NoSpeech():
                self._refuse(event.reason)
            case SpeechBegun() if not self._tells_words and self._asked and self._asked[0].number == event.number:
                self.word_spoken.emit(self._asked[0].text)
            case WordSpoken() if self._asked:
                self.word_spoken.emit(event.word)
            case SpeechEnded() if self._asked and self._asked[0].number == event.number:
                self._asked.popleft()
                if not self._asked:
                    self.speaking_changed.emit(False)

    def _ended(self, process: QProcess) -> None:
        if process is self._process:
            self._refuse("the speech process ended")

    def _refuse(self, why: str) -> None:
        log.warning("no speech: %s", why)
        self._starting.stop()
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.waitForFinished(CLOSE_MS)
            process.deleteLater()
        if self._asked:
            self._asked.clear()
            self.speaking_changed.emit(False)
        self.reason = f"This computer has no voice that Companion can use. {_REMEDY.get(sys.platform, _REMEDY['linux'])}"
        self._tell(False)

    def _tell(self, is_on: bool) -> None:
        self.is_on = is_on
        self.changed.emit()
