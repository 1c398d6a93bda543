"""The pace at which words appear: somebody typing, who never falls far behind what has been thought."""

from __future__ import annotations

CHARACTERS_PER_SECOND = 42.0
"""Brisk typing; reading silently is about half as fast, so nobody waits for the letters."""
CATCH_UP_SECONDS = 0.8
"""A longer queue is worked off within about this time: a fast model is never held back for long."""
PAUSES = {".": 0.22, "!": 0.22, "?": 0.22, "…": 0.3, "\n": 0.25, ",": 0.09, ";": 0.12, ":": 0.12, "—": 0.12}
"""Seconds of rest after a character, when a space or a new line follows it."""


class Pacer:
    """Takes text as it comes and hands it out at the pace of somebody typing. Times are in seconds."""

    def __init__(self) -> None:
        self._waiting = ""
        self._credit = 0.0
        """Characters that may be shown; below zero while resting."""
        self._last = ""

    @property
    def is_empty(self) -> bool:
        return not self._waiting

    def add(self, text: str) -> None:
        self._waiting += text

    def take(self, seconds: float) -> str:
        """What has been typed after another `seconds`."""
        if not self._waiting:
            self._credit = 0.0
            return ""
        speed = max(CHARACTERS_PER_SECOND, len(self._waiting) / CATCH_UP_SECONDS)
        self._credit += speed * seconds
        shown = 0
        while shown < len(self._waiting) and self._credit >= 1:
            character = self._waiting[shown]
            if character.isspace() and self._last in PAUSES:
                # Rests shrink as the queue grows, or a fast model would be late at every full stop.
                self._credit -= PAUSES[self._last] * CHARACTERS_PER_SECOND * (CHARACTERS_PER_SECOND / speed)
            self._credit -= 1
            self._last = character
            shown += 1
        text, self._waiting = self._waiting[:shown], self._waiting[shown:]
        return text

    def take_all(self) -> str:
        """The rest at once."""
        text, self._waiting, self._credit = self._waiting, "", 0.0
        self._last = text[-1:] or self._last
        return text
