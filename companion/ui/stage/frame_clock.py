"""The beat of the animation: every frame while something moves, slower while she only breathes, none when not seen."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

FAST_MS, CALM_MS, UNSEEN_MS = 16, 50, 1000
"""Milliseconds between two beats: with motion, with breath alone, and behind other windows."""
LONGEST_S = 0.1
"""After a pause (a busy program, a suspended machine) motion goes on instead of jumping."""


class FrameClock(QObject):
    """Emits `ticked` with the seconds since the last beat. `intervals` are those of the last beats at full rate."""

    ticked = Signal(float)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.intervals: deque[float] = deque(maxlen=1200)
        self._since = QElapsedTimer()
        self._steady = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    @property
    def running(self) -> bool:
        return self._timer.isActive()

    def start(self) -> None:
        if not self.running:
            self._since.start()
            self._steady = False
            self._timer.start(FAST_MS)

    def stop(self) -> None:
        self._timer.stop()

    def set_pace(self, milliseconds: int) -> None:
        """Beat at one of the paces above from now on."""
        if self.running and self._timer.interval() != milliseconds:
            self._steady = False
            self._timer.start(milliseconds)

    def _beat(self) -> None:
        seconds = self._since.nsecsElapsed() / 1e9
        self._since.start()
        if self._steady and self._timer.interval() == FAST_MS:
            self.intervals.append(seconds)
        self._steady = True  # the first beat of a new pace still belongs to the old one
        self.ticked.emit(min(seconds, LONGEST_S))
