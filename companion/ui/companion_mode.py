"""Companion mode: the large window gives way to a small one with only her, and comes back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QWidget

from companion.app.chat import Chat
from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.app.rhythm import Rhythm
from companion.core.conversation import PathMessage
from companion.ui.presence import Presence
from companion.ui.small_window import SmallWindow
from companion.ui.stage.figure_view import FigureView
from companion.ui.theme import Theme

MARGIN = 24


class CompanionMode(QObject):
    """The small window is made when it is first asked for. It is there, or the large one is, never both."""

    begun = Signal(str)
    """What was being written in the small window when it was left."""

    def __init__(
        self,
        theme: Theme,
        window: Callable[[], QWidget],
        engine: Engine,
        chat: Chat,
        rhythm: Rhythm,
        presence: Presence,
        conversations: Conversations,
    ) -> None:
        super().__init__()
        self._theme = theme
        self._window = window
        self._engine = engine
        self._chat = chat
        self._rhythm = rhythm
        self._presence = presence
        self._conversations = conversations
        self._message = 0
        """The reply whose words are in the bubble."""

    @property
    def is_on(self) -> bool:
        return "small" in self.__dict__ and self.small.isVisible()

    @cached_property
    def small(self) -> SmallWindow:
        figure = FigureView(self._theme)
        small = SmallWindow(self._theme, figure, self._conversations.partner.name)
        self._presence.join(figure)
        small.send_requested.connect(self._chat.send)
        small.stop_requested.connect(self._chat.stop)
        small.back_requested.connect(self.leave)
        small.quit_requested.connect(self.quit)
        self._chat.unsent.connect(self._refused)
        self._rhythm.piece_shown.connect(self._shown)
        self._rhythm.message_added.connect(self._added)
        self._engine.state_changed.connect(lambda state: small.set_writing(state is EngineState.ANSWERING))
        self._window().installEventFilter(self)
        return small

    def enter(self) -> None:
        """Show only her, in the lower right corner the first time, and later where she was left."""
        first = "small" not in self.__dict__
        small, window = self.small, self._window()
        small.set_name(self._conversations.partner.name)
        self._rhythm.show_all()  # the path holds what was still waiting to be typed
        small.set_words(self._last_words())
        small.set_writing(self._engine.state is EngineState.ANSWERING)
        if first:
            room = (window.screen() or small.screen()).availableGeometry()
            small.adjustSize()
            small.move(room.right() - small.width() - MARGIN, room.bottom() - small.height() - MARGIN)
        small.show()
        window.hide()
        small.raise_()
        small.activateWindow()
        small.edit.setFocus()

    def leave(self) -> None:
        """The large window comes back, with what was begun in the small one."""
        window = self._window()
        window.show()
        window.raise_()
        window.activateWindow()

    def quit(self) -> None:
        """End the program. The large window comes back for it: it may have to ask about something unsaved."""
        self.leave()
        self._window().close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Whatever brings the large window back (a second start, a notification), the small one goes."""
        if event.type() is QEvent.Type.Show and self.is_on:
            self.small.hide()
            if text := self.small.take_words():
                self.begun.emit(text)
        return super().eventFilter(watched, event)

    def close(self) -> None:
        """The program ends."""
        small = self.__dict__.pop("small", None)
        if small is not None:
            small.hide()
            small.deleteLater()

    def _last_words(self) -> str:
        hers = [step.message for step in self._chat.path if step.message.role == "assistant"]
        self._message = hers[-1].id if hers else 0
        return hers[-1].text if hers else ""

    def _refused(self, text: str) -> None:
        if self.is_on:
            self.small.refuse(text)

    def _shown(self, message: int, text: str) -> None:
        if not self.is_on:
            return
        if message != self._message:
            self._message = message
            self.small.set_words("")
        self.small.add_words(text)

    def _added(self, step: PathMessage) -> None:
        if step.message.role == "user" and self.is_on:
            self.small.set_words("")
