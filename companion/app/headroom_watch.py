"""Watches what memory is left while a job of the window computes: when it gets tight, the job makes room for the chat."""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from PySide6.QtCore import QObject, QTimer

from companion.app.background import Background
from companion.app.job_entry import JobEntry, JobPhase
from companion.app.jobs import Jobs
from companion.app.notices import Notices
from companion.core.amounts import bytes_text
from companion.core.headroom import Headroom, headroom_beside
from companion.core.job_folder import JobFolder

LOOK_MS: Final = 4000
TIGHT_LOOKS: Final = 2
"""Tight so many times in a row: a moment's need passes by itself."""
ROOM_SECONDS: Final = 60.0
"""There is room for so long before anything goes on: a job that comes and goes would be worse than one that waits."""


class HeadroomWatch(QObject):
    """Looks only while a job computes, or while one waits for memory."""

    def __init__(self, jobs: Jobs, notices: Notices) -> None:
        super().__init__()
        self._jobs, self._notices = jobs, notices
        self._background = Background(parent=self)
        self._is_reading = False
        self._tight_looks = 0
        self._short: Headroom | None = None
        """What was left when a job had to make room; None while nothing is short."""
        self._room_since: float | None = None
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self.look)
        jobs.changed.connect(self._follow)

    def look(self) -> None:
        """Read it, in the background."""
        if self._is_reading:
            return
        self._is_reading = True
        own = self._jobs.own
        folder = self._jobs.folder(own.id) if own is not None else None
        self._background.run(partial(_read, folder), partial(self._seen, own))

    def close(self) -> None:
        """May be called twice."""
        self._timer.stop()
        self._background.close()

    def _seen(self, own: JobEntry | None, left: Headroom) -> None:
        self._is_reading = False
        if self._short is not None:
            self._look_for_room(left, self._short)
            return
        self._tight_looks = self._tight_looks + 1 if left.short_of else 0
        if own is not None and own.phase is JobPhase.RUNNING and self._tight_looks >= TIGHT_LOOKS:
            self._make_room(own, left)

    def _make_room(self, own: JobEntry, left: Headroom) -> None:
        self._tight_looks, self._room_since, self._short = 0, None, left
        self._jobs.set_tight(True)
        self._jobs.put_off(own.id)
        if own.is_quiet:
            return
        what = f"Only {bytes_text(left.least)} of {left.short_of} are left: “{own.title}” writes a checkpoint and pauses."
        self._notices.information(what, "It goes on by itself when there is room; closing other programs helps.")

    def _look_for_room(self, left: Headroom, short: Headroom) -> None:
        now = time.monotonic()
        if self._jobs.own is not None or not left.has_room_again(short):
            self._room_since = None
        elif self._room_since is None:
            self._room_since = now
        elif now - self._room_since >= ROOM_SECONDS:
            self._short = self._room_since = None
            self._jobs.set_tight(False)

    def _follow(self) -> None:
        if self._jobs.own is not None or self._short is not None:
            if not self._timer.isActive():
                self._timer.start()
        else:
            self._timer.stop()
            self._tight_looks = 0


def _read(folder: JobFolder | None) -> Headroom:
    return headroom_beside(folder.worker() if folder is not None else 0)
