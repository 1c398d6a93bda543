"""How head, body and hair stand in one frame, as numbers, and the transformations that follow from them."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPointF
from PySide6.QtGui import QTransform

HEAD = QTransform(0.89723, -0.07061, 0.07061, 0.89723, 1.112, 32.842)
"""From the upright head in which the face is drawn to the portrait, where it leans by 4.5° and is a tenth smaller."""
NECK = QPointF(322, 388)
"""The head turns about this point."""
FLOOR, SHOULDERS = 1040.0, 520.0
"""Heights of the lower edge, which never moves, and of the shoulders, in units of the drawing."""
PARALLAX = {"hair-behind": (-2.5, -1.5), "face": (3.2, 3.0), "nose": (9.5, 7.5), "features": (7.0, 6.0), "hair-front": (4.6, 4.2)}
"""How far each layer goes with a full turn and a full nod: what is nearer to us goes further."""
HAIR = {"hair-behind": (330.0, 640.0, 970.0), "hair-front": (330.0, 490.0, 690.0)}
"""Heights at which hair bends: below the first it hangs instead of following the head, the last is where it ends."""


class Posture(NamedTuple):
    """Everything at 0 is the posture of the portrait. Lengths in units of the drawing."""

    turn: float = 0.0
    nod: float = 0.0
    tilt: float = 0.0
    """Degrees."""
    rise: float = 0.0
    """Shoulders, upwards: breath and shrugging."""
    lean: float = 0.0
    """Shoulders, to the right."""
    front: tuple[float, float] = (0.0, 0.0)
    behind: tuple[float, float] = (0.0, 0.0)
    """How far hair is swung to the right, at its bend and at its ends."""
    steam: float = 0.0
    """How far the steam of the tea is blown to the right at its upper end."""

    def body(self) -> QTransform:
        """The body stretches upwards from the floor."""
        tall = 1 + self.rise / (FLOOR - SHOULDERS)
        slant = -self.lean / (FLOOR - SHOULDERS)
        return QTransform(1, 0, slant, tall, -FLOOR * slant, FLOOR * (1 - tall))

    def tea(self) -> QTransform:
        """The steam leans from the mug upwards."""
        slant = -self.steam / 150
        return QTransform(1, 0, slant, 1, -655 * slant, 0) * self.body()

    def head(self, layer: str) -> QTransform:
        """Where a layer of the head goes, for a point of the portrait."""
        across, down = PARALLAX[layer]
        neck = self.body().map(NECK)
        made = QTransform.fromTranslate(neck.x() + self.turn * 1.5, neck.y() + self.nod * 2)
        made.rotate(self.tilt + self.turn * 0.8)
        made.translate(across * self.turn - NECK.x(), down * self.nod - NECK.y())
        return made

    def features(self) -> QTransform:
        """From the upright head to the portrait as it moves."""
        return HEAD * self.head("features")

    def hair(self, layer: str) -> tuple[QTransform, QTransform, QTransform]:
        """Three transformations for the parts of the hair, from the top: they meet at the heights in HAIR."""
        first, second, end = HAIR[layer]
        swings = self.front if layer == "hair-front" else self.behind
        top = self.head(layer)
        seam = top.map(QPointF(320, first)).x() - 320
        middle = _hanging(top, first, (swings[0] - seam) / (second - first))
        bottom = _hanging(middle, second, (swings[1] - swings[0]) / (end - second))
        return top, middle, bottom


def displacement(old: Posture, new: Posture) -> float:
    """About how far the part that has moved furthest has moved, in units of the drawing."""
    hair = (*zip(old.front, new.front, strict=True), *zip(old.behind, new.behind, strict=True))
    return max(
        abs(old.turn - new.turn) * 9,
        abs(old.nod - new.nod) * 8,
        abs(old.tilt - new.tilt) * 6.1,  # the crown is 350 units above the neck
        abs(old.rise - new.rise) * 1.25,
        abs(old.lean - new.lean) * 1.25,
        abs(old.steam - new.steam) * 0.4,  # faint and soft: less of it is seen
        *(abs(a - b) for a, b in hair),
    )


def _hanging(above: QTransform, seam: float, slant: float) -> QTransform:
    """Goes on below a seam of the part above it, straight down but for a slant."""
    return QTransform(
        above.m11(),
        above.m12(),
        slant,
        1.0,
        above.m21() * seam + above.dx() - seam * slant,
        above.m22() * seam + above.dy() - seam,
    )
