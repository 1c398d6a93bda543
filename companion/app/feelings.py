"""How she feels from sentence to sentence, and how the person sounds."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from companion.app.chat import Chat
from companion.app.engine import Engine
from companion.core.conversation import PathMessage
from companion.core.errors import StoreError
from companion.core.moods import NEUTRAL, Mood, MoodOverTime, split_sentences
from companion.core.storage.store import Store

FADE_MS = 5000
"""How often it is looked whether her mood has faded."""
LAST_SENTENCES = 3
"""Of a conversation that is opened: her face shows how it ended."""


class Feelings(QObject):
    """Listens to the chat; the engine reads the moods."""

    her_mood_changed = Signal(object)
    """A Mood whose label or strength is another one."""

    def __init__(self, engine: Engine, chat: Chat, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._engine = engine
        self._store = store
        self._clock = clock
        self._mood = MoodOverTime()
        self.hers = NEUTRAL
        self._reply: tuple[int, dict[str, float]] = (0, {})
        """The reply under way and how strongly each mood was heard in it."""
        self._opened = 0
        """Request about the last sentences of the conversation that was opened."""
        chat.mood_heard.connect(self._heard)
        chat.message_changed.connect(self._finished)
        chat.path_changed.connect(self._path_changed)
        engine.moods_read.connect(self._read)
        fading = QTimer(self, interval=FADE_MS)
        fading.timeout.connect(self.look)
        fading.start()

    def look(self) -> None:
        """Let the mood fade as far as time has gone on."""
        self._show(self._mood.at(self._clock()))

    def _heard(self, message: int, mood: Mood) -> None:
        if self._reply[0] != message:
            self._reply = (message, {})
        if mood.label != NEUTRAL.label:
            self._reply[1][mood.label] = self._reply[1].get(mood.label, 0.0) + mood.score
        self._show(self._mood.add(mood, self._clock()))

    def _finished(self, step: PathMessage) -> None:
        """The mood that a reply was in is kept with it."""
        message, labels = self._reply
        if step.message.id == message and step.message.status != "streaming":
            self._reply = (0, {})
            strongest = max(labels, key=labels.__getitem__, default=NEUTRAL.label)
            try:
                self._store.set_mood(message, strongest)
            except StoreError:  # the reply itself could not be saved either, and that has been told
                return

    def _path_changed(self, path: tuple[PathMessage, ...]) -> None:
        """Another conversation: she looks as she did when it was left."""
        hers = [step.message for step in path if step.message.role == "assistant" and step.message.status != "streaming"]
        self._mood = MoodOverTime()
        self._show(NEUTRAL)
        sentences = split_sentences(hers[-1].text)[-LAST_SENTENCES:] if hers else []
        self._opened = self._engine.read_moods(sentences) if sentences else 0

    def _read(self, request: int, moods: tuple[Mood, ...]) -> None:
        if request == self._opened and request:
            self._opened = 0
            for mood in moods:
                self._show(self._mood.add(mood, self._clock()))

    def _show(self, mood: Mood) -> None:
        if (mood.label, round(mood.score, 1)) != (self.hers.label, round(self.hers.score, 1)):
            self.hers = mood
            self.her_mood_changed.emit(mood)
