"""The conversation as it is seen: header, messages, and the card to write in. It shows what it is given."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QRect, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeyEvent, QPixmap
from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget

from companion.app.characters import CARD_ENDINGS
from companion.app.engine_state import EngineState
from companion.core.conversation import PathMessage
from companion.ui.chat.chips import ModelChip
from companion.ui.chat.composer import Composer
from companion.ui.chat.empty_page import EmptyPage
from companion.ui.chat.header import Header
from companion.ui.chat.message_actions import Action
from companion.ui.chat.message_list import MessageList
from companion.ui.chat.prose_writer import allowed_link
from companion.ui.theme import Theme

DROPPABLE = {".gguf", ".jsonl", *CARD_ENDINGS}


class ChatView(QWidget):
    """Message ids are those of the messages it was given."""

    send_requested = Signal(str)
    stop_requested = Signal()
    """Also when nothing is being written: her voice may still be heard."""
    regenerate_requested = Signal(int)
    continue_requested = Signal(int)
    edit_requested = Signal(int, str)
    delete_requested = Signal(int)
    alternate_requested = Signal(int, int)
    """Message id and -1 or 1."""
    feedback_given = Signal(int, int)
    """Message id and -1, 0 or 1."""
    file_dropped = Signal(str)
    """A local path with one of the endings in DROPPABLE."""
    model_chip_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = EngineState.STOPPED
        self.header = Header(theme, self)
        # Made in the order in which Tab goes through them.
        self._pages = QStackedWidget(self)
        self._empty = EmptyPage(self._pages)
        self.messages = MessageList(theme, self._pages)
        self.composer = Composer(theme, self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.messages)
        self._drop_hint = _DropHint(theme, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self._pages, 1)
        column.addWidget(self.composer)
        self.setAcceptDrops(True)
        self._connect()
        self.set_engine_state(EngineState.STOPPED)

    @property
    def model_chip(self) -> ModelChip:
        return self.header.model_chip

    # What is shown

    def set_character(self, name: str, avatar: QPixmap) -> None:
        self.messages.set_character(name, avatar)
        self.composer.set_name(name)
        self._empty.set_name(name)

    def set_title(self, title: str) -> None:
        self.header.set_title(title)

    def show_path(self, path: tuple[PathMessage, ...]) -> None:
        """Show a whole conversation, from its end."""
        self._pages.setCurrentWidget(self.messages if path else self._empty)
        self.messages.show_path(path)

    def append_message(self, shown: PathMessage) -> None:
        self._pages.setCurrentWidget(self.messages)
        self.messages.append(shown)

    def update_message(self, shown: PathMessage) -> None:
        self.messages.update_message(shown)

    def remove_after(self, message_id: int) -> None:
        """Let go of everything below a message."""
        self.messages.remove_after(message_id)

    def add_piece(self, message_id: int, text: str) -> None:
        """A few more characters of a reply; cheap, they are painted together with what comes next."""
        self.messages.add_piece(message_id, text)

    def scroll_to(self, message_id: int) -> None:
        """Bring a message into view, building what lies between when it is far up."""
        self.messages.scroll_to(message_id)

    def set_memory_marker(self, message_id: int) -> None:
        """Draw "Her memory begins here" above a message; 0 for nowhere."""
        self.messages.set_memory_marker(message_id)

    def set_failure(self, message_id: int, sentence: str) -> None:
        """Why a failed message failed; without it, the message says just "failed"."""
        self.messages.set_failure(message_id, sentence)

    def set_reading(self, fraction: float | None) -> None:
        """How much of the prompt has been read, in the reply that has no word yet."""
        self.messages.set_reading(fraction)

    def set_engine_state(self, state: EngineState, reason: str = "") -> None:
        self._state = state
        self.header.set_engine_state(state, reason)
        self.composer.set_engine_state(state, reason)
        self.messages.set_engine(answering=state is EngineState.ANSWERING, ready=state is EngineState.READY)
        self._empty.button.setEnabled(state in {EngineState.READY, EngineState.LOADING})

    def set_model_chip(self, text: str, tooltip: str) -> None:
        self.header.set_model(text, tooltip)

    def set_speed(self, tokens_per_second: float | None) -> None:
        self.header.set_speed(tokens_per_second)

    def set_context(self, used: int, total: int) -> None:
        """In tokens; a total of 0 shows nothing."""
        self.header.set_context(used, total)

    def set_compact(self, compact: bool) -> None:
        for part in (self.header, self.messages, self.composer):
            part.set_compact(compact)

    def set_send_with_enter(self, sends: bool) -> None:
        self.composer.set_send_with_enter(sends)

    def focus_composer(self) -> None:
        self.composer.setFocus()

    def draft(self) -> str:
        return self.composer.draft()

    def set_draft(self, text: str) -> None:
        self.composer.set_draft(text)

    # What the person does

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.composer.wait_no_more()
            self.stop_requested.emit()  # her words may still be appearing, or be heard, when the engine has ended
        elif event.text().isprintable() and event.text().strip() and event.modifiers() in _TYPING:
            # Whoever types while looking at the messages means the composer.
            self.composer.setFocus()
            self.composer.edit.insertPlainText(event.text())
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _droppable(event.mimeData()):
            event.acceptProposedAction()
            self._drop_hint.appear(self.rect().adjusted(12, 12, -12, -12))

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._drop_hint.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self._drop_hint.hide()
        paths = _droppable(event.mimeData())
        if paths:
            event.acceptProposedAction()
        for path in paths:
            self.file_dropped.emit(path)

    def _connect(self) -> None:
        self.header.model_chip_pressed.connect(self.model_chip_pressed)
        self.messages.action_chosen.connect(self._action_chosen)
        self.messages.text_edited.connect(self.edit_requested)
        self.messages.link_activated.connect(_open_link)
        self.composer.send_requested.connect(self.send_requested)
        self.composer.stop_requested.connect(self.stop_requested)
        self.composer.last_edit_requested.connect(self._edit_last_own)
        self._empty.begin_requested.connect(lambda: self.send_requested.emit("Hello."))

    def _action_chosen(self, message_id: int, action: Action) -> None:
        match action:
            case Action.EARLIER_ALTERNATE:
                self.alternate_requested.emit(message_id, -1)
            case Action.LATER_ALTERNATE:
                self.alternate_requested.emit(message_id, 1)
            case Action.LIKE | Action.DISLIKE:
                self._give_feedback(message_id, 1 if action is Action.LIKE else -1)
            case Action.REGENERATE:
                self.regenerate_requested.emit(message_id)
            case Action.CONTINUE:
                self.continue_requested.emit(message_id)
            case Action.DELETE:
                self.delete_requested.emit(message_id)

    def _give_feedback(self, message_id: int, value: int) -> None:
        """A second press on the same thumb takes it back."""
        row = self.messages.row(message_id)
        given = row.shown.message.feedback if row is not None else 0
        self.feedback_given.emit(message_id, 0 if given == value else value)

    def _edit_last_own(self) -> None:
        own = [shown.message.id for shown in self.messages.path if shown.message.role == "user"]
        if own and self._state is not EngineState.ANSWERING:
            self.messages.begin_edit(own[-1])


_TYPING = {Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier}


def _droppable(data: QMimeData) -> list[str]:
    paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
    return [path for path in paths if Path(path).suffix.lower() in DROPPABLE]


def _open_link(address: str) -> None:
    if allowed_link(address):
        QDesktopServices.openUrl(QUrl(address))


class _DropHint(QLabel):
    """Lies over everything while a file is held above the chat."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__("Drop a model, a conversation or a character", parent)
        self._theme = theme
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def appear(self, place: QRect) -> None:
        palette = self._theme.palette
        self.setStyleSheet(
            f"background: {palette.bg}; color: {palette.text}; border: 2px dashed {palette.accent}; border-radius: 16px;"
        )
        self.setGeometry(place)
        self.raise_()
        self.show()
