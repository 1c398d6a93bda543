"""What she remembers, as the person and the chat use it. The person owns every memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from companion.app.notices import Notice, Notices, Tone
from companion.core.conversation import Message
from companion.core.errors import CompanionError, StoreError
from companion.core.files import write_atomic
from companion.core.memory import UNNAMED, Memory, told
from companion.core.storage.store import Store

HEARD = 4
"""How many of the newest messages can call a memory up."""


class Memories(QObject):
    """Every method is one action of the person or of the chat; failures become notices."""

    changed = Signal()
    """A memory came, went, or reads differently."""

    def __init__(self, store: Store, notices: Notices) -> None:
        super().__init__()
        self._store = store
        self._notices = notices
        self._recalled: dict[str, int] = {}
        """Ids of what was last recalled, by its words."""

    # What there is

    def all(self, character: str) -> tuple[Memory, ...]:
        """Pinned first, then the newest."""
        return self._store.memories.all(character)

    def count(self, character: str) -> int:
        return self._store.memories.count(character)

    def search(self, character: str, text: str, person: str = "") -> tuple[Memory, ...]:
        """Those that hold every word, any part of a word; all of them when nothing is asked for. `person` is the name by
        which the person reads them, which is not in what is stored."""
        name = (person or UNNAMED).casefold()
        words = text.casefold().split()
        others = [word for word in words if word not in name]
        found = self._store.memories.search(character, " ".join(others)) if others else self.all(character)
        names = [word for word in words if word in name]
        return tuple(memory for memory in found if all(word in told(memory.text, person).casefold() for word in names))

    # What the person does

    def add(self, character: str, text: str) -> Memory | None:
        """Written by the person; None, and a notice, when it cannot be kept. One she knew already is returned as it is."""
        with self._notices.telling(StoreError):
            learned = self._store.memories.add(character, text)
            self.changed.emit()
            return learned.memory
        return None

    def edit(self, memory: int, text: str) -> bool:
        with self._notices.telling(StoreError):
            self._store.memories.edit(memory, text)
            self.changed.emit()
            return True
        return False

    def pin(self, memory: int, pinned: bool) -> None:
        """A pinned memory is always told."""
        with self._notices.telling(StoreError):
            self._store.memories.pin(memory, pinned)
        self.changed.emit()

    def delete(self, memory: int) -> None:
        """With a way back."""
        with self._notices.telling(StoreError):
            self._store.memories.delete(memory)
            self.changed.emit()
            self._notices.undoable("The memory was deleted.", lambda: self._restore(memory))

    def take_back(self, memory: int) -> None:
        """What was just learned shall not be remembered, nor be learned again; the undo of a notice, so without another."""
        with self._notices.telling(StoreError):
            self._store.memories.delete(memory)
        self.changed.emit()

    def _restore(self, memory: int) -> None:
        with self._notices.telling(StoreError):
            self._store.memories.restore(memory)
        self.changed.emit()

    def export(self, character: str, character_name: str, path: Path) -> bool:
        """Write what she remembers as a lorebook that any program for character cards can read."""
        from companion.core.cards.writing import write_lorebook
        from companion.core.reflection.memory_lorebook import as_lorebook

        try:
            memories = self.all(character)
            if not memories:
                self._notices.information("There is nothing to export yet.", f"{character_name} remembers nothing so far.")
                return False
            write_atomic(path, write_lorebook(as_lorebook(memories, f"What {character_name} remembers")))
        except CompanionError as error:
            self._notices.error(error.what, error.remedy)
            return False
        except OSError as error:
            self._notices.error(
                f"“{path.name}” cannot be written ({error.strerror}).", "Choose another place or free some space."
            )
            return False
        kept = "1 memory is" if len(memories) == 1 else f"{len(memories):,} memories are"
        self._notices.raise_notice(Notice(Tone.SUCCESS, f"{kept} saved as “{path.name}”."))
        return True

    def forget_conversation(self, conversation: int) -> bool:
        """Remove a conversation and all that was learned in it, at once, everywhere, without a way back. Ask first.

        It may take seconds when there are many conversations: the whole file is written anew.
        """
        with self._notices.telling(StoreError):
            self._store.forget_conversation(conversation)
            self._recalled.clear()
            self.changed.emit()
            self._notices.raise_notice(Notice(Tone.SUCCESS, "The conversation is forgotten, with all that was learned in it."))
            return True
        self.changed.emit()
        return False

    # What the chat does

    def learn(self, character: str, texts: Sequence[str], conversation: int, message: int) -> tuple[Memory, ...]:
        """Facts the model proposed; returns those that are new or say more than before. What cannot be kept is passed over:
        nobody asked for it."""
        news: list[Memory] = []
        for text in texts:
            try:
                learned = self._store.memories.add(character, text, writer="model", conversation=conversation, message=message)
            except StoreError:
                continue
            if learned.outcome in ("added", "updated"):
                news.append(learned.memory)
        if news:
            self.changed.emit()
        return tuple(news)

    def recall(
        self,
        character: str,
        messages: Sequence[Message],
        persona_name: str,
        vector: Sequence[float] = (),
        vector_model: str = "",
    ) -> tuple[str, ...]:
        """What matters to the newest of these messages, the most important first. Nothing when the file fails: the reply
        must not."""
        texts = [message.text for message in messages[-HEARD:] if message.text]
        try:
            found = self._store.memories.retrieve(
                character, texts, ignored=(persona_name,), vector=vector, vector_model=vector_model
            )
        except StoreError:
            return ()
        self._recalled = {memory.text: memory.id for memory in found}
        return tuple(self._recalled)

    def told(self, texts: Sequence[str]) -> None:
        """These of the memories recalled last went into the prompt of a reply."""
        used = [self._recalled[text] for text in texts if text in self._recalled]
        if used:
            with self._notices.telling(StoreError):
                self._store.memories.mark_used(used)
