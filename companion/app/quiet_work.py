"""What is done when nobody wants anything: facts are kept, what left her mind is summed up, memories get their vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from companion.app.characters import Characters
from companion.app.chat import Chat
from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.memories import Memories
from companion.app.personas import Personas
from companion.core.settings import Settings
from companion.core.storage.store import Store

if TYPE_CHECKING:
    from companion.app.memory_vectors import MemoryVectors
    from companion.app.reflection import Reflection


class QuietWork(QObject):
    """Nothing of it is loaded before `start`: the window comes first."""

    remembered = Signal(object)
    """A tuple of Memory: what she has learned at this quiet moment."""

    embedding_refused = Signal(str, str)
    """What is wrong with the embedding model that the person chose, and what to do."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        chat: Chat,
        conversations: Conversations,
        characters: Characters,
        memories: Memories,
        personas: Personas,
        settings: Callable[[], Settings],
    ) -> None:
        super().__init__()
        self._store = store
        self._engine = engine
        self._chat = chat
        self._conversations = conversations
        self._characters = characters
        self._memories = memories
        self._personas = personas
        self._settings = settings
        self._reflection: Reflection | None = None
        self._vectors: MemoryVectors | None = None

    def start(self) -> None:
        """The window is there: begin with the next quiet moment."""
        from companion.app.memory_vectors import MemoryVectors
        from companion.app.reflection import Reflection

        self._personas.tidy()
        self._reflection = Reflection(
            self._store,
            self._engine,
            self._conversations,
            self._memories,
            lambda conversation: self._characters.of(conversation).options.remember,
            self._personas.of,
        )
        self._reflection.remembered.connect(self.remembered)
        self._reflection.summed_up.connect(self._chat.read_again)
        self._reflection.look_at_the_open_one()
        self._vectors = MemoryVectors(self._store, self._engine, self._characters, self._memories, self._settings)
        self._vectors.refused.connect(self.embedding_refused)

    def disturb(self) -> None:
        """Somebody is doing something: wait until it is quiet again."""
        if self._reflection is not None:
            self._reflection.disturb()

    def close(self) -> None:
        """The program ends; nothing is begun any more."""
        if self._reflection is not None:
            self._reflection.close()
        if self._vectors is not None:
            self._vectors.close()
