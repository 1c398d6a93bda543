"""Whose turn it is to measure: what is timed beside something else that computes is timed wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal


class _Wish(NamedTuple):
    who: object
    what: str
    begin: Callable[[], None]


class MeasuringTurn(QObject):
    """One measurement of the window at a time, in their order, and none is begun beside a job."""

    changed = Signal()
    """Whether anything is computed is another."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wishes: list[_Wish] = []
        self._measures = False
        """Whether the first of them is at work."""
        self._computing = ""
        """The title of the job that computes now."""
        self._at_work: list[object] = []

    @property
    def is_wanted(self) -> bool:
        """Whether the window has anything computed for the person that is no job."""
        return bool(self._wishes or self._at_work)

    def hold(self, who: object, *, holds: bool) -> None:
        """Whether `who` computes for the person without measuring any time: what nobody asked for gives way to that, too."""
        before = self.is_wanted
        self._at_work = [each for each in self._at_work if each is not who] + ([who] if holds else [])
        if before != self.is_wanted:
            self.changed.emit()

    def ask(self, who: object, what: str, begin: Callable[[], None]) -> None:
        """`begin` is called as soon as nothing else computes, perhaps at once; `what` is measured, such as “this computer”.

        Whoever asks gives the turn back when it has ended, or is not wanted any more.
        """
        before = self.is_wanted
        self._wishes.append(_Wish(who, what, begin))
        if not before:
            self.changed.emit()
        self._advance()

    def give_back(self, who: object) -> None:
        """May be called by those who did not ask."""
        if not any(wish.who is who for wish in self._wishes):
            return
        if self._wishes[0].who is who:
            self._measures = False
        self._wishes = [wish for wish in self._wishes if wish.who is not who]
        if not self.is_wanted:
            self.changed.emit()
        self._advance()

    def waits_for(self, who: object) -> str:
        """What `who` waits for, in the middle of a sentence; empty when it does not wait."""
        place = next((place for place, wish in enumerate(self._wishes) if wish.who is who), 0)
        if place:
            return f"{self._wishes[0].what} is measured"
        if not self._wishes or self._wishes[0].who is not who or self._measures:
            return ""
        return f"“{self._computing}” has paused or is done"

    def follow(self, computing: str) -> None:
        """The title of the job that computes now, empty for none."""
        self._computing = computing
        self._advance()

    def _advance(self) -> None:
        if self._wishes and not self._measures and not self._computing:
            self._measures = True
            self._wishes[0].begin()
