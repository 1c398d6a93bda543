"""What the window holds: rail, conversations, pages and stage, and what is folded away when there is little room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QPixmap, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from companion.app.conversations import KEPT, Conversations
from companion.app.notices import Notices
from companion.app.preferences import Preferences
from companion.core.character import Character
from companion.core.conversation import Conversation
from companion.core.settings import Settings
from companion.ui.chat.chat_view import ChatView
from companion.ui.chat.message_list import MessageList
from companion.ui.library.conversation_list import ConversationList
from companion.ui.rail import Rail
from companion.ui.scroll_page import ScrollPage
from companion.ui.skeleton import FOLD_LIST_BELOW, FOLD_STAGE_BELOW, LIST_WIDTH, STAGE_WIDTH
from companion.ui.stage.avatar import round_face
from companion.ui.stage.portrait import Portrait
from companion.ui.stage.stage import PortraitStrip, Stage
from companion.ui.theme import Theme

if TYPE_CHECKING:
    from companion.ui.notices import NoticeArea
    from companion.ui.pages import Pages

AVATAR = 36
ABOVE_NOTICES = 8
ON_THE_RAIL = {"editor": "characters", "personas": "chat"}
"""Under which button of the rail a page without one of its own is found."""
WIDE_PAGES = {"characters", "editor", "workshop"}
"""Pages that need the room of the stage; in the workshop she has a smaller one of its own."""


class Content(QWidget):
    """The layout and the way from page to page; what the pages do is connected beside (`ChatWiring`, `Pages`, `Presence`)."""

    def __init__(self, theme: Theme, notices: Notices, preferences: Preferences, conversations: Conversations) -> None:
        super().__init__()
        self._theme = theme
        self._preferences = preferences
        self._conversations = conversations
        self._page = "chat"
        self._pages_beside: Pages | None = None
        self.rail = Rail(theme)
        self.list = ConversationList(theme, KEPT)
        self.chat_view = ChatView(theme)
        self.stage = Stage(theme)
        self.strip = PortraitStrip(theme)
        self.stack = QStackedWidget()
        self._list_wanted, self._list_peeked = not preferences.settings.list_folded, False
        self._build()
        notices.notice_raised.connect(lambda notice: self.notice_area.show_notice(notice))  # noqa: PLW0108 (made only then)
        notices.notice_withdrawn.connect(lambda notice: self.notice_area.withdraw(notice))  # noqa: PLW0108
        self._connect_list()
        self.rail.page_requested.connect(self._rail_pressed)
        preferences.changed.connect(self._settings_changed)
        self._show_conversations()
        self.chat_view.set_send_with_enter(preferences.settings.send_with_enter)
        self._fold()
        self.chat_view.focus_composer()

    def set_pages(self, pages: Pages) -> None:
        """The pages beside the chat, once there is something to connect them with."""
        self._pages_beside = pages

    def add_shortcuts(self, actions: Mapping[str, Callable[[], object]]) -> None:
        """Keys that work anywhere in the window, besides those of the layout itself."""
        own: dict[str, Callable[[], object]] = {
            "Ctrl+N": self.new_conversation,
            "Ctrl+F": self._focus_search,
            "Ctrl+B": self.toggle_list,
            "Ctrl+,": lambda: self.show_page("settings"),
            "Ctrl+L": self._write,
            "Ctrl+Q": lambda: self.window().close(),
        }
        for keys, action in {**own, **actions}.items():
            QShortcut(QKeySequence(keys), self).activated.connect(action)

    # Layout

    def _build(self) -> None:
        chat_page = QWidget()
        column = QVBoxLayout(chat_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.chat_view, 1)
        self.stack.addWidget(chat_page)
        self.list.setFixedWidth(LIST_WIDTH)
        self.stage.setFixedWidth(STAGE_WIDTH)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for widget, stretch in ((self.rail, 0), (self.list, 0), (self.stack, 1), (self.stage, 0)):
            row.addWidget(widget, stretch)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._list_peeked = False
        self._fold()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc leaves the settings, where nothing in them has a use for it."""
        if event.key() == Qt.Key.Key_Escape and self._page == "settings":
            self.show_page("chat")
        else:
            super().keyPressEvent(event)

    def _fold(self) -> None:
        """Below 1100 px the list folds into the rail, below 860 px the stage into a strip above the messages."""
        wide, in_chat = self.width() >= FOLD_LIST_BELOW, self._page == "chat"
        self.list.setVisible(in_chat and (self._list_wanted if wide else self._list_peeked))
        self.stage.setVisible(self.width() >= FOLD_STAGE_BELOW and self._page not in WIDE_PAGES)
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
        """ "chat" or one of the pages beside it."""
        if name == "chat":
            self.stack.setCurrentIndex(0)
            self.chat_view.focus_composer()
        elif self._pages_beside is not None:
            self._pages_beside.show(name)
        self._page = name
        self.rail.set_page(ON_THE_RAIL.get(name, name))
        self._fold()
        if "notice_area" in self.__dict__:
            self.notice_area.place_again()  # each page leaves notices another room

    def _rail_pressed(self, name: str) -> None:
        """Choosing the chat while it is shown folds or unfolds the list."""
        if name == self._page == "chat":
            self.toggle_list()
        else:
            self.show_page(name)

    @cached_property
    def notice_area(self) -> NoticeArea:
        from companion.ui.notices import NoticeArea

        area = NoticeArea(self._theme, self, self._room_for_notices)
        area.placed.connect(self._make_room)
        for widget in (self.stage, self.stack):
            area.follow(widget)
        return area

    def _room_for_notices(self) -> QRect:
        """Before her, where they cover nothing that is read or pressed; where she does not stand, above the composer or
        the foot of the page."""
        if not self.stage.isHidden():
            return self.stage.geometry()
        room = self.stack.geometry()
        if self._page == "chat":
            room.setBottom(room.bottom() - self.chat_view.composer.height())
        elif self._pages_beside is not None:
            room.setBottom(room.bottom() - self._pages_beside.foot_height(self._page))
        return room

    def _make_room(self) -> None:
        """What scrolls ends above the notices."""
        notices = self.notice_area.geometry() if self.notice_area.cards and self.stage.isHidden() else QRect()
        for area in self.stack.findChildren(QScrollArea):
            if isinstance(area, MessageList | ScrollPage):
                covered = QRect(area.mapTo(self, QPoint(0, 0)), area.size())
                is_below = area.isVisible() and covered.intersects(notices)
                area.leave_room(covered.bottom() + 1 - notices.top() + ABOVE_NOTICES if is_below else 0)

    # The list

    def _connect_list(self) -> None:
        view, actions = self.list, self._conversations
        actions.changed.connect(self._show_conversations)
        actions.opened.connect(self._opened)
        view.conversation_selected.connect(actions.open)
        view.hit_selected.connect(self._open_hit)
        view.new_requested.connect(self.new_conversation)
        view.rename_requested.connect(actions.rename)
        view.delete_requested.connect(actions.delete)
        view.undo_requested.connect(actions.undo_delete)
        view.deleted_button.bring_back_requested.connect(actions.bring_back)
        view.deleted_button.remove_requested.connect(actions.remove)
        view.export_requested.connect(self.export_conversation)
        view.import_requested.connect(self.import_conversation)
        view.search_changed.connect(self._search)

    def new_conversation(self) -> None:
        self._conversations.new()
        self.chat_view.focus_composer()

    def import_conversation(self) -> None:
        from companion.ui.file_dialogs import ask_for_conversation

        if (path := ask_for_conversation(self)) is not None:
            self._conversations.import_file(path)

    def export_conversation(self, conversation: int) -> None:
        from companion.ui.file_dialogs import ask_where_to_export

        if (answer := ask_where_to_export(self)) is not None:
            self._conversations.export_file(conversation, *answer)

    def _write(self) -> None:
        if self._page != "chat":
            self.show_page("chat")
        self.chat_view.focus_composer()

    def _focus_search(self) -> None:
        """The search of the page that is shown, else that of the conversations."""
        if self._pages_beside is not None and self._pages_beside.focus_search(self._page):
            return
        if self._page != "chat":
            self.show_page("chat")
        if not self.list.isVisible():
            self.toggle_list()
        self.list.focus_search()

    def _show_conversations(self) -> None:
        current = self._conversations.current
        self.list.show_conversations(self._conversations.all(), current.id if current else None)
        self.list.deleted_button.show_deleted(self._conversations.deleted())
        if current is not None:
            self._show_title(current)

    def _show_title(self, conversation: Conversation) -> None:
        self.chat_view.set_title(conversation.title or "New conversation")

    def _opened(self, conversation: Conversation) -> None:
        if self._page not in ("chat", "characters"):  # among the characters one may be deleted, and others follow
            self.show_page("chat")
        self.list.set_current(conversation.id)
        self._show_title(conversation)

    def _open_hit(self, conversation: int, message: int) -> None:
        self._conversations.open_at(conversation, message)
        self.chat_view.scroll_to(message)

    def _search(self, text: str) -> None:
        if text.strip():
            self.list.show_hits(text, self._conversations.search(text))
        else:
            self._show_conversations()

    # Her

    def show_name(self, character: Character) -> None:
        """Before her portrait is drawn: an initial that turned into a face would be seen to do so."""
        nothing = QPixmap(AVATAR, AVATAR)
        nothing.fill(Qt.GlobalColor.transparent)
        self.chat_view.set_character(character.name, nothing)

    def show_face(self, character: Character, portrait: Portrait) -> None:
        """The round face beside her messages."""
        face = QPixmap.fromImage(round_face(portrait, AVATAR, self.devicePixelRatioF()))
        self.chat_view.set_character(character.name, face)

    def _settings_changed(self, new: Settings, old: Settings) -> None:
        self._theme.choose(new.theme)
        self._theme.set_font_size(new.font_size)
        self._theme.set_reduce_motion(new.reduce_motion)
        if new.send_with_enter != old.send_with_enter:
            self.chat_view.set_send_with_enter(new.send_with_enter)
