"""Who the person can be: the one of the settings, who has only a name, and as many others as the person likes."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, Signal

from companion.app.notices import Notices
from companion.app.preferences import Preferences
from companion.core.cards.assets import picture_kind
from companion.core.conversation import Conversation
from companion.core.errors import StoreError
from companion.core.files import write_atomic
from companion.core.persona import Persona
from companion.core.storage.store import Store

MAX_PORTRAIT_BYTES = 20 * 1024 * 1024
KINDS = {"png", "jpg", "webp"}
"""An animation is no portrait."""


class Personas(QObject):
    """Every method is one action of the person; failures become notices."""

    changed = Signal()
    """A persona came, went or changed, or another one is the default, or a conversation has another one."""

    def __init__(self, store: Store, notices: Notices, preferences: Preferences) -> None:
        super().__init__()
        self._store = store
        self._notices = notices
        self._preferences = preferences

    def all(self) -> tuple[Persona, ...]:
        """By name, without the one of the settings."""
        return self._store.personas.all()

    @property
    def person(self) -> Persona:
        """The one of the settings."""
        return Persona(name=self._preferences.settings.person_name)

    @property
    def default(self) -> Persona:
        """Who the person is in new conversations."""
        return self._persona(self._preferences.settings.persona)

    def set_default(self, persona: int) -> None:
        """0 for the one of the settings."""
        self._preferences.update(persona=persona)
        self.changed.emit()

    def of(self, conversation: Conversation | None) -> Persona:
        """Who the person is there; whoever is deleted gives way to the one of the settings."""
        return self.person if conversation is None else self._persona(conversation.persona)

    def choose(self, conversation: int, persona: int) -> None:
        """Be somebody else in a conversation, from the next message on."""
        with self._notices.telling(StoreError):
            self._store.set_persona(conversation, persona)
        self.changed.emit()

    def add(self, name: str, description: str = "", portrait: Path | None = None) -> Persona | None:
        """None, and a notice, when it cannot be kept."""
        with self._notices.telling(StoreError):
            added = self._store.personas.add(name, description, "" if portrait is None else self._copied(portrait))
            self.changed.emit()
            return added
        return None

    def update(self, persona: int, name: str, description: str) -> bool:
        return self._replace(persona, name=name, description=description)

    def set_portrait(self, persona: int, picture: Path | None) -> bool:
        """The picture is copied, so that the person may move theirs; None takes it away."""
        with self._notices.telling(StoreError):
            return self._replace(persona, portrait="" if picture is None else self._copied(picture))
        return False

    def delete(self, persona: int) -> None:
        """With a way back; where it was chosen, the one of the settings speaks meanwhile."""
        found = self._store.personas.persona(persona)
        if found is None:
            return
        with self._notices.telling(StoreError):
            self._store.personas.delete(persona)
            self.changed.emit()
            self._notices.undoable(f"The persona “{found.name}” was deleted.", lambda: self._restore(persona))

    def tidy(self) -> None:
        """At a quiet moment: remove portraits that nobody has any more."""
        with contextlib.suppress(OSError, StoreError):
            kept = self._store.personas.portraits()
            for file in self._store.personas.folder.glob("*"):
                if file.is_file() and file.name not in kept:
                    file.unlink()

    def _restore(self, persona: int) -> None:
        with self._notices.telling(StoreError):
            self._store.personas.restore(persona)
        self.changed.emit()

    def _persona(self, persona: int) -> Persona:
        return (self._store.personas.persona(persona) if persona else None) or self.person

    def _replace(self, persona: int, **changes: str) -> bool:
        with self._notices.telling(StoreError):
            found = self._store.personas.persona(persona)
            if found is None:
                raise StoreError("This persona no longer exists.")
            self._store.personas.update(msgspec.structs.replace(found, **changes))
            self.changed.emit()
            return True
        return False

    def _copied(self, picture: Path) -> str:
        """Name of the copy among the portraits; raises StoreError when it is no picture that can be shown."""
        try:
            if not picture.is_file() or picture.stat().st_size > MAX_PORTRAIT_BYTES:
                raise StoreError(f"“{picture.name}” is no picture of less than 20 MB.", "Choose another one.")
            content = picture.read_bytes()
            if (kind := picture_kind(content)) not in KINDS:
                raise StoreError(f"“{picture.name}” is no picture this program can show.", "Choose a PNG, JPEG or WebP file.")
            name = f"{uuid.uuid4().hex}.{kind}"
            write_atomic(self._store.personas.folder / name, content)
        except OSError as error:
            raise StoreError(
                f"“{picture.name}” cannot be copied ({error.strerror}).", "Check that it is still there, and the free space."
            ) from error
        return name
