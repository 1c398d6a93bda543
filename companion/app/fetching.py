"""One download process as the window sees it."""

from __future__ import annotations

import logging

import msgspec
from PySide6.QtCore import QObject, QProcess, Signal

from companion.core.download_messages import Fetch, decode_fetch_event
from companion.core.logs import log_file
from companion.core.messages import encode
from companion.core.processes import exit_sentence, worker_command

log = logging.getLogger(__name__)
CLOSE_MS = 3000


class Fetching(QObject):
    """Starts at once. After `end` nothing is told any more."""

    received = Signal(str, object)
    """The key it was made with, and a FetchEvent."""
    ended = Signal(str, str)
    """The key, and why, when the process ended by itself; whoever has heard of success or failure need not mind."""

    def __init__(self, key: str, request: Fetch, parent: QObject) -> None:
        super().__init__(parent)
        self._key = key
        self._is_over = False
        self._process = QProcess(self)
        self._process.setStandardErrorFile(str(log_file("download")), QProcess.OpenModeFlag.Append)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)
        command = worker_command("download")
        self._process.start(command[0], command[1:])
        self._process.write(encode(request))

    @property
    def process_id(self) -> int:
        return self._process.processId()

    def end(self) -> None:
        """End the process and wait for it, a few seconds at most."""
        self._is_over = True
        self._process.closeWriteChannel()
        if not self._process.waitForFinished(CLOSE_MS):
            self._process.kill()
            self._process.waitForFinished(CLOSE_MS)
        self.deleteLater()

    def _read(self) -> None:
        while self._process.canReadLine():
            line = bytes(self._process.readLine().data())
            if self._is_over:
                continue
            try:
                self.received.emit(self._key, decode_fetch_event(line))
            except msgspec.DecodeError:
                log.exception("the download process sent a line that is no event")

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        exit_status = -code if status is QProcess.ExitStatus.CrashExit and 0 < code < 128 else code
        self._over(exit_sentence("The download", exit_status))

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._over("The download could not be started.")

    def _over(self, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            self.ended.emit(self._key, why)
            self.deleteLater()
