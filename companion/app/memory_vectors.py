"""Gives memories their vectors at quiet moments, when the person has chosen an embedding model."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from companion.app.characters import Characters
from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.app.memories import Memories
from companion.core.errors import StoreError
from companion.core.memory import Memory
from companion.core.messages import Embedded
from companion.core.settings import Settings
from companion.core.storage.store import Store

QUIET_MS = 3000
PORTION = 16
"""Memories sent at once: their vectors are there before anybody could miss the engine."""


class MemoryVectors(QObject):
    """A model that fails is left alone until another one is chosen."""

    refused = Signal(str, str)
    """What is wrong with the model, and what to do; once for each."""

    def __init__(
        self, store: Store, engine: Engine, characters: Characters, memories: Memories, settings: Callable[[], Settings]
    ) -> None:
        super().__init__()
        self._store = store
        self._engine = engine
        self._characters = characters
        self._settings = settings
        self._request = 0
        self._sent: tuple[Memory, ...] = ()
        self._model = ""
        self._failed_model = ""
        self._timer = QTimer(self, interval=QUIET_MS, singleShot=True)
        self._timer.timeout.connect(self._next)
        memories.changed.connect(self._timer.start)
        engine.state_changed.connect(lambda _state: self._timer.start())
        engine.embedded.connect(self._embedded)
        engine.request_failed.connect(self._failed)

    def close(self) -> None:
        self._timer.stop()
        self._request = 0

    def _next(self) -> None:
        model = self._settings().embedding_model
        if not model or model == self._failed_model or self._request or self._engine.state is not EngineState.READY:
            return
        try:
            waiting = self._store.memories.without_vector(self._characters.current.identifier, model, PORTION)
        except StoreError:  # the file fails; others say so
            return
        if waiting:
            self._sent, self._model = waiting, model
            self._request = self._engine.embed(model, [memory.text for memory in waiting], "document")

    def _embedded(self, event: Embedded) -> None:
        if not self._request or event.request != self._request:
            return
        self._request = 0
        try:
            for memory, vector in zip(self._sent, event.vectors, strict=True):
                self._store.memories.set_vector(memory.id, self._model, vector)
        except StoreError:
            return
        self._next()

    def _failed(self, request: int, what: str, remedy: str) -> None:
        if request and request == self._request:
            self._request = 0
            self._failed_model = self._model
            self.refused.emit(what, remedy)
