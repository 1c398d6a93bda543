"""The way back to conversations that were deleted, at the end of their list; hidden while there is none."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from companion.core.conversation import Conversation
from companion.ui.icons import icon
from companion.ui.library.conversation_model import UNTITLED
from companion.ui.theme import Theme

TITLE_PX = 320
"""Longer titles end in dots."""


class DeletedButton(QPushButton):
    bring_back_requested = Signal(int)
    remove_requested = Signal(int)
    """For good."""

    def __init__(self, theme: Theme, kept: str, parent: QWidget | None = None) -> None:
        """`kept` says for how long they are there."""
        super().__init__(parent)
        self._theme, self._kept = theme, kept
        self._deleted: tuple[Conversation, ...] = ()
        self.setProperty("role", "quiet")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(kept)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill)
        self.setMenu(self._menu)
        self.hide()

    def show_deleted(self, conversations: Sequence[Conversation]) -> None:
        """The one that was deleted last comes first."""
        self._deleted = tuple(conversations)
        self.setText(f"Recently deleted ({len(self._deleted)})")
        self.setVisible(bool(self._deleted))

    def _fill(self) -> None:
        self._menu.clear()
        for before in self._menu.findChildren(QMenu):
            before.deleteLater()
        self._menu.addAction(self._kept).setEnabled(False)
        for each in self._deleted:
            title = self.fontMetrics().elidedText(each.title or UNTITLED, Qt.TextElideMode.ElideRight, TITLE_PX)
            ways = self._menu.addMenu(title.replace("&", "&&"))
            self._offer(ways, "undo", "Bring back", self.bring_back_requested, each.id)
            self._offer(ways, "trash", "Delete for good", self.remove_requested, each.id)

    def _offer(self, menu: QMenu, name: str, words: str, told: SignalInstance, conversation: int) -> None:
        # only once the menu is closed: what follows fills it anew
        menu.addAction(icon(name, self._theme), words).triggered.connect(
            lambda: told.emit(conversation), Qt.ConnectionType.QueuedConnection
        )
