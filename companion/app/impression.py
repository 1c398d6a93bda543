"""What the engine makes of the person's words before a reply is asked for: how they sound, and what they are about."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QObject, QTimer

from companion.app.engine import Engine
from companion.core.messages import Embedded
from companion.core.moods import NEUTRAL, Mood

LONGEST_MS = 500
"""Nobody waits longer than this; the reply begins without what is missing."""


class Impression(NamedTuple):
    mood: str = ""
    """One of the labels; empty for neutral or unknown."""
    vector: tuple[float, ...] = ()
    """From the embedding model; empty without one."""


class Impressions(QObject):
    """One reading at a time; another one replaces it."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._mood_request = self._vector_request = 0
        self._found = Impression()
        self._then: Callable[[Impression], None] | None = None
        self._patience = QTimer(self, interval=LONGEST_MS, singleShot=True)
        self._patience.timeout.connect(self._answer)
        engine.moods_read.connect(self._mood_read)
        engine.embedded.connect(self._embedded)
        engine.request_failed.connect(self._failed)

    def read(self, text: str, *, mood: bool, embedding_model: str, then: Callable[[Impression], None]) -> None:
        """Call `then` once, at once when nothing is asked for."""
        self._found, self._then = Impression(), then
        self._mood_request = self._engine.read_moods([text]) if mood else 0
        self._vector_request = self._engine.embed(embedding_model, [text], "query") if embedding_model else 0
        self._patience.start()
        self._answer_when_complete()

    def _mood_read(self, request: int, moods: tuple[Mood, ...]) -> None:
        if request and request == self._mood_request:
            self._mood_request = 0
            label = moods[0].label if moods else NEUTRAL.label
            self._found = self._found._replace(mood="" if label == NEUTRAL.label else label)
            self._answer_when_complete()

    def _embedded(self, event: Embedded) -> None:
        if event.request and event.request == self._vector_request:
            self._vector_request = 0
            self._found = self._found._replace(vector=event.vectors[0] if event.vectors else ())
            self._answer_when_complete()

    def _failed(self, request: int, _what: str, _remedy: str) -> None:
        if request == self._mood_request:
            self._mood_request = 0
        elif request == self._vector_request:
            self._vector_request = 0
        else:
            return
        self._answer_when_complete()

    def _answer_when_complete(self) -> None:
        if not self._mood_request and not self._vector_request:
            self._answer()

    def _answer(self) -> None:
        self._patience.stop()
        self._mood_request = self._vector_request = 0
        then, self._then = self._then, None
        if then is not None:
            then(self._found)
