"""What a figure needs of whoever plays the character: a drawing that moves, or pictures that are exchanged."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter


class Actor(Protocol):
    @property
    def size(self) -> QSize:
        """Natural size, in the character's own units."""

    @property
    def lively(self) -> bool:
        """Whether something moves fast enough to need every frame."""

    def show(self, label: str, strength: float) -> None:
        """Take on a mood, a GoEmotions label or "thinking" or "sleepy"."""

    def settle(self) -> None:
        """End every motion at once, where it was heading."""

    def look_at(self, place: tuple[float, float] | None) -> None:
        """Where the pointer is seen from the eyes, -1 to 1 each; None when it is far away."""

    def hear(self, text: str) -> None: ...

    def set_speech_level(self, level: float) -> None: ...

    def stop_speaking(self) -> None: ...

    def set_asleep(self, asleep: bool) -> None: ...

    def tick(self, seconds: float) -> list[QRectF]:
        """Let time pass; returns the areas that look different now, in the character's units."""

    def paint(self, painter: QPainter, scale: float, dpr: float) -> bool:
        """Paint with the origin at the upper left corner; False when it is not prepared yet and nothing was painted."""

    def leave(self) -> None:
        """Somebody else plays from now on: nothing that arrives later may be shown."""
