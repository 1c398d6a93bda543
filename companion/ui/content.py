"""What the window holds: rail, conversations, pages and stage, and what is folded away when there is little room."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QKeySequence, QPixmap, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from companion.app.chat import Chat
from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.models import Models
from companion.app.notices import Notices
from companion.app.preferences import Preferences
from companion.core.character import Character
from companion.core.conversation import Conversation
from companion.core.settings import Settings
from companion.ui.chat.chat_view import ChatView
from companion.ui.engine_status import EngineStatus
from companion.ui.library.conversation_list import ConversationList
from companion.ui.rail import Rail
from companion.ui.skeleton import FOLD_LIST_BELOW, FOLD_STAGE_BELOW, LIST_WIDTH, STAGE_WIDTH
from companion.ui.stage.avatar import round_face
from companion.ui.stage.portrait import Portrait
from companion.ui.stage.stage import PortraitStrip, Stage
from companion.ui.theme import Theme

if TYPE_CHECKING:
    from companion.ui.chat.model_card import ModelCard
    from companion.ui.notices import NoticeArea
    from companion.ui.settings.settings_page import SettingsPage

AVATAR = 36


class Content(QWidget):
    """Shows what `app` says and hands the person's intents to it; holds no state of its own but the layout and drafts."""

    def __init__(
        self,
        theme: Theme,
        notices: Notices,
        preferences: Preferences,
        engine: Engine,
        conversations: Conversations,
        chat: Chat,
        models: Models,
        character: Character,
    ) -> None:
        super().__init__()
        self._theme = theme
        self._preferences = preferences
        self._conversations = conversations
        self._chat = chat
        self._models = models
        self._character = character
        self._engine = engine
        self._shown = 0
        self._drafts: dict[int, str] = {}
        self.rail = Rail(theme)
        self.list = ConversationList(theme)
        self.chat_view = ChatView(theme)
        self.stage = Stage(theme)
        self.strip = PortraitStrip(theme)
        self._pages = QStackedWidget()
        self._list_wanted, self._list_peeked = not preferences.settings.list_folded, False
        self._build()
        notices.notice_raised.connect(lambda notice: self.notice_area.show_notice(notice))  # noqa: PLW0108 (made only then)
        self.status = EngineStatus(engine, self.chat_view, lambda: self.model_card)
        self._connect_list()
        self._connect_chat()
        self._connect_rest()
        self._add_shortcuts()
        self._show_name()
        self._show_conversations()
        self.chat_view.set_send_with_enter(preferences.settings.send_with_enter)
        self._fold()
        self.chat_view.focus_composer()

    # Layout

    def _build(self) -> None:
        chat_page = QWidget()
        column = QVBoxLayout(chat_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.chat_view, 1)
        self._pages.addWidget(chat_page)
        self.list.setFixedWidth(LIST_WIDTH)
        self.stage.setFixedWidth(STAGE_WIDTH)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for widget, stretch in ((self.rail, 0), (self.list, 0), (self._pages, 1), (self.stage, 0)):
            row.addWidget(widget, stretch)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._list_peeked = False
        self._fold()

    def _fold(self) -> None:
        """Below 1100 px the list folds into the rail, below 860 px the stage into a strip above the messages."""
        wide, in_chat = self.width() >= FOLD_LIST_BELOW, self._pages.currentIndex() == 0
        self.list.setVisible(in_chat and (self._list_wanted if wide else self._list_peeked))
        self.stage.setVisible(self.width() >= FOLD_STAGE_BELOW)
        self.strip.setVisible(in_chat and self.width() < FOLD_STAGE_BELOW)
        self.chat_view.set_compact(self.width() < FOLD_STAGE_BELOW)

    def toggle_list(self) -> None:
        """Fold the conversations away or bring them back."""
        if self.width() >= FOLD_LIST_BELOW:
            self._list_wanted = not self._list_wanted
            self._preferences.update(list_folded=not self._list_wanted)
        else:
            self._list_peeked = not self._list_peeked
        self._fold()

    def show_page(self, name: str) -> None:
        """ "chat" or "settings"; choosing the page that is shown folds or unfolds the list."""
        if name == "settings":
            self._show_settings()
        elif self._pages.currentIndex() == 0:
            self.toggle_list()
        else:
            self._pages.setCurrentIndex(0)
            self.chat_view.focus_composer()
        self.rail.set_page("chat" if self._pages.currentIndex() == 0 else "settings")
        self._fold()

    def _show_settings(self) -> None:
        self.settings_page.load(self._preferences.settings)
        if (model := self._engine.model) is not None:
            self.settings_page.suggest({"context_tokens": model.context_tokens, "threads": model.threads})
        self._pages.setCurrentWidget(self.settings_page)

    # Parts that most starts do not need at once

    @cached_property
    def notice_area(self) -> NoticeArea:
        from companion.ui.notices import NoticeArea

        return NoticeArea(self._theme, self, self._room_for_notices)

    def _room_for_notices(self) -> QRect:
        """Above the composer, so that no notice ever covers what the person writes or the way to stop her."""
        room = self._pages.geometry()
        if self._pages.currentIndex() == 0:
            room.setBottom(room.bottom() - self.chat_view.composer.height())
        return room

    @cached_property
    def model_card(self) -> ModelCard:
        from companion.ui.chat.model_card import ModelCard

        card = ModelCard(self._theme, self)
        card.open_requested.connect(self.choose_model)
        card.starter_requested.connect(self._models.choose_starter)
        card.reload_requested.connect(self._models.reload)
        return card

    @cached_property
    def settings_page(self) -> SettingsPage:
        from companion.ui.settings.settings_page import SettingsPage

        page = SettingsPage(self._theme)
        page.changed.connect(self._preferences.replace)
        self._pages.addWidget(page)
        return page

    # Connections

    def _connect_list(self) -> None:
        view, actions = self.list, self._conversations
        actions.changed.connect(self._show_conversations)
        actions.opened.connect(self._opened)
        view.conversation_selected.connect(actions.open)
        view.hit_selected.connect(self._open_hit)
        view.new_requested.connect(self.new_conversation)
        view.rename_requested.connect(actions.rename)
        view.delete_requested.connect(actions.delete)
        view.export_requested.connect(self.export_conversation)
        view.import_requested.connect(self.import_conversation)
        view.search_changed.connect(self._search)

    def _connect_chat(self) -> None:
        view, chat = self.chat_view, self._chat
        chat.path_changed.connect(view.show_path)
        chat.message_added.connect(view.append_message)
        chat.message_changed.connect(view.update_message)
        chat.piece_received.connect(view.add_piece)
        chat.failure_explained.connect(view.set_failure)
        chat.unsent.connect(view.set_draft)
        chat.memory_begins.connect(view.set_memory_marker)
        view.send_requested.connect(chat.send)
        view.stop_requested.connect(chat.stop)
        view.stop_requested.connect(view.focus_composer)  # the button that was pressed goes away
        view.regenerate_requested.connect(chat.regenerate)
        view.continue_requested.connect(chat.continue_reply)
        view.edit_requested.connect(chat.edit)
        view.delete_requested.connect(chat.delete)
        view.alternate_requested.connect(chat.choose_alternate)
        view.feedback_given.connect(chat.give_feedback)
        view.file_dropped.connect(self._file_dropped)
        view.model_chip_pressed.connect(lambda: self.model_card.show_below(view.model_chip))

    def _connect_rest(self) -> None:
        self.rail.page_requested.connect(self.show_page)
        self._preferences.changed.connect(self._settings_changed)

    def _add_shortcuts(self) -> None:
        bindings = {
            "Ctrl+N": self.new_conversation,
            "Ctrl+F": self._focus_search,
            "Ctrl+B": self.toggle_list,
            "Ctrl+,": lambda: self.show_page("settings"),
            "Ctrl+L": self.chat_view.focus_composer,
            "Ctrl+R": self._regenerate_last,
            "Ctrl+O": self.choose_model,
            "Ctrl+Q": lambda: self.window().close(),
        }
        for keys, action in bindings.items():
            QShortcut(QKeySequence(keys), self).activated.connect(action)

    # Actions

    def new_conversation(self) -> None:
        self._conversations.new()
        self.chat_view.focus_composer()

    def choose_model(self) -> None:
        """Ask for a GGUF file and load it."""
        from companion.ui.file_dialogs import ask_for_model

        if (path := ask_for_model(self)) is not None:
            self._models.choose(path)

    def import_conversation(self) -> None:
        from companion.ui.file_dialogs import ask_for_conversation

        if (path := ask_for_conversation(self)) is not None:
            self._conversations.import_file(path)

    def export_conversation(self, conversation: int) -> None:
        from companion.ui.file_dialogs import ask_where_to_export

        if (answer := ask_where_to_export(self)) is not None:
            self._conversations.export_file(conversation, *answer)

    def _file_dropped(self, name: str) -> None:
        path = Path(name)
        if path.suffix.lower() == ".jsonl":
            self._conversations.import_file(path)
        else:
            self._models.choose(path)

    def _focus_search(self) -> None:
        if not self.list.isVisible():
            self.toggle_list()
        self.list.focus_search()

    def _regenerate_last(self) -> None:
        path = self._chat.path
        if path:
            self._chat.regenerate(path[-1].message.id)

    # Showing

    def _show_conversations(self) -> None:
        current = self._conversations.current
        self.list.show_conversations(self._conversations.all(), current.id if current else None)
        if current is not None:
            self.chat_view.set_title(current.title or "New conversation")

    def _opened(self, conversation: Conversation) -> None:
        if self._pages.currentIndex() != 0:
            self.show_page("chat")
        self.list.set_current(conversation.id)
        self._change_draft(conversation.id)
        self.chat_view.set_speed(None)
        self.chat_view.set_title(conversation.title or "New conversation")

    def _change_draft(self, conversation: int) -> None:
        """What was being written stays with its conversation until the window closes."""
        if self._shown not in (0, conversation):
            self._drafts[self._shown] = self.chat_view.draft()
            self.chat_view.set_draft(self._drafts.pop(conversation, ""))
        self._shown = conversation

    def _open_hit(self, conversation: int, message: int) -> None:
        self._conversations.open_at(conversation, message)
        self.chat_view.scroll_to(message)

    def _search(self, text: str) -> None:
        if text.strip():
            self.list.show_hits(text, self._conversations.search(text))
        else:
            self._show_conversations()

    def _show_name(self) -> None:
        nothing = QPixmap(AVATAR, AVATAR)  # an initial that turned into a face would be seen to do so
        nothing.fill(Qt.GlobalColor.transparent)
        self.chat_view.set_character(self._character.name, nothing)

    def show_portrait(self) -> None:
        """Draw her, which takes longer than all the words: they can be on the screen before."""
        portrait = Portrait(self._character)
        face = QPixmap.fromImage(round_face(portrait, AVATAR, self.devicePixelRatioF()))
        self.chat_view.set_character(self._character.name, face)
        self.stage.set_character(self._character, portrait)
        self.strip.set_character(self._character, portrait)

    def _settings_changed(self, new: Settings, old: Settings) -> None:
        self._theme.choose(new.theme)
        self._theme.set_font_size(new.font_size)
        self._theme.set_reduce_motion(new.reduce_motion)
        if new.send_with_enter != old.send_with_enter:
            self.chat_view.set_send_with_enter(new.send_with_enter)
