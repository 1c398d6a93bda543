"""The real window, one reply, and then nothing for a while.

Prints: frames per second and dropped frames (%) and the longest frame (ms) while she speaks, then the share of one core
(%) that this process takes while nothing happens, and while she speaks.
"""

from __future__ import annotations

import os
import statistics
import sys
import traceback

import psutil
from PySide6.QtCore import QElapsedTimer, QObject, QTimer

REPLY_TOKENS = 500
SETTLE_MS, IDLE_MS = 6000, 20_000
DROPPED_S = 1.5 / 60
"""A frame later than this has missed its turn on a screen of 60 Hz."""


class Watch(QObject):
    def __init__(self, program) -> None:
        super().__init__()
        self.program = program
        self.process = psutil.Process()
        self.clock = QElapsedTimer()
        self.cpu = 0.0
        self.measured: list[float] = []
        program.chat.piece_received.connect(self.piece)
        program.chat.reply_finished.connect(self.finished)
        program.conversations.new()
        QTimer.singleShot(2500, lambda: program.chat.send("Tell me a very long story about the moon, with many chapters."))

    def piece(self, *_facts) -> None:
        if not self.clock.isValid():
            self.begin()
            self.program.content.stage.clock.intervals.clear()

    def begin(self) -> None:
        self.cpu = sum(self.process.cpu_times()[:2])
        self.clock.start()

    def share(self) -> float:
        return 100 * (sum(self.process.cpu_times()[:2]) - self.cpu) / (self.clock.elapsed() / 1000)

    def finished(self, _event) -> None:
        busy = self.share()
        frames = list(self.program.content.stage.clock.intervals)
        dropped = 100 * sum(seconds > DROPPED_S for seconds in frames) / len(frames)
        self.measured = [1 / statistics.fmean(frames), dropped, max(frames) * 1000, busy]
        QTimer.singleShot(SETTLE_MS, self.rest)

    def rest(self) -> None:
        self.begin()
        QTimer.singleShot(IDLE_MS, self.end)

    def end(self) -> None:
        shown, dropped, longest, busy = self.measured
        print(shown, dropped, longest, self.share(), busy, flush=True)
        self.program.window.close()


if __name__ == "__main__":
    from companion.core.sampling import Sampling
    from companion.window import build

    sys.excepthook = lambda *error: (traceback.print_exception(*error), os._exit(1))  # else Qt would go on without it
    application, program = build()
    program.preferences.update(sampling=Sampling(max_tokens=REPLY_TOKENS, seed=5, temperature=1.0), typing_rhythm=False)
    program.window.resize(1280, 800)  # whatever the run before left
    watch = Watch(program)
    sys.exit(application.exec())
