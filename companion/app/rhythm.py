"""Between the chat and what shows it: her words appear at the pace of somebody typing."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from companion.app.chat import Chat
from companion.core.conversation import PathMessage
from companion.core.pacing import Pacer

TICK_MS = 30


class Rhythm(QObject):
    """Repeats the chat's signals about the reply under way, later; what the person does always shows everything at once."""

    piece_shown = Signal(int, str)
    message_added = Signal(object)
    message_changed = Signal(object)
    path_changed = Signal(object)
    caught_up = Signal()
    """Everything she has written so far is shown."""

    def __init__(self, chat: Chat, wanted: Callable[[], bool]) -> None:
        super().__init__()
        self._wanted = wanted
        self._pacer = Pacer()
        self._message = 0
        self._held: PathMessage | None = None
        """The end of the reply, told once its words are shown."""
        self._clock = QElapsedTimer()
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self._tick)
        chat.piece_received.connect(self._piece)
        chat.message_changed.connect(self._changed)
        chat.message_added.connect(self._added)
        chat.path_changed.connect(self._path)

    @property
    def is_behind(self) -> bool:
        return not self._pacer.is_empty

    def show_all(self) -> None:
        """Show what is still waiting, now."""
        self._timer.stop()
        if text := self._pacer.take_all():
            self.piece_shown.emit(self._message, text)
        held, self._held = self._held, None
        if held is not None:
            self.message_changed.emit(held)
            self.caught_up.emit()

    def close(self) -> None:
        """The program ends: nothing more is shown."""
        self._timer.stop()
        self._pacer.take_all()
        self._held = None

    def _piece(self, message: int, text: str) -> None:
        if message != self._message:
            self.show_all()
            self._message = message
        if not self._wanted():
            self.show_all()
            self.piece_shown.emit(message, text)
            return
        self._pacer.add(text)
        if not self._timer.isActive():
            self._clock.start()
            self._timer.start()

    def _tick(self) -> None:
        if text := self._pacer.take(self._clock.restart() / 1000):
            self.piece_shown.emit(self._message, text)
        if self._pacer.is_empty and self._held is not None:
            self.show_all()
        elif self._pacer.is_empty:
            self._timer.stop()

    def _changed(self, step: PathMessage) -> None:
        message = step.message
        if message.id == self._message and self.is_behind and message.status == "complete":
            self._held = step
            return
        if message.id == self._message:
            self.show_all()
        self.message_changed.emit(step)
        if message.id == self._message and message.status != "streaming":
            self.caught_up.emit()

    def _added(self, step: PathMessage) -> None:
        self.show_all()
        self.message_added.emit(step)

    def _path(self, path: object) -> None:
        self._pacer.take_all()  # the path brings the whole text
        self._held = None
        self._timer.stop()
        self.path_changed.emit(path)
