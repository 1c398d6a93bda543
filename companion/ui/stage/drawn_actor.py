"""Plays a layered drawing: prepares its layers, lets it live and tells what has to be painted again."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, QSize, QTimer
from PySide6.QtGui import QPainter

from companion.ui.stage.actor import Actor
from companion.ui.stage.drawn_figure import WHOLE_AREA, DrawnFigure, changed_areas, moved
from companion.ui.stage.expressions import face_for, read_faces
from companion.ui.stage.face import Face
from companion.ui.stage.layers import GRID, NEEDED, Layers
from companion.ui.stage.performance import Performance
from companion.ui.stage.portrait import Portrait

RESIZING_MS = 150
"""While a window is being resized the layers of the old size are stretched; new ones wait until it has rested so long."""


def faces_beside(portrait: Portrait) -> dict[str, Face] | None:
    """The faces for a portrait that we can bring to life: a drawing on our grid, with the layers we move, and a file of
    faces beside it. None for every other portrait."""
    if portrait.size != GRID or not portrait.has_groups(NEEDED):
        return None
    try:
        return read_faces(portrait.path.with_name("faces.toml"))
    except (OSError, ValueError):
        return None


class DrawnActor(Actor):
    """A living face. `prepared` comes when the layers of a size have been painted."""

    def __init__(self, portrait: Portrait, faces: dict[str, Face], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._portrait = portrait
        self._face = portrait.face
        self._faces = faces
        self._performance = Performance(self._faces["neutral"])
        self._shown = self._performance.frame()
        self._figure: DrawnFigure | None = None
        self._ready: Layers | None = None
        self._preparing: Layers | None = None
        self._pixels = 1.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._prepare)

    @property
    def size(self) -> QSize:
        return self._portrait.size

    @property
    def face(self) -> QRectF:
        return self._face

    @property
    def lively(self) -> bool:
        return self._performance.lively

    def show(self, label: str, strength: float) -> None:
        self._performance.show(face_for(self._faces, label, strength))

    def settle(self) -> None:
        self._performance.settle()
        self._shown = self._performance.frame()

    def look_at(self, place: tuple[float, float] | None) -> None:
        self._performance.gaze.point(place)

    def hear(self, text: str) -> None:
        self._performance.speech.hear(text)

    def stop_speaking(self) -> None:
        self._performance.speech.stop()

    def set_asleep(self, asleep: bool) -> None:
        self._performance.set_asleep(asleep)

    def tick(self, seconds: float) -> list[QRectF]:
        self._performance.tick(seconds)
        frame = self._performance.frame()
        if moved(self._shown.posture, frame.posture, self._pixels):
            self._shown = frame
            return [WHOLE_AREA]
        areas = changed_areas(self._shown.face, frame.face, self._pixels)
        if areas:  # in the old posture, so that the parts fit the picture around them
            self._shown = self._shown._replace(face=frame.face)
        return areas

    def paint(self, painter: QPainter, scale: float, dpr: float) -> bool:
        self._want(scale, dpr)
        if self._figure is None:
            return False
        painter.save()
        painter.scale(scale, scale)
        self._figure.paint(painter, *self._shown)
        painter.restore()
        return True

    def _want(self, scale: float, dpr: float) -> None:
        newest = self._preparing or self._ready
        if newest is None or (newest.scale, newest.dpr) != (scale, dpr):
            self._pixels = scale * dpr**0.5  # pixels half as large are no reason for twice as many frames
            self._preparing = Layers(self._portrait, scale, dpr)
            self._timer.start(0 if self._ready is None else RESIZING_MS)

    def _prepare(self) -> None:
        """One layer, then whatever else is waiting in the program, then the next."""
        if self._preparing is None:
            return
        if not self._preparing.complete:
            self._preparing.prepare()
            self._timer.start(0)
            return
        self._ready, self._preparing = self._preparing, None
        self._figure = DrawnFigure(self._ready)
        self.prepared.emit()

    def leave(self) -> None:
        self._timer.stop()
