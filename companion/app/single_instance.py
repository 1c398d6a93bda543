"""A second start shows the first window instead of opening another one."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from companion.core.errors import StoreError
from companion.core.paths import HOME_VARIABLE, data_folder

CONNECT_MS = 500
LEAVING_MS = 8000
LONGEST_PATH = 32_768
"""Bytes."""


class SingleInstance(QObject):
    """One per person and data folder."""

    show_requested = Signal()
    """Another start found this one."""
    open_requested = Signal(str)
    """It was given a file, which is to be opened here."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        who = f"{data_folder().resolve()} {os.getuid() if hasattr(os, 'getuid') else os.environ.get('USERNAME', '')}"
        self._name = f"companion-{hashlib.sha256(who.encode()).hexdigest()[:16]}"
        self._server: QLocalServer | None = None
        self._lock = QLockFile(str(data_folder() / "window.lock"))
        self._lock.setStaleLockTime(0)

    def claim(self, file: str = "") -> bool:
        """True when this is the first; otherwise the first one is asked to come forward, and to open the file if there is one.

        The lock decides, so that two starts at once cannot both be first; it knows when its owner was killed. A first
        one that is just leaving no longer listens: it is waited for. Raises StoreError where no lock can be written.
        """
        if not self._lock.tryLock(0):
            if self._lock.error() is not QLockFile.LockError.LockFailedError:
                remedy = f"Make room there and check that you may write, or set {HOME_VARIABLE} to another folder."
                raise StoreError(f"Nothing can be written to “{data_folder()}”.", remedy)
            socket = QLocalSocket()
            socket.connectToServer(self._name)
            if socket.waitForConnected(CONNECT_MS) or not self._lock.tryLock(LEAVING_MS):
                if file and socket.write(str(Path(file).absolute()).encode()) > 0:
                    socket.waitForBytesWritten(CONNECT_MS)
                socket.disconnectFromServer()
                return False
        QLocalServer.removeServer(self._name)  # left over from a program that was killed
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._greet)
        self._server.listen(self._name)
        return True

    def stop_listening(self) -> None:
        """The window is closing: another start shall wait for the end instead of asking for it."""
        if self._server is not None:
            self._server.close()

    def release(self) -> None:
        """Everything is closed; another start may be the first."""
        self.stop_listening()
        self._lock.unlock()

    def _greet(self) -> None:
        while self._server is not None and (socket := self._server.nextPendingConnection()) is not None:
            socket.disconnected.connect(partial(self._heard, socket))
            self.show_requested.emit()
            if socket.state() is QLocalSocket.LocalSocketState.UnconnectedState:
                self._heard(socket)

    def _heard(self, socket: QLocalSocket) -> None:
        """What another start of the same person has said, to the end."""
        file = bytes(socket.read(LONGEST_PATH).data()).decode(errors="replace")
        socket.deleteLater()
        if file:
            self.open_requested.emit(file)
