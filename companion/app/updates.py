"""Looking for a newer version: once a day where the person has switched that on, and whenever they press the button.

Nothing is ever fetched or installed: what is new is a page that the person may open.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import msgspec
from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer, Signal

from companion.app.notices import Notice, Notices, Tone
from companion.app.preferences import Preferences
from companion.app.worker_call import WorkerCall
from companion.core.download_messages import AskRelease, FetchFailed, ReleaseFound, decode_download_event
from companion.core.updates import Newest, address, keep_heard, last_heard

log = logging.getLogger(__name__)
TURN_MS = 3_600_000
"""How often it is seen whether a day has passed: a window may stay open for weeks."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is known, for the page of settings."""

    is_asking: bool = False
    newest: Newest | None = None
    what: str = ""
    """Why there is no answer; only when the person asked."""
    remedy: str = ""


class Updates(QObject):
    changed = Signal(object)
    """The Standing."""
    page_requested = Signal(str)
    """The person wants to read what is new."""

    def __init__(self, preferences: Preferences, notices: Notices) -> None:
        super().__init__()
        self._preferences = preferences
        self._notices = notices
        self._asking: WorkerCall | None = None
        self._is_wanted = False
        """Whether the person waits for the answer that is under way."""
        self._heard = last_heard()
        newest = self._heard.newest
        # That there is nothing newer was true when it was heard.
        self.standing = Standing(newest=newest if newest is not None and newest.is_newer else None)
        self._turn = QTimer(self, interval=TURN_MS)
        self._turn.timeout.connect(self._look_if_due)

    def start(self) -> None:
        """From now on the switch counts, and whether it is pressed."""
        self._turn.start()
        self._preferences.changed.connect(lambda new, old: self._switched(new.look_for_updates and not old.look_for_updates))
        self._look_if_due()

    def look(self) -> None:
        """The person wants to know now; also while the switch is off."""
        self._is_wanted = True
        self._ask()

    def open_page(self) -> None:
        """What is new, in the browser."""
        if self.standing.newest is not None:
            self.page_requested.emit(self.standing.newest.page)

    def close(self) -> None:
        self._turn.stop()
        if self._asking is not None:
            self._asking.end()
            self._asking = None

    def _switched(self, on: bool) -> None:
        if on:
            self._look_if_due()

    def _look_if_due(self) -> None:
        if self._preferences.settings.look_for_updates and self._heard.is_due(time.time()):
            self._ask()

    def _ask(self) -> None:
        if self._asking is None:
            self._keep(asked=time.time())
            request = AskRelease(address=address())
            self._asking = WorkerCall("download", "The look for updates", decode_download_event, self, request=request)
            self._asking.received.connect(self._receive)
            self._asking.ended.connect(self._ended)
        self._tell(Standing(is_asking=True, newest=self.standing.newest))

    def _receive(self, _key: str, event: object) -> None:
        match event:
            case ReleaseFound():
                newest = Newest(version=event.version, page=event.page)
                self._keep(newest=newest)
                self._tell(Standing(newest=newest))
                if newest.is_newer and not self._is_wanted and self._heard.told != newest.version:
                    self._notices.raise_notice(
                        Notice(Tone.INFORMATION, newest.sentence, action="What is new", act=self.open_page)
                    )
                self._keep(told=newest.version if newest.is_newer else "")
                self._is_wanted = False
            case FetchFailed():
                self._failed(event.what, event.remedy)

    def _ended(self, _key: str, why: str) -> None:
        if (asking := self._asking) is not None:
            self._asking = None
            asking.deleteLater()
        if self.standing.is_asking:
            self._failed(why, "Try again.")

    def _failed(self, what: str, remedy: str) -> None:
        """Told to whoever asked; what the program asked by itself leaves a line in the log."""
        log.info("no answer about updates: %s", what)
        told = Standing(newest=self.standing.newest)
        self._tell(replace(told, what=what, remedy=remedy) if self._is_wanted else told)
        self._is_wanted = False

    def _tell(self, standing: Standing) -> None:
        self.standing = standing
        self.changed.emit(standing)

    def _keep(self, **changes: Any) -> None:
        self._heard = replace(self._heard, **changes)
        try:
            keep_heard(self._heard)
        except OSError as error:  # at worst it is asked again after the next start
            log.warning("what was heard of updates could not be kept (%s)", error.strerror)
