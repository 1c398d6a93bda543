"""The parts of a drawn character that keep their shape, each painted once for a size and then only moved."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap

from companion.ui.stage.portrait import Portrait

LAYERS: dict[str, tuple[str, ...]] = {
    "hair-behind": ("hair-behind",),
    "body": ("body", "arms"),
    "steam": ("steam",),
    "face": ("face",),
    "nose": ("nose",),
    "hair-front": ("hair-front", "clip"),
}
"""Name of a layer to the groups of the drawing it is made of."""
GRID = QSize(640, 1040)
"""Size of a drawing whose face we know how to place."""
NEEDED = (*(group for groups in LAYERS.values() for group in groups), "eyes", "mouth", "brows", "blush")
"""Groups a drawing must have so that its face can be replaced by one that moves."""
OVERSAMPLING = 1.5
"""Layers are finer than the screen: one that moves by half a pixel would else look softer than one that does not."""


class Layer(NamedTuple):
    pixmap: QPixmap
    area: QRectF
    """What it shows, in units of the drawing."""

    def paint(self, painter: QPainter, top: float | None = None, bottom: float | None = None) -> None:
        """Paint it, or only the band between two heights, in units of the drawing."""
        upper = self.area.top() if top is None else top
        lower = self.area.bottom() if bottom is None else bottom
        scale = self.pixmap.height() / self.area.height()
        target = QRectF(self.area.left(), upper, self.area.width(), lower - upper)
        source = QRectF(0, (upper - self.area.top()) * scale, self.pixmap.width(), (lower - upper) * scale)
        painter.drawPixmap(target, self.pixmap, source)


class Layers:
    """The layers of one portrait at one scale. `prepare` paints one more of them, so that no frame waits for all."""

    def __init__(self, portrait: Portrait, scale: float, dpr: float) -> None:
        self.scale, self.dpr = scale, dpr
        self._portrait = portrait
        self.fine = scale * dpr * (OVERSAMPLING if dpr < 2 else 1.0)
        """Pixels of the layers per unit of the drawing."""
        self._left = list(LAYERS)
        self._made: dict[str, Layer] = {}

    @property
    def complete(self) -> bool:
        return not self._left

    def prepare(self) -> None:
        """Paint the next layer: at most some 15 ms at the size of the stage."""
        name = self._left.pop(0)
        self._made[name] = self._draw(LAYERS[name])

    def __getitem__(self, name: str) -> Layer:
        return self._made[name]

    def _draw(self, groups: tuple[str, ...]) -> Layer:
        bounds = QRectF()
        for group in groups:
            bounds = bounds.united(self._portrait.bounds(group))
        bounds = bounds.intersected(QRectF(-20, -20, GRID.width() + 40, GRID.height() + 40))
        width, height = round((bounds.width() + 4) * self.fine) + 1, round((bounds.height() + 4) * self.fine) + 1
        area = QRectF(bounds.left() - 2, bounds.top() - 2, width / self.fine, height / self.fine)
        pixmap = QPixmap(width, height)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.scale(self.fine, self.fine)
        painter.translate(-area.topLeft())
        for group in groups:
            self._portrait.paint_group(painter, group)
        painter.end()
        return Layer(pixmap, area)
