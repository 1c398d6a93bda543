"""The scrolling rows of the conversation list: arrow keys move, Enter opens, Del deletes, Ctrl+Z brings back, F2 renames."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from companion.ui.library.conversation_delegate import ConversationDelegate
from companion.ui.library.conversation_model import ConversationModel, Role


class ConversationRows(QListView):
    opened = Signal(object)
    delete_pressed = Signal(object)
    undo_pressed = Signal()
    menu_wanted = Signal(object, QPoint)
    """A row's index and where on the screen its menu belongs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._delegate: ConversationDelegate | None = None
        self.setAccessibleName("Conversations")
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # The row with the cursor shows where the keyboard is; a frame around all rows would say it twice.
        self.setStyleSheet("QListView, QListView:focus { border: none; border-radius: 0; }")

    def set_up(self, model: ConversationModel, delegate: ConversationDelegate) -> None:
        self._delegate = delegate
        self.setModel(model)
        self.setItemDelegate(delegate)

    @property
    def is_editing(self) -> bool:
        return self.state() == QAbstractItemView.State.EditingState

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._show_cursor(event.reason() != Qt.FocusReason.MouseFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self._show_cursor(True)
        index = self.currentIndex()
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and index.isValid() and not self.is_editing:
            self.opened.emit(index)
        elif event.key() == Qt.Key.Key_Delete and index.isValid() and not self.is_editing:
            self.delete_pressed.emit(index)
        elif event.matches(QKeySequence.StandardKey.Undo) and not self.is_editing:
            self.undo_pressed.emit()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._show_cursor(False)
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        if event.button() is not Qt.MouseButton.LeftButton or not index.flags() & Qt.ItemFlag.ItemIsEnabled:
            return
        if self._delegate is not None and self._delegate.has_more(index.data(Role.ROW)):
            more = self._delegate.more_place(self.visualRect(index))
            if more.contains(event.position().toPoint()):
                self.menu_wanted.emit(index, self.viewport().mapToGlobal(more.bottomLeft()))
                return
        self.opened.emit(index)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        if self._delegate is not None and self._delegate.has_more(index.data(Role.ROW)):
            place = self.viewport().mapToGlobal(self.visualRect(index).center()) if by_key else event.globalPos()
            self.menu_wanted.emit(index, place)

    def _show_cursor(self, shown: bool) -> None:
        if self._delegate is not None and self._delegate.shows_cursor != shown:
            self._delegate.shows_cursor = shown
            self.viewport().update()
