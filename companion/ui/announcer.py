"""A desktop notification for a reply that took its time, when nobody is looking at the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from companion.core.messages import ReplyDone

LONG_SECONDS = 4.0
"""A reply that came sooner was hardly waited for."""
MOST_CHARACTERS = 160


class Announcer(QObject):
    """The tray icon appears with the first notification; pressing either brings the window forward."""

    pressed = Signal()

    def __init__(self, window: QWidget, wanted: Callable[[], bool], icon: QIcon) -> None:
        super().__init__(window)
        self._window = window
        self._wanted = wanted
        self._icon = icon
        self._tray: QSystemTrayIcon | None = None

    def reply_done(self, event: ReplyDone, name: str, text: str) -> str:
        """Tell about a reply if the person asked for that and cannot see it; returns the words, empty for silence."""
        waited = event.first_token_seconds + event.seconds
        if not self._wanted() or event.reason == "stopped" or waited < LONG_SECONDS or self._is_seen():
            return ""
        words = " ".join(text.split())
        words = words if len(words) <= MOST_CHARACTERS else words[: MOST_CHARACTERS - 1].rstrip() + "…"
        QApplication.alert(self._window)
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            self._ready_tray().showMessage(name, words, self._icon)
        return words

    def _is_seen(self) -> bool:
        return self._window.isVisible() and not self._window.isMinimized() and self._window.isActiveWindow()

    def _ready_tray(self) -> QSystemTrayIcon:
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._icon, self)
            self._tray.setToolTip("Companion")
            self._tray.activated.connect(lambda _reason: self.pressed.emit())
            self._tray.messageClicked.connect(self.pressed)
        self._tray.show()
        return self._tray
