"""`start.py bench charts`: what the window waits for while a job of 100,000 steps is opened, grows, and is looked into.

A stall is the processor time of the window's own thread between two turns of its event loop: what other programs take does
not count.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from companion.ui.theme import Theme
from companion.ui.workshop.jobs.jobs_page import JobsPage
from tests.benchmark_report import Report, fresh_home
from tests.ui.workshop.conftest import Room
from tests.ui.workshop.written_jobs import evaluated, job, learning, step, write

STEPS = 100_000
LOOKED_MS = 6000
MOST_STALL_MS = 50


class Beats:
    """Counts the turns of the event loop."""

    def __init__(self) -> None:
        self._longest, self._last = 0.0, 0.0
        self._timer = QTimer(interval=1)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def longest(self, milliseconds: int) -> float:
        """The longest stall of the next so many milliseconds."""
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        self._longest, self._last = 0.0, time.thread_time()
        loop.exec()
        return self._longest

    def _beat(self) -> None:
        now = time.thread_time()
        self._longest, self._last = max(self._longest, 1000 * (now - self._last)), now


def every(milliseconds: int, action: Callable[[], object]) -> QTimer:
    timer = QTimer(interval=milliseconds)
    timer.timeout.connect(action)
    timer.start()
    return timer


def main() -> int:
    report = Report("Charts of 100,000 steps")
    with fresh_home():
        application = QApplication([])  # without a screen, which fresh_home sees to
        chance = random.Random(1)
        folder = job("long", *learning(40, 1))
        losses = (1.2 + 2 * math.exp(-4 * n / STEPS) + chance.gauss(0, 0.1) for n in range(STEPS))
        write(folder, *(step(n, STEPS, loss=loss) for n, loss in enumerate(losses, 2)))
        write(folder, *(evaluated(n, 1.3 + 2 * math.exp(-4 * n / STEPS), "Oh no.") for n in range(0, STEPS, STEPS // 20)))
        room = Room(Theme(application, "dark", reduce_motion=True))
        page, beats = JobsPage(room.desk), Beats()
        page.resize(1600, 1000)
        page.show()
        page.show_job(folder.id)
        report.add("stall_opening", beats.longest(LOOKED_MS), "ms", goal=MOST_STALL_MS)
        page._watch.set_live(True)
        reached = [STEPS]

        def grow() -> None:
            write(folder, *(step(reached[0] + n, 2 * STEPS) for n in range(1, 21)))
            reached[0] += 20

        growing = every(500, grow)
        report.add("stall_live", beats.longest(LOOKED_MS), "ms", goal=MOST_STALL_MS)
        chart, nearer = page.details.charts.cards["Loss"].chart, [0]

        def zoom() -> None:
            nearer[0] += 1000
            chart.zoom(nearer[0], STEPS - nearer[0])

        zooming = every(200, zoom)
        report.add("stall_live_zooming", beats.longest(LOOKED_MS), "ms", goal=MOST_STALL_MS)
        growing.stop()
        zooming.stop()
        report.add("points", len(chart.lines[0].curve), "", goal=STEPS, most=False)
        room.close()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
