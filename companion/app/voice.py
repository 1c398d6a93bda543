"""Her voice: replies spoken sentence by sentence through Qt's TextToSpeech, when the system has a voice."""

from __future__ import annotations

import logging
import sys
from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from companion.core.moods import SentenceStream
from companion.core.settings import Settings
from companion.core.speech_text import speakable

if TYPE_CHECKING:
    from PySide6.QtTextToSpeech import QTextToSpeech

log = logging.getLogger(__name__)
STARTING_MS = 3000
"""An engine that is not ready after this long has no voice for us."""
_REMEDY = {
    "linux": "Install speech-dispatcher with a voice such as espeak-ng, and start Companion again.",
    "darwin": "Add a voice in System Settings, Accessibility, Spoken Content.",
    "win32": "Add a voice in Settings, Time & language, Speech.",
}


class Voice(QObject):
    """Silent until it is switched on; nothing of Qt's speech is loaded before that."""

    speaking_changed = Signal(bool)
    word_spoken = Signal(str)
    """A word that is being said, for the lips."""
    changed = Signal()
    """`is_on` or `reason` changed."""

    def __init__(self, engine: str = "") -> None:
        """`engine` names one of Qt's speech engines; empty takes the system's own."""
        super().__init__()
        self._engine_name = engine
        self._engine: QTextToSpeech | None = None
        self._sentences = SentenceStream()
        self._queue: deque[str] = deque()
        self._busy = False
        self._settings = Settings()
        self.is_on = False
        self.reason = ""
        """Why she cannot speak, a full sentence with what to do; empty while nothing is known to stand in the way."""
        self._starting = QTimer(self, interval=STARTING_MS, singleShot=True)
        self._starting.timeout.connect(self._gave_up)

    @property
    def is_speaking(self) -> bool:
        return self._busy or bool(self._queue)

    def voices(self) -> tuple[str, ...]:
        """Names of the system's voices; empty before the voice was switched on."""
        return tuple(voice.name() for voice in self._engine.availableVoices()) if self._engine is not None else ()

    def apply(self, settings: Settings) -> None:
        """Take on or off, pace, pitch and voice from the settings."""
        self._settings = settings
        if settings.speak and self._engine is None and not self.reason:
            self._start()
        if not settings.speak:
            self.interrupt()
        if self._engine is not None:
            self._tune(self._engine)
        self._tell(settings.speak and self._engine is not None and not self.reason)

    def hear(self, piece: str) -> None:
        """A piece of her reply; whole sentences are said as soon as they are there."""
        if self.is_on:
            self._enqueue(self._sentences.add(piece))

    def finish(self) -> None:
        """The reply has ended: say the rest of it."""
        if self.is_on:
            self._enqueue(self._sentences.finish())

    def interrupt(self) -> None:
        """Silence, at once."""
        self._sentences = SentenceStream()
        self._queue.clear()
        if self._engine is not None and self._busy:
            self._engine.stop()
        self._set_busy(False)

    def _start(self) -> None:
        try:
            from PySide6.QtTextToSpeech import QTextToSpeech
        except ImportError as error:  # a sound library of the system is missing
            log.warning("speech: %s", error)
            self._refuse()
            return
        names = [self._engine_name] if self._engine_name else [n for n in QTextToSpeech.availableEngines() if n != "mock"]
        if not names:
            self._refuse()
            return
        engine = QTextToSpeech(names[0], self)
        self._engine = engine
        engine.stateChanged.connect(self._state_changed)
        engine.sayingWord.connect(lambda word, _number, _start, _length: self.word_spoken.emit(word))
        engine.errorOccurred.connect(self._failed)
        if engine.state() is QTextToSpeech.State.Error:
            self._refuse()
        elif engine.state() is QTextToSpeech.State.Ready:
            self._check_voices()
        else:
            self._starting.start()

    def _tune(self, engine: QTextToSpeech) -> None:
        engine.setRate(self._settings.voice_rate)
        engine.setPitch(self._settings.voice_pitch)
        for voice in engine.availableVoices():
            if voice.name() == self._settings.voice:
                engine.setVoice(voice)

    def _enqueue(self, sentences: list[str]) -> None:
        self._queue.extend(words for sentence in sentences if (words := speakable(sentence)))
        self._say_next()

    def _say_next(self) -> None:
        if not self._busy and self._queue and self._engine is not None:
            self._set_busy(True)
            self._engine.say(self._queue.popleft())

    def _state_changed(self, state: QTextToSpeech.State) -> None:
        from PySide6.QtTextToSpeech import QTextToSpeech

        if state is QTextToSpeech.State.Ready:
            if self._starting.isActive():
                self._check_voices()
                self._tell(self._settings.speak and not self.reason)
            if self._busy:
                self._busy = False
                if self._queue:
                    self._say_next()
                else:
                    self.speaking_changed.emit(False)

    def _set_busy(self, busy: bool) -> None:
        if busy != self._busy:
            self._busy = busy
            self.speaking_changed.emit(busy)

    def _check_voices(self) -> None:
        self._starting.stop()
        if self._engine is not None and not self._engine.availableVoices():
            self._refuse()

    def _gave_up(self) -> None:
        self._refuse()

    def _failed(self, reason: object, text: str) -> None:
        log.warning("speech: %s %s", reason, text)
        self._refuse()

    def _refuse(self) -> None:
        self._starting.stop()
        self.reason = f"This computer has no voice that Companion can use. {_REMEDY.get(sys.platform, _REMEDY['linux'])}"
        self._queue.clear()
        self._set_busy(False)
        if self._engine is not None:
            self._engine.deleteLater()
            self._engine = None
        self._tell(False)

    def _tell(self, is_on: bool) -> None:
        self.is_on = is_on
        self.changed.emit()
