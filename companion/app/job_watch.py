"""The history of one job while somebody looks at it: read in a thread, told of when it has grown."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from companion.app.background import Background
from companion.core.job_folder import JobFolder
from companion.core.job_history import JobHistory, JobReader

LIVE_MS = 500


class JobWatch(QObject):
    """`history` belongs to the thread that fills it; it only grows, so it can be drawn meanwhile."""

    grew = Signal(object)
    """JobHistory: something was added, or it is another one than before."""
    closed = Signal()

    def __init__(self, folder: JobFolder, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self.folder = folder
        self._background = background
        self._reader = JobReader(folder.events_file)
        self._is_reading = self._is_closed = False
        self._timer = QTimer(self, interval=LIVE_MS)
        self._timer.timeout.connect(self.look)

    @property
    def history(self) -> JobHistory:
        return self._reader.history

    def set_live(self, live: bool) -> None:
        """Whether a process works on it, so that it is to be looked at again and again."""
        if live == self._timer.isActive():
            return
        if live:
            self._timer.start()
        else:
            self._timer.stop()
            self.look()  # its last words

    def look(self) -> None:
        """Read what is new."""
        if not self._is_reading and not self._is_closed:
            self._is_reading = True
            self._background.run(self._reader.read, self._read)

    def close(self) -> None:
        self._is_closed = True
        self._timer.stop()
        self.closed.emit()

    def _read(self, is_new: bool) -> None:
        self._is_reading = False
        if is_new and not self._is_closed:
            self.grew.emit(self.history)
