"""One worker process and what it tells, as the window sees it: begun for a piece of work, and gone with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from PySide6.QtCore import QObject, QProcess, Signal

from companion.core.logs import log_file
from companion.core.messages import encode
from companion.core.processes import exit_sentence, worker_command

log = logging.getLogger(__name__)
CLOSE_MS: Final = 8000
"""A reply under way ends first, then whatever the process has loaded."""


class WorkerCall(QObject):
    """Starts at once. After `leave` or `end` nothing is told any more but `gone`."""

    received = Signal(str, object)
    """The key it was made with, and an event of the role that was called."""
    ended = Signal(str, str)
    """The key, and why, when the process ended by itself; whoever has heard of success or failure need not mind."""
    gone = Signal()
    """There is no process any more."""

    def __init__(
        self,
        role: str,
        who: str,
        decode: Callable[[bytes], Any],
        parent: QObject,
        *,
        arguments: Sequence[str] = (),
        request: Any = None,
        key: str = "",
        where: str = "llama.cpp",
    ) -> None:
        """`who` is what the process is called in a sentence, such as “The download”, and `where` is its native code; `decode`
        raises msgspec.DecodeError for what is no event. A `request` is sent first."""
        super().__init__(parent)
        self._who, self._where = who, where
        self._key = key
        self._decode = decode
        self._is_over = False
        self._process = QProcess(self)
        self._process.setStandardErrorFile(str(log_file(role)), QProcess.OpenModeFlag.Append)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)
        command = worker_command(role, *arguments)
        self._process.start(command[0], command[1:])
        if request is not None:
            self._process.write(encode(request))

    @property
    def process_id(self) -> int:
        return self._process.processId()

    @property
    def is_running(self) -> bool:
        return self._process.state() is not QProcess.ProcessState.NotRunning

    def send(self, request: Any) -> None:
        if self.is_running:
            self._process.write(encode(request))

    def leave(self) -> None:
        """Let it end by itself, which may take a moment."""
        self._is_over = True
        self._process.closeWriteChannel()

    def end(self) -> None:
        """Let it end, and wait until it is gone; by force after a few seconds. Deletes this object."""
        self.leave()
        if self.is_running and not self._process.waitForFinished(CLOSE_MS):
            self._process.kill()
            self._process.waitForFinished(CLOSE_MS)
        self.deleteLater()

    def kill(self) -> None:
        """End the process at once, also one that is so busy that it does not listen yet; it finishes nothing."""
        self._is_over = True
        self._process.kill()
        self._process.waitForFinished(CLOSE_MS)
        self.deleteLater()

    def _read(self) -> None:
        while self._process.canReadLine():
            line = bytes(self._process.readLine().data())
            if self._is_over:
                continue
            try:
                event = self._decode(line)
            except msgspec.DecodeError:
                log.exception("%s sent a line that is no event", self._who)
                continue
            self.received.emit(self._key, event)

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        exit_status = -code if status is QProcess.ExitStatus.CrashExit and 0 < code < 128 else code
        self._over(exit_sentence(self._who, exit_status, self._where))

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._over(f"{self._who} could not be started.")

    def _over(self, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            self.ended.emit(self._key, why)
        self.gone.emit()
