"""The actions of one message, which are made only while it is looked at: a conversation has thousands of messages."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from companion.core.conversation import PathMessage
from companion.ui.chat.bubble import Look
from companion.ui.chat.message_actions import Action, MessageActions, Situation, available
from companion.ui.keyboard import pass_on

COPIED_SHOWN = 1_500


class ActionSlot(QObject):
    """Says when there is a `row` of buttons; where it stands is up to the message."""

    chosen = Signal(object)
    """An `Action`."""
    more_pressed = Signal()
    made = Signal()
    """There is a new row, still hidden: place and show it."""

    def __init__(self, look: Look, shown: PathMessage, view: QWidget) -> None:
        super().__init__(view)
        self._look = look
        self._shown = shown
        self._view = view
        self._is_last = self._hovered = self._focused = self._put_away = False
        self.row: MessageActions | None = None

    @property
    def is_last(self) -> bool:
        """The last message keeps its actions in sight."""
        return self._is_last

    @property
    def is_reachable(self) -> bool:
        """Whether Tab comes to this message."""
        return self._is_last or self._focused

    def available(self) -> tuple[Action, ...]:
        return available(self._shown, Situation(self._is_last, self._look.answering, self._look.ready))

    def show_message(self, shown: PathMessage) -> None:
        self._shown = shown
        self.renew()

    def set_last(self, is_last: bool) -> None:
        self._is_last = is_last
        self.renew()

    def set_hovered(self, hovered: bool) -> None:
        self._hovered = hovered
        self._wake()

    def set_focused(self, focused: bool) -> None:
        """Whether the keyboard is somewhere in the message."""
        self._focused = focused
        self._wake()

    def put_away(self, away: bool) -> None:
        """While the message is edited, it offers nothing else."""
        self._put_away = away
        self._wake()

    def renew(self) -> None:
        """What can be done may have changed; does nothing while no actions are in sight."""
        before, self.row = self.row, None
        self._wake()
        if before is not None:
            focused = before.focused_action()
            if focused is not None and self.row is not None:
                self.row.focus(focused)
            self._let_go(before)

    def show_copied(self) -> None:
        """The copy button says for a moment that it has worked."""
        button = self.row.button(Action.COPY) if self.row is not None else None
        if button is not None:
            button.show_icon("check", "Copied", "ok")
            QTimer.singleShot(COPIED_SHOWN, button, lambda: button.show_icon("copy", "Copy"))

    def _wake(self) -> None:
        wanted = not self._put_away and (self._hovered or self._focused or self._is_last)
        if not wanted:
            self._drop()
        elif self.row is None and self.available():
            self.row = MessageActions(self._look.theme, self._shown, self.available(), self._view)
            self.row.floating = not self._is_last
            self.row.chosen.connect(self.chosen)
            self.row.more_pressed.connect(self.more_pressed)
            self.made.emit()

    def _drop(self) -> None:
        if self.row is not None:
            self._let_go(self.row)
            self.row = None

    def _let_go(self, row: MessageActions) -> None:
        pass_on(row, self._view)
        row.hide()
        row.deleteLater()
