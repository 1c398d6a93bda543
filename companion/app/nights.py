"""Teaching at night: jobs that wait for it begin when nobody needs the computer, and leave politely when somebody comes."""

from __future__ import annotations

import time
from datetime import datetime
from enum import Enum
from typing import Final

from PySide6.QtCore import QObject, QTimer

from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.app.job_entry import JobEntry, JobPhase
from companion.app.jobs import Jobs
from companion.app.notices import Notices
from companion.app.preferences import Preferences
from companion.core.idle import DesktopIdle
from companion.core.night import is_night
from companion.core.power import on_battery
from companion.core.settings import Settings

IDLE_SECONDS: Final = 600.0
"""Nobody has touched anything, and she has said nothing, for so long."""
LOOK_MS: Final = 3000
"""How often it is looked while there is something for tonight: whoever comes back waits no longer."""


class Hindrance(Enum):
    """Why now is no time to teach; the values say why a job pauses."""

    OFF = "Teaching at night was switched off"
    DAY = "The night is over"
    BATTERY = "The computer runs on its battery"
    PERSON = "You are back"


class Nights(QObject):
    """The window must be open: nothing of this program runs without it."""

    def __init__(self, jobs: Jobs, engine: Engine, preferences: Preferences, notices: Notices) -> None:
        super().__init__()
        self._jobs, self._engine = jobs, engine
        self._preferences, self._notices = preferences, notices
        self._desktop: DesktopIdle | None = None
        self._touched = self._spoke = time.monotonic()
        """When somebody last touched the window, and when she last said something."""
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self.look)
        jobs.changed.connect(self._follow)
        engine.state_changed.connect(lambda _state: self._speak())
        preferences.changed.connect(self._settings_changed)
        self._follow()

    def touch(self) -> None:
        """Somebody uses the window: where the desktop does not tell, that is all one knows."""
        self._touched = time.monotonic()

    def look(self) -> None:
        """Is now a time to teach, and does what is under way still suit it?"""
        hindrance = self.hindrance()
        own = self._jobs.own
        self._jobs.set_night(hindrance is None)
        if hindrance is not None and own is not None and own.tonight and own.phase is JobPhase.RUNNING:
            self._jobs.put_off(own.id)
            what = f"{hindrance.value}: “{own.title}” writes a checkpoint and pauses."
            again = "On" if hindrance is Hindrance.OFF else "It goes on tonight; on"
            self._notices.information(what, f"{again} the page of jobs you can start it now.")

    def hindrance(self) -> Hindrance | None:
        """None when nobody needs the computer and the person wants that to be used."""
        settings = self._preferences.settings
        if not settings.teach_at_night:
            return Hindrance.OFF
        if not is_night(datetime.now(), settings.night_begins, settings.night_ends):
            return Hindrance.DAY
        if self._idle_seconds() < IDLE_SECONDS:
            return Hindrance.PERSON
        return Hindrance.BATTERY if on_battery() else None

    def close(self) -> None:
        """May be called twice."""
        self._timer.stop()

    def _idle_seconds(self) -> float:
        if self._engine.state is EngineState.ANSWERING:
            return 0.0
        if self._desktop is None:
            self._desktop = DesktopIdle()
        now, desktop = time.monotonic(), self._desktop.seconds()
        return min(now - self._touched if desktop is None else desktop, now - self._spoke)

    def _speak(self) -> None:
        self._spoke = time.monotonic()

    def _settings_changed(self, new: Settings, old: Settings) -> None:
        if new.teach_at_night != old.teach_at_night and self._timer.isActive():
            self.look()
            self._jobs.look()  # what is waited for is told anew

    def _follow(self) -> None:
        """It costs nothing while nobody waits for the night."""
        if any(map(_is_for_tonight, self._jobs.entries)):
            if not self._timer.isActive():
                self._timer.start()
                self.look()
        else:
            self._timer.stop()


def _is_for_tonight(entry: JobEntry) -> bool:
    return entry.tonight and (entry.is_computing or entry.phase is JobPhase.WAITING)
