"""Connects the view of the conversation with what the program does."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from companion.app.characters import CARD_ENDINGS
from companion.app.chat import Chat
from companion.app.conversations import Conversations
from companion.app.memories import Memories
from companion.app.models import Models
from companion.app.notices import Notices
from companion.app.personas import Personas
from companion.app.preferences import Preferences
from companion.app.rhythm import Rhythm
from companion.app.voice import Voice
from companion.core.conversation import Conversation
from companion.core.errors import StoreError
from companion.core.settings import Settings
from companion.core.storage.store import Store
from companion.ui.chat.chat_view import ChatView
from companion.ui.theme import Theme

if TYPE_CHECKING:
    from companion.ui.chat.model_card import ModelCard
    from companion.ui.chat.talk_card import TalkCard


class ChatWiring(QObject):
    """Holds the two cards that open from the header, and what was being written in each conversation."""

    cards_dropped = Signal(object)
    """Paths of character cards that were dropped on the chat."""
    personas_requested = Signal()

    def __init__(
        self,
        theme: Theme,
        view: ChatView,
        parent: QWidget,
        chat: Chat,
        rhythm: Rhythm,
        conversations: Conversations,
        models: Models,
        personas: Personas,
        memories: Memories,
        voice: Voice,
        preferences: Preferences,
        notices: Notices,
        store: Store,
    ) -> None:
        super().__init__()
        self._theme = theme
        self._view = view
        self._parent = parent
        self._chat = chat
        self._rhythm = rhythm
        self._conversations = conversations
        self._models = models
        self._personas = personas
        self._memories = memories
        self._voice = voice
        self._preferences = preferences
        self._notices = notices
        self._store = store
        self._shown = 0
        self._voice_wanted = False
        """Whether the voice was just switched on, so that it is said if there is none."""
        self._drafts: dict[int, str] = {}
        self._connect_words()
        self._connect_actions()
        conversations.opened.connect(self._opened)
        voice.changed.connect(self._show_voice)
        preferences.changed.connect(self._settings_changed)
        self._show_voice()

    @cached_property
    def model_card(self) -> ModelCard:
        from companion.ui.chat.model_card import ModelCard

        card = ModelCard(self._parent)
        card.open_requested.connect(self.choose_model)
        card.starter_requested.connect(self._models.choose_starter)
        card.reload_requested.connect(self._models.reload)
        return card

    @cached_property
    def talk_card(self) -> TalkCard:
        from companion.ui.chat.talk_card import TalkCard

        card = TalkCard(self._parent)
        card.persona_chosen.connect(self._choose_persona)
        card.personas_requested.connect(self.personas_requested)
        card.note_changed.connect(self._conversations.set_note)
        card.forget_requested.connect(self.forget)
        return card

    def choose_model(self) -> None:
        """Ask for a GGUF file and load it."""
        from companion.ui.file_dialogs import ask_for_model

        if (path := ask_for_model(self._parent)) is not None:
            self._models.choose(path)

    def regenerate_last(self) -> None:
        path = self._chat.path
        if path and self._view.isVisible():  # the key works on every page, but only what is seen may change
            self._chat.regenerate(path[-1].message.id)

    def toggle_voice(self) -> None:
        """Let her speak or be silent; without a voice, say why. One may have been installed since the last time."""
        self._preferences.update(speak=not self._preferences.settings.speak)

    def take_words(self, text: str) -> None:
        """What was begun in the small window goes on here, after what stands here."""
        begun = self._view.draft()
        self._view.set_draft(f"{begun}\n{text}" if begun else text)
        self._view.focus_composer()

    def show_talk(self) -> None:
        """The card about the open conversation."""
        current = self._conversations.current
        if current is None:
            return
        summary = None
        with self._notices.telling(StoreError):
            summary = self._store.memories.summary(current.id)
        words = summary.text if summary is not None else ""
        self.talk_card.show_talk(current, self._personas.all(), self._preferences.settings.person_name, words)
        self.talk_card.show_below(self._view.header.talk_button)

    def forget(self) -> None:
        """Forget the open conversation and all that was learned from it."""
        current = self._conversations.current
        if current is None:
            return
        self._chat.give_up()
        if self._memories.forget_conversation(current.id):
            self._view.set_draft("")  # what was being written there is forgotten too
            self._conversations.left_behind(current.id)

    def _choose_persona(self, persona: int) -> None:
        if (current := self._conversations.current) is not None:
            self._personas.choose(current.id, persona)
            self._conversations.refresh()

    def _show_voice(self) -> None:
        self._view.header.set_voice(self._voice.is_on, self._voice.reason)
        if self._voice_wanted and self._voice.reason:
            self._voice_wanted = False
            self._tell_why_silent()

    def _settings_changed(self, new: Settings, old: Settings) -> None:
        """A voice that is switched on may turn out not to be there, at once or after some seconds."""
        if new.speak != old.speak:
            self._voice_wanted = new.speak
            self._show_voice()

    def _tell_why_silent(self) -> None:
        what, _, remedy = self._voice.reason.partition(". ")
        self._notices.information(f"{what.rstrip('.')}.", remedy)
        self._preferences.update(speak=False)  # nothing can be heard, and nothing shall look as if it could

    def _connect_words(self) -> None:
        view, chat, rhythm = self._view, self._chat, self._rhythm
        rhythm.path_changed.connect(view.show_path)
        rhythm.message_added.connect(view.append_message)
        rhythm.message_changed.connect(view.update_message)
        rhythm.piece_shown.connect(view.add_piece)
        chat.failure_explained.connect(view.set_failure)
        chat.unsent.connect(self._give_back)
        chat.memory_begins.connect(view.set_memory_marker)

    def _give_back(self, text: str) -> None:
        """What could not be sent stands in the composer again; what was sent from elsewhere is given back there."""
        if self._view.window().isVisible() and not self._view.draft():
            self._view.set_draft(text)

    def _connect_actions(self) -> None:
        view, chat = self._view, self._chat
        view.send_requested.connect(chat.send)
        view.stop_requested.connect(chat.stop)
        view.stop_requested.connect(self._rhythm.show_all)
        view.stop_requested.connect(self._voice.interrupt)
        view.stop_requested.connect(view.focus_composer)  # the button that was pressed goes away
        view.regenerate_requested.connect(chat.regenerate)
        view.continue_requested.connect(chat.continue_reply)
        view.edit_requested.connect(chat.edit)
        view.delete_requested.connect(chat.delete)
        view.alternate_requested.connect(chat.choose_alternate)
        view.feedback_given.connect(chat.give_feedback)
        view.file_dropped.connect(self.open_file)
        view.model_chip_pressed.connect(lambda: self.model_card.show_below(view.model_chip))
        view.header.voice_pressed.connect(self.toggle_voice)
        view.header.talk_pressed.connect(self.show_talk)

    def open_file(self, name: str) -> None:
        """A model, a character card or a conversation."""
        path = Path(name)
        ending = path.suffix.lower()
        if ending == ".jsonl":
            self._conversations.import_file(path)
        elif ending in CARD_ENDINGS:
            self.cards_dropped.emit([path])
        else:
            self._models.choose(path)

    def _opened(self, conversation: Conversation) -> None:
        """What was being written stays with its conversation until the window closes."""
        if self._shown not in (0, conversation.id):
            begun, kept = self._view.draft(), self._drafts.pop(conversation.id, "")
            if begun and not kept and self._store.conversation(self._shown) is None and not self._was_talked_in(self._shown):
                kept = begun  # a new conversation has taken the place of that one, in which nothing had been said
            elif begun:
                self._drafts[self._shown] = begun
            self._view.set_draft(kept)
        self._shown = conversation.id
        self._view.set_speed(None)

    def _was_talked_in(self, conversation: int) -> bool:
        """Also of one that was deleted: it may come back, and its draft with it."""
        return any(message.role == "user" for message in self._store.tree(conversation))
