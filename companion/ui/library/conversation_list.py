"""The conversations beside the chat: searching, opening, renaming, and beginning a new one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from companion.core.conversation import Conversation, SearchHit
from companion.core.storage.search_index import query_words
from companion.ui.chat.icon_button import IconButton
from companion.ui.icons import icon
from companion.ui.library.conversation_delegate import ConversationDelegate
from companion.ui.library.conversation_model import ConversationModel, Index
from companion.ui.library.conversation_rows import ConversationRows
from companion.ui.library.deleted_button import DeletedButton
from companion.ui.search_field import SearchField
from companion.ui.theme import Theme

WIDTH, MARGIN, SPACING = 248, 16, 8
SEARCH_PAUSE = 150
NOTHING_YET = "No conversations yet. Whatever you talk about will be listed here."


class ConversationList(QWidget):
    conversation_selected = Signal(int)
    hit_selected = Signal(int, int)
    """Conversation and message."""
    new_requested = Signal()
    rename_requested = Signal(int, str)
    delete_requested = Signal(int)
    undo_requested = Signal()
    """Bring back what was deleted last."""
    export_requested = Signal(int)
    import_requested = Signal()
    search_changed = Signal(str)
    """What is searched for now, empty when the search is over; 150 ms after the last key."""

    def __init__(self, theme: Theme, kept: str = "", parent: QWidget | None = None) -> None:
        """`kept` says for how long deleted conversations can be brought back."""
        super().__init__(parent)
        self._theme = theme
        self._conversations: tuple[Conversation, ...] = ()
        """The latest list, which waits while a title is being changed or hits are shown."""
        self.setFixedWidth(WIDTH)
        self.search = SearchField(theme, "Search conversations", "Search in everything that was said", 1_000)
        self.model = ConversationModel(self)
        self.view = ConversationRows(self)
        self.delegate = ConversationDelegate(theme, self.model, self.view)
        self.view.set_up(self.model, self.delegate)
        self._nothing = QLabel(NOTHING_YET, alignment=Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self._nothing.setProperty("role", "muted")
        self._nothing.setWordWrap(True)
        self._nothing.setContentsMargins(8, 24, 8, 0)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.view)
        self._pages.addWidget(self._nothing)
        self.deleted_button = DeletedButton(theme, kept)
        self.new_button = QPushButton()
        self.new_button.setProperty("role", "primary")
        self.new_button.setAccessibleName("New conversation")
        self.new_button.setToolTip("Begin a new conversation (Ctrl+N)")
        self.import_button = IconButton(theme, "upload", "Import a conversation", side=36, size=20)
        self._pause = QTimer(self, singleShot=True, interval=SEARCH_PAUSE)
        self._arrange()
        self._connect()
        self._word_button()

    # What is shown

    def show_conversations(self, conversations: Sequence[Conversation], current: int | None) -> None:
        """While a search is shown or a title is being changed, the list waits."""
        self._conversations = tuple(conversations)
        self.model.set_current(current)
        self._show_latest()

    def show_hits(self, text: str, hits: Sequence[SearchHit]) -> None:
        """What a search for `text` found; late answers to an older search are ignored."""
        if text.strip() != self.search.text().strip():
            return
        self.delegate.searched = tuple(query_words(text))
        self.model.show_hits(hits)
        self._nothing.setText(f"Nothing found for “{text.strip()}”.")
        self._pages.setCurrentIndex(0 if hits else 1)

    def set_current(self, conversation: int | None) -> None:
        """Mark the conversation that is open."""
        self.model.set_current(conversation)
        index = self.model.index_of(conversation)
        if index.isValid() and not self.search.text().strip():
            self.view.setCurrentIndex(index)

    def focus_search(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    # What the person does

    def menu(self, index: QModelIndex) -> QMenu:
        """What can be done with the conversation of a row."""
        row = self.model.row_at(index)
        menu = QMenu(self)
        if isinstance(row, Conversation):
            number = row.id
            entries = (
                ("edit", "Rename", "F2", lambda: self.view.edit(index)),
                ("download", "Export…", "", lambda: self.export_requested.emit(number)),
                ("trash", "Delete", "Del", lambda: self.delete_requested.emit(number)),
            )
            for name, words, keys, act in entries:
                entry = QAction(icon(name, self._theme), words, menu)
                entry.setShortcut(keys)
                entry.setShortcutVisibleInContextMenu(True)
                entry.triggered.connect(act)
                menu.addAction(entry)
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("surface"))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), self._theme.colour("line"))
        painter.end()

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        column.setSpacing(SPACING)
        column.addWidget(self.search)
        column.addWidget(self._pages, 1)
        column.addWidget(self.deleted_button)
        bottom = QHBoxLayout()
        bottom.setSpacing(SPACING)
        bottom.addWidget(self.new_button, 1)
        bottom.addWidget(self.import_button)
        column.addSpacing(4)
        column.addLayout(bottom)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._search_typed)
        self.search.left_down.connect(self._enter_list)
        self.search.returnPressed.connect(self._open_first)
        self._pause.timeout.connect(lambda: self.search_changed.emit(self.search.text()))
        self.view.opened.connect(self._open)
        self.view.delete_pressed.connect(self._delete)
        self.view.undo_pressed.connect(self.undo_requested)
        self.view.menu_wanted.connect(lambda index, place: self.menu(index).popup(place))
        self.delegate.closeEditor.connect(lambda: QTimer.singleShot(0, self, self._show_latest))
        self.model.renamed.connect(self.rename_requested)
        self.new_button.clicked.connect(self.new_requested)
        self.import_button.clicked.connect(self.import_requested)
        self._theme.changed.connect(self._theme_changed)

    def _show_latest(self) -> None:
        if self.view.is_editing or self.search.text().strip():
            return
        cursor, scrolled = self.model.row_at(self.view.currentIndex()), self.view.verticalScrollBar().value()
        self.delegate.searched = ()
        self.model.show_conversations(self._conversations)
        kept = self.model.index_of(cursor.id if isinstance(cursor, Conversation) else self.model.current)
        if kept.isValid() and not self.view.currentIndex().isValid():
            self.view.setCurrentIndex(kept)
            self.view.verticalScrollBar().setValue(scrolled)
        self._nothing.setText(NOTHING_YET)
        self._pages.setCurrentIndex(0 if self._conversations else 1)

    def _search_typed(self, text: str) -> None:
        if text.strip():
            self._pause.start()
        else:
            self._pause.stop()
            self._show_latest()
            self.search_changed.emit("")

    def _enter_list(self) -> None:
        self.view.setFocus(Qt.FocusReason.TabFocusReason)
        if not self.view.currentIndex().isValid():
            self.view.setCurrentIndex(self._first())

    def _first(self) -> QModelIndex:
        return self.model.index(1) if self.model.rowCount() > 1 else QModelIndex()

    def _open_first(self) -> None:
        if self.search.text().strip():
            self._open(self._first())

    def _open(self, index: Index) -> None:
        row = self.model.row_at(index)
        if isinstance(row, Conversation):
            self.conversation_selected.emit(row.id)
        elif isinstance(row, SearchHit):
            self.hit_selected.emit(row.conversation, row.message)

    def _delete(self, index: Index) -> None:
        row = self.model.row_at(index)
        if isinstance(row, Conversation):
            self.delete_requested.emit(row.id)

    def _theme_changed(self) -> None:
        self.delegate.forget_sizes()
        self.view.scheduleDelayedItemsLayout()
        self.view.viewport().update()
        self._word_button()
        self.update()

    def _word_button(self) -> None:
        """As much as there is room for in the size of letters that is chosen."""
        room = WIDTH - 2 * MARGIN - SPACING - self.import_button.width()
        for words in ("New conversation", "New"):
            self.new_button.setText(words)
            if self.new_button.sizeHint().width() <= room:
                break
