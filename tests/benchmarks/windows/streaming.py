"""One cold start of the real window with the real engine and one long reply.

Prints: longest stall of the event loop while streaming (ms), seconds to the first word, peak memory of window and
engine (MB).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
from PySide6.QtCore import QElapsedTimer, QObject, QTimer

STARTED = psutil.Process().create_time()
TICK_MS = 2
REPLY_TOKENS = 400


class Watch(QObject):
    """Sends one message as soon as the window is there, and measures gaps between ticks while the reply streams."""

    def __init__(self, program) -> None:
        super().__init__()
        self.program = program
        self.longest = 0
        self.first = 0.0
        self.clock = QElapsedTimer()
        self.timer = QTimer(self, interval=TICK_MS)
        self.timer.timeout.connect(self.tick)
        program.chat.piece_received.connect(self.piece)
        program.chat.reply_finished.connect(lambda _done: QTimer.singleShot(200, self.finish))
        program.conversations.new()  # a history would be read first
        QTimer.singleShot(0, lambda: program.chat.send("Tell me a very long story about the moon, with many chapters."))

    def piece(self, _message: int, _text: str) -> None:
        if not self.first:
            self.first = time.time() - STARTED
            QTimer.singleShot(100, self.begin)

    def begin(self) -> None:
        self.clock.start()
        self.timer.start()

    def tick(self) -> None:
        self.longest = max(self.longest, self.clock.restart() - TICK_MS)

    def finish(self) -> None:
        self.timer.stop()
        memory = [peak_megabytes(psutil.Process().pid), peak_megabytes(self.program.engine.process_id)]
        print(self.longest, self.first, *memory, flush=True)
        self.program.window.close()


def peak_megabytes(pid: int) -> float:
    """Most memory a process ever held: VmHWM where the system tells it, else what it holds now."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1000
    return psutil.Process(pid).memory_info().rss / 1e6


if __name__ == "__main__":
    from companion.core.sampling import Sampling
    from companion.window import build

    application, program = build()
    program.preferences.update(sampling=Sampling(max_tokens=REPLY_TOKENS, seed=5, temperature=1.0))
    watch = Watch(program)
    sys.exit(application.exec())
