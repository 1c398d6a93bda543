"""The list of conversations: which there are, which is open, and what can be done to a whole one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Signal

from companion.app.characters import Characters
from companion.app.notices import Notice, Notices, Tone
from companion.app.personas import Personas
from companion.core.character import Character
from companion.core.conversation import Conversation, SearchHit
from companion.core.conversation_files import export_conversation, import_conversation
from companion.core.errors import CompanionError, StoreError
from companion.core.persona import Persona
from companion.core.prompts.macros import fill_macros
from companion.core.prompts.opening import opening
from companion.core.prompts.prompt import Scene, greetings
from companion.core.storage.judged import Judged
from companion.core.storage.store import Store

Form = Literal["companion", "sillytavern"]
KEEP_DELETED_SECONDS = 24 * 3600
"""What was deleted inside a conversation can be brought back until the first start after this long."""
KEEP_DAYS = 30
"""A whole conversation can be brought back until the first start after so many days."""
KEPT = f"Kept for {KEEP_DAYS} days"


class Conversations(QObject):
    """Every method is one action of the person; failures become notices."""

    changed = Signal()
    """The list, a title or the order changed."""
    opened = Signal(object)
    """A Conversation became the open one."""

    def __init__(self, store: Store, notices: Notices, characters: Characters, personas: Personas) -> None:
        super().__init__()
        self._store = store
        self._notices = notices
        self._characters = characters
        self._personas = personas
        self.current: Conversation | None = None
        self._just_deleted: list[int] = []
        """Since the program's start; those that may be back or gone by now among them."""
        characters.chosen.connect(self.talk_with)

    def start(self) -> None:
        """At the program's start: mark what was cut off, forget what was deleted long ago, open the latest."""
        interrupted = self._store.recover_interrupted()
        self._store.purge_deleted(KEEP_DELETED_SECONDS, conversations=KEEP_DAYS * 24 * 3600)
        if interrupted:
            self._notices.information(
                "The program ended while she was writing.", "What she had written is there, marked as interrupted."
            )
        existing = self.all()
        if existing:
            self.open(existing[0].id)
        else:
            self.new()

    @property
    def partner(self) -> Character:
        """Whom the open conversation is with; one whose card is gone still has a name and her memories."""
        return self._characters.of(self.current) if self.current is not None else self._characters.current

    def all(self) -> tuple[Conversation, ...]:
        return self._store.conversations()

    def judged(self) -> tuple[Judged, ...]:
        """What the person thought of the replies of whom the open conversation is with, those with the most to learn first."""
        return self._store.judged(self.partner.identifier)

    def open(self, conversation: int) -> None:
        found = self._store.conversation(conversation)
        if found is None:
            self._notices.warning("That conversation is no longer there.")
            self.changed.emit()
            return
        self.current = found
        self._characters.follow(found.character)
        self.opened.emit(found)

    def open_at(self, conversation: int, message: int) -> None:
        """Open a conversation on the branch that holds `message`."""
        with self._notices.telling(StoreError):
            self._store.show_message(message)
        self.open(conversation)

    def new(self) -> None:
        """A new conversation, or the newest one again when nothing has been said in it yet."""
        character = self._characters.current
        persona = self._personas.default
        outdated = None
        for existing in self.all()[:1]:
            if existing.character == character.identifier and self._is_untouched(existing):
                if self._begins_as(existing, Scene(character=character, persona=self._personas.of(existing))):
                    self.open(existing.id)
                    return
                if existing.persona in (0, persona.id) and not existing.note:
                    outdated = existing.id
        with self._notices.telling(StoreError):
            created = self._store.create_conversation(
                character=character.identifier,
                character_name=character.name,
                greetings=self._first_words(character, persona),
            )
            if persona.id:
                self._store.set_persona(created.id, persona.id)
            if outdated is not None:  # nothing of the person is in it
                self._store.delete_conversation(outdated)
            self.changed.emit()
            self.open(created.id)

    def _is_untouched(self, conversation: Conversation) -> bool:
        """Whether the person has neither said anything in it nor named it."""
        said = any(step.message.role == "user" for step in self._store.path(conversation.id))
        return not said and not conversation.titled_by_person

    def _begins_as(self, conversation: Conversation, scene: Scene) -> bool:
        """Whether its first messages are still the card's, which may have been edited since."""
        there = {message.text for message in self._store.tree(conversation.id) if message.parent is None}
        return there.issuperset(greetings(scene))

    def _first_words(self, character: Character, persona: Persona) -> tuple[str, ...]:
        """The card's greetings; somebody she knows already hears first what fits the hour and how long it has been."""
        talks = self._store.talks(character.identifier)
        scene = Scene(character=character, persona=persona, seed=talks + 1)  # {{random}} falls differently each time
        again = opening(character.card, datetime.now(), self._store.last_talk(character.identifier), seed=talks)
        return tuple(filter(None, (fill_macros(again, scene), *greetings(scene))))

    def talk_with(self, character: Character) -> None:
        """Open the latest conversation with a character, or begin one; the open one stays when it is with them and
        something was said in it."""
        if self.current is not None and self.current.character == character.identifier:
            if self._is_untouched(self.current) and self.current.id in [talk.id for talk in self.all()[:1]]:
                self.new()  # the card may begin otherwise now
            return
        latest = next((found for found in self.all() if found.character == character.identifier), None)
        if latest is not None:
            self.open(latest.id)
        else:
            self.new()

    def refresh(self) -> None:
        """The open conversation's title or order may have changed."""
        if self.current is not None:
            self.current = self._store.conversation(self.current.id) or self.current
        self.changed.emit()

    def set_note(self, text: str, depth: int) -> None:
        """The author's note of the open conversation."""
        if self.current is not None:
            with self._notices.telling(StoreError):
                self._store.set_note(self.current.id, text, depth)
            self.refresh()

    def rename(self, conversation: int, title: str) -> None:
        if title.strip():
            with self._notices.telling(StoreError):
                self._store.rename_conversation(conversation, title.strip())
        self.refresh()

    def delete(self, conversation: int) -> None:
        """Delete, with a way back; the next conversation opens when the open one goes."""
        found = self._store.conversation(conversation)
        if found is None:
            return
        with self._notices.telling(StoreError):
            self._store.delete_conversation(conversation)
        if self._store.conversation(conversation) is not None:
            return
        self._just_deleted.append(conversation)
        self.left_behind(conversation)
        self._notices.undoable(f"“{found.title or 'New conversation'}” was deleted.", lambda: self.bring_back(conversation))

    def deleted(self) -> tuple[Conversation, ...]:
        """Those that can be brought back, the last one first."""
        return self._store.deleted_conversations()

    def bring_back(self, conversation: int) -> None:
        """Undo a deletion, and open what is back."""
        with self._notices.telling(StoreError):
            self._store.restore_conversation(conversation)
        self.changed.emit()
        self.open(conversation)

    def undo_delete(self) -> None:
        """Bring back the one that was deleted last since the program's start; nothing happens when there is none."""
        while self._just_deleted:
            conversation = self._just_deleted.pop()
            if any(each.id == conversation for each in self.deleted()):
                self.bring_back(conversation)
                return

    def remove(self, conversation: int) -> None:
        """Delete for good what was deleted before."""
        with self._notices.telling(StoreError):
            self._store.remove_conversation(conversation)
        self.changed.emit()

    def left_behind(self, conversation: int) -> None:
        """A conversation is no longer there: the next one opens when it was the open one."""
        self.changed.emit()
        if self.current is not None and self.current.id == conversation:
            rest = self.all()
            if rest:
                self.open(rest[0].id)
            else:
                self.new()

    def search(self, text: str) -> tuple[SearchHit, ...]:
        return self._store.search(text)

    def import_file(self, path: Path) -> None:
        try:
            created = import_conversation(self._store, path)
        except CompanionError as error:
            self._notices.error(error.what, error.remedy)
            return
        self.changed.emit()
        self.open(created.id)

    def export_file(self, conversation: int, path: Path, form: Form) -> None:
        """`form` is "companion" (everything) or "sillytavern" (the active path and its alternates)."""
        try:
            export_conversation(self._store, conversation, path, form)
        except CompanionError as error:
            self._notices.error(error.what, error.remedy)
            return
        self._notices.raise_notice(Notice(Tone.SUCCESS, f"The conversation is saved as “{path.name}”."))
