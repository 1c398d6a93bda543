"""Ctrl-C in the terminal that started the window, a closed terminal, a session that ends: the window closes as by hand."""

from __future__ import annotations

import signal
import socket
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Signal

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Those that this system has; the last is Windows' Ctrl-Break."""


class Termination(QObject):
    """While Qt's own loop waits, Python sees no signal: each one writes a byte that wakes it up. Main thread only."""

    requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._woken)
        for name in NAMES:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._caught)

    def _caught(self, _number: int, _frame: FrameType | None) -> None:
        """Nothing: the byte tells, and it comes when Qt is ready to close windows."""

    def _woken(self) -> None:
        self._read.recv(64)
        self.requested.emit()
