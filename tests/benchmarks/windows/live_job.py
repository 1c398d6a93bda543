"""The real window on the page of a job of 100,000 steps that goes on: a process of its own holds its lock and appends.

Prints: the longest time between two turns of the event loop (ms), the longest that the window's own thread took between
two of them (ms; what other programs take does not count), and the points that the chart of the loss holds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from companion.core.job_folder import JobFolder, create_job
from companion.core.job_lock import JobLock

STEPS = 100_000
TICK_MS = 2
GROW_SECONDS = 0.5
GROWS_BY = 20
SETTLE_MS, LOOKED_MS = 6000, 12_000
"""After the page was opened, until its charts are there, and how long it is watched from then on."""


class Watch(QObject):
    """Opens the page of the job and measures what lies between ticks."""

    def __init__(self, program, job: JobFolder) -> None:
        super().__init__()
        self.program, self.job = program, job
        self.longest = self.own = self.at = self.spent = 0.0
        self.timer = QTimer(self, interval=TICK_MS)
        self.timer.timeout.connect(self.tick)
        program.workshop.show_job(job.id)
        QTimer.singleShot(SETTLE_MS, self.begin)
        QTimer.singleShot(SETTLE_MS + LOOKED_MS, self.finish)

    def begin(self) -> None:
        self.at, self.spent = time.perf_counter(), time.thread_time()
        self.timer.start()

    def tick(self) -> None:
        now, spent = time.perf_counter(), time.thread_time()
        self.longest = max(self.longest, 1000 * (now - self.at) - TICK_MS)
        self.own = max(self.own, 1000 * (spent - self.spent))
        self.at, self.spent = now, spent

    def finish(self) -> None:
        self.timer.stop()
        entry = self.program.workshop.jobs.entry(self.job.id)
        assert entry is not None
        assert entry.is_computing, "the page was not live"
        chart = self.program.workshop.panel.pages["jobs"].details.charts.cards["Loss"].chart
        print(self.longest, self.own, len(chart.lines[0].curve), flush=True)
        self.program.window.close()


def grow(folder: str) -> None:
    """Works on the job as far as anybody can see, until it is ended: twenty steps every half second."""
    from tests.ui.workshop.written_jobs import learning, step, write

    job = JobFolder(Path(folder))
    assert JobLock(job.lock_file).acquire()
    write(job, *learning(40, 1), *(step(number, 2 * STEPS) for number in range(2, STEPS + 1)))
    print("written", flush=True)
    reached = STEPS
    while True:
        time.sleep(GROW_SECONDS)
        write(job, *(step(reached + number, 2 * STEPS) for number in range(1, GROWS_BY + 1)))
        reached += GROWS_BY


def main() -> int:
    from companion.core.job import JobOrder
    from companion.core.recipes.fine_tune import FineTune
    from companion.window import build

    sys.excepthook = lambda *error: (traceback.print_exception(*error), os._exit(1))  # else Qt would go on without it
    job = create_job(FineTune(name="long"), JobOrder())
    with subprocess.Popen([sys.executable, __file__, str(job.path)], stdout=subprocess.PIPE, text=True) as growing:
        try:
            assert growing.stdout is not None
            assert growing.stdout.readline() == "written\n"
            application, program = build()
            watch = Watch(program, job)
            watch.setParent(application)
            return application.exec()
        finally:
            growing.kill()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        grow(sys.argv[1])
    else:
        sys.exit(main())
