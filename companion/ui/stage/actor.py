"""Who plays the character: the base of a drawing that moves and of pictures that are exchanged."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, QSize, Signal
from PySide6.QtGui import QPainter


class Actor(QObject):
    """`prepared` comes when something that was drawn or read meanwhile can be shown.

    What an actor cannot do, such as speaking with a mouth that was painted once, it leaves as it is here.
    """

    prepared = Signal()

    @property
    def size(self) -> QSize:
        """Natural size, in the character's own units."""
        raise NotImplementedError

    @property
    def face(self) -> QRectF:
        """A square around the face, in the same units."""
        raise NotImplementedError

    @property
    def lively(self) -> bool:
        """Whether something moves fast enough to need every frame."""
        raise NotImplementedError

    @property
    def fills(self) -> bool:
        """Whether what is shown has its own background, and so fills the place instead of standing in it."""
        return False

    @property
    def has_sprites(self) -> bool:
        """Whether there are pictures beside the portrait."""
        return False

    def show(self, label: str, strength: float) -> None:
        """Take on a mood: a GoEmotions label, "thinking" or "sleepy"."""
        raise NotImplementedError

    def settle(self) -> None:
        """End every motion at once, where it was heading."""
        raise NotImplementedError

    def tick(self, seconds: float) -> list[QRectF]:
        """Let time pass; returns the areas that look different now, in the character's units."""
        raise NotImplementedError

    def paint(self, painter: QPainter, scale: float, dpr: float) -> bool:
        """Paint with the origin at the upper left corner; False when nothing is prepared yet and nothing was painted."""
        raise NotImplementedError

    def leave(self) -> None:
        """Somebody else plays from now on: nothing that arrives later may be shown."""
        raise NotImplementedError

    def look_at(self, place: tuple[float, float] | None) -> None:
        """Where the pointer is seen from the eyes, -1 to 1 each; None when it is far away."""

    def hear(self, text: str) -> None:
        """Say this with the mouth."""

    def stop_speaking(self) -> None:
        """Close the mouth."""

    def set_asleep(self, asleep: bool) -> None:
        """Breathe as in sleep."""
