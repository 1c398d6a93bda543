"""A second start shows the first window instead of opening another one."""

from __future__ import annotations

import hashlib
import os

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from companion.core.paths import data_folder

CONNECT_MS = 500


class SingleInstance(QObject):
    """One per person and data folder. `show_requested` comes when another start found this one."""

    show_requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        who = f"{data_folder().resolve()} {os.getuid() if hasattr(os, 'getuid') else os.environ.get('USERNAME', '')}"
        self._name = f"companion-{hashlib.sha256(who.encode()).hexdigest()[:16]}"
        self._server: QLocalServer | None = None

    def claim(self) -> bool:
        """True when this is the first; otherwise the first one is asked to come forward."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if socket.waitForConnected(CONNECT_MS):
            socket.disconnectFromServer()
            return False
        QLocalServer.removeServer(self._name)  # left over from a program that was killed
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._greet)
        self._server.listen(self._name)
        return True

    def release(self) -> None:
        if self._server is not None:
            self._server.close()

    def _greet(self) -> None:
        while self._server is not None and (socket := self._server.nextPendingConnection()) is not None:
            socket.disconnected.connect(socket.deleteLater)
            self.show_requested.emit()
