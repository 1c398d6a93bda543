"""A second start shows the first window instead of opening another one."""

from __future__ import annotations

import contextlib
import re
import secrets
from pathlib import Path
from typing import Final

from PySide6.QtCore import QDeadlineTimer, QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from companion.core.errors import StoreError
from companion.core.files import write_atomic
from companion.core.paths import HOME_VARIABLE, data_folder

CONNECT_MS = 500
ASK_AGAIN_MS = 200
"""It may only just begin to listen."""
LEAVING_MS = 8000
LONGEST_PATH = 32_768
"""Bytes."""
GONE: Final = QLocalSocket.LocalSocketState.UnconnectedState
NAME: Final = re.compile(r"companion-[0-9a-f]{32}")


class SingleInstance(QObject):
    """One per person and data folder.

    Where the first one listens is drawn by chance and written into the data folder, which is the person's alone: a name
    that others could foresee they could take first, in the folder for temporary files that all people share.
    """

    show_requested = Signal()
    """Another start found this one."""
    open_requested = Signal(str)
    """It was given a file, which is to be opened here."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server: QLocalServer | None = None
        self._callers: list[QLocalSocket] = []
        self._address = data_folder() / "window.address"
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
            socket, is_ours = self._reach()
            if not is_ours:
                if file and socket.write(str(Path(file).absolute()).encode()) > 0:
                    socket.waitForBytesWritten(CONNECT_MS)
                socket.disconnectFromServer()
                return False
        self._begin_listening()
        return True

    def stop_listening(self) -> None:
        """The window is closing: another start shall wait for the end instead of asking for it."""
        if self._server is not None and self._server.isListening():
            self._forget_address()  # the name is free from now on, for anybody
            self._server.close()

    def release(self) -> None:
        """Everything is closed; another start may be the first."""
        self.stop_listening()
        self._lock.unlock()

    def _reach(self) -> tuple[QLocalSocket, bool]:
        """A socket to the first one; or its lock was got instead, since it is no longer there."""
        until = QDeadlineTimer(LEAVING_MS)
        while True:
            socket = QLocalSocket()
            socket.connectToServer(self._name())
            if socket.waitForConnected(CONNECT_MS):
                return socket, False
            if self._lock.tryLock(ASK_AGAIN_MS):
                return socket, True
            if until.hasExpired():
                return socket, False

    def _begin_listening(self) -> None:
        if left := self._name():
            QLocalServer.removeServer(left)  # of a program that was killed
            self._forget_address()
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._greet)
        name = f"companion-{secrets.token_hex(16)}"
        if self._server.listen(name):
            with contextlib.suppress(OSError):  # a full disk: another start then waits for this one's end
                write_atomic(self._address, name.encode())

    def _forget_address(self) -> None:
        with contextlib.suppress(OSError):
            self._address.unlink(missing_ok=True)

    def _name(self) -> str:
        """Where the first one listens, or listened; empty where none has."""
        try:
            with self._address.open("rb") as file:
                found = NAME.match(file.read(64).decode("ascii", "replace"))
        except OSError:
            return ""
        return found.group() if found else ""

    def _greet(self) -> None:
        while self._server is not None and (socket := self._server.nextPendingConnection()) is not None:
            self._callers.append(socket)
            socket.disconnected.connect(self._hear)
            self.show_requested.emit()
        self._hear()

    def _hear(self) -> None:
        """What other starts of the same person have said, to the end."""
        while (socket := next((each for each in self._callers if each.state() is GONE), None)) is not None:
            self._callers.remove(socket)  # whoever hears of the file may run events, and this again
            file = bytes(socket.read(LONGEST_PATH).data()).decode(errors="replace")
            socket.deleteLater()
            if file:
                self.open_requested.emit(file)
