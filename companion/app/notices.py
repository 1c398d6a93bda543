"""The one way to tell the person anything."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from companion.core.errors import CompanionError

log = logging.getLogger(__name__)


class Tone(Enum):
    INFORMATION = "information"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


class Notice(NamedTuple):
    """What happened and what to do about it, as full sentences; `act` runs when the person presses `action`."""

    tone: Tone
    what: str
    remedy: str = ""
    action: str = ""
    act: Callable[[], None] | None = None
    waits: bool = False
    """Whether it stays until it is answered or closed, as every error does."""


class Notices(QObject):
    """Any part of the program raises a notice here; one view shows them."""

    notice_raised = Signal(object)
    notice_withdrawn = Signal(object)
    """One that was raised before."""

    def raise_notice(self, notice: Notice) -> None:
        if notice.tone in (Tone.WARNING, Tone.ERROR):  # others name what the person wrote, which no log should keep
            log.warning("%s: %s %s", notice.tone.value, notice.what, notice.remedy)
        self.notice_raised.emit(notice)

    def withdraw(self, notice: Notice) -> None:
        """The person sees already what it tells; nothing happens when it is no longer shown."""
        self.notice_withdrawn.emit(notice)

    @contextmanager
    def telling(self, kind: type[CompanionError]) -> Iterator[None]:
        """What goes wrong inside is told instead of raised."""
        try:
            yield
        except kind as error:
            self.error(error.what, error.remedy)

    def information(self, what: str, remedy: str = "") -> None:
        self.raise_notice(Notice(Tone.INFORMATION, what, remedy))

    def warning(self, what: str, remedy: str = "") -> None:
        self.raise_notice(Notice(Tone.WARNING, what, remedy))

    def error(self, what: str, remedy: str = "") -> None:
        self.raise_notice(Notice(Tone.ERROR, what, remedy))

    def undoable(self, what: str, undo: Callable[[], None], *, waits: bool = False) -> None:
        """Something was done that can be taken back for a while; with `waits` until the person closes the notice, where there
        is no other way back."""
        self.raise_notice(Notice(Tone.INFORMATION, what, action="Undo", act=undo, waits=waits))
