"""Paints a layered character: what keeps its shape is moved as a whole, the face is drawn anew."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap, QTransform

from companion.ui.stage import eyes, marks, mouth
from companion.ui.stage.face import Face
from companion.ui.stage.layers import Layers
from companion.ui.stage.posture import HAIR, Posture, displacement

WHOLE_AREA = QRectF(-40, -20, 720, 1080)
EYES_AREA = QRectF(172, 204, 284, 168)
MOUTH_AREA = QRectF(258, 316, 120, 104)
HEAD_AREA = QRectF(110, 0, 420, 420)
"""Parts of the picture that change with the posture, the eyes, the mouth, or any other part of the face, wherever the head
may turn and the hair may swing."""
EYE_PICTURE = QRectF(192, 246, 256, 142)
"""What is drawn with the eyes, lids, cheeks and tears, in the upright head."""
VISIBLE = 0.25
"""Least movement that is worth a frame, in pixels of the screen."""

_EYES = frozenset(name for name in Face._fields if name.startswith(("eye_", "gaze_", "iris", "shine")))
_MOUTH = frozenset(name for name in Face._fields if name.startswith(("mouth_", "teeth", "tongue")))
_EYE_PICTURE = _EYES | {"blush", "tear"}


class DrawnFigure:
    """Paints any face in any posture from prepared layers."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._iris = eyes.iris_image(max(round(56 * layers.fine), 8))
        self._eyes = QPixmap(round(EYE_PICTURE.width() * layers.fine) + 1, round(EYE_PICTURE.height() * layers.fine) + 1)
        self._eyes_for: tuple[float, ...] = ()

    def paint(self, painter: QPainter, face: Face, posture: Posture) -> None:
        """Paint with a painter that is scaled to the units of the drawing."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        # Layers end in transparency: smoothing their edges too would show nothing and cost four times as much.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        base = painter.worldTransform()
        self._paint_hair(painter, base, posture, "hair-behind")
        self._paint_layer(painter, posture.body() * base, "body")
        self._paint_layer(painter, posture.tea() * base, "steam")
        self._paint_layer(painter, posture.head("face") * base, "face")
        self._paint_features(painter, base, face, posture)
        self._paint_hair(painter, base, posture, "hair-front")
        painter.setTransform(posture.features() * base)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        marks.paint_brows(painter, face)
        marks.paint_signs(painter, face)
        painter.restore()

    def _paint_layer(self, painter: QPainter, place: QTransform, name: str) -> None:
        painter.setTransform(place)
        self._layers[name].paint(painter)

    def _paint_features(self, painter: QPainter, base: QTransform, face: Face, posture: Posture) -> None:
        place = posture.features() * base
        painter.setTransform(place)
        marks.paint_pale(painter, face.pale)
        painter.drawPixmap(EYE_PICTURE, self._eye_picture(face, posture.turn), QRectF(self._eyes.rect()))
        self._paint_layer(painter, posture.head("nose") * base, "nose")
        painter.setTransform(place)
        painter.translate(*mouth.CENTRE)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        mouth.paint_mouth(painter, face)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _eye_picture(self, face: Face, turn: float) -> QPixmap:
        """Eyes and cheeks, half of the work of a frame, kept while only head and breath move."""
        wanted = (*(value for name, value in zip(Face._fields, face, strict=True) if name in _EYE_PICTURE), round(turn, 1))
        if wanted != self._eyes_for:
            self._eyes_for = wanted
            self._eyes.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._eyes)
            painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
            painter.scale(self._eyes.width() / EYE_PICTURE.width(), self._eyes.height() / EYE_PICTURE.height())
            painter.translate(-EYE_PICTURE.topLeft())
            marks.paint_blush(painter, face.blush)
            for right, (x, y) in enumerate(eyes.CENTRES):
                painter.save()
                painter.translate(x, y)
                # The eye that turns away from us gets narrower.
                painter.scale(1 - 0.05 * max(round(turn, 1) if right else -round(turn, 1), 0.0), 1)
                eyes.paint_eye(painter, face, bool(right), self._iris)
                painter.restore()
            marks.paint_tears(painter, face.tear)
            painter.end()
        return self._eyes

    def _paint_hair(self, painter: QPainter, base: QTransform, posture: Posture, name: str) -> None:
        first, second, _ = HAIR[name]
        top, middle, bottom = posture.hair(name)
        layer = self._layers[name]
        # From below, each a little over the next: no gap shows where they meet.
        painter.setTransform(bottom * base)
        layer.paint(painter, top=second)
        painter.setTransform(middle * base)
        layer.paint(painter, top=first, bottom=second + 1)
        painter.setTransform(top * base)
        layer.paint(painter, bottom=first + 1)


def changed_areas(old: Face, new: Face, pixels: float) -> list[QRectF]:
    """Parts of the picture that look different with another face in the same posture, at so many pixels per unit."""
    least = VISIBLE / pixels
    names = {name for name, reach, a, b in zip(Face._fields, _REACH, old, new, strict=True) if abs(a - b) * reach > least}
    if not names:
        return []
    if names - _EYES - _MOUTH:
        return [HEAD_AREA]
    areas = [EYES_AREA] if names & _EYES else []
    return [*areas, MOUTH_AREA] if names & _MOUTH else areas


def moved(old: Posture, new: Posture, pixels: float) -> bool:
    """Whether any part of the figure stands visibly elsewhere, at so many pixels per unit."""
    return displacement(old, new) * pixels > VISIBLE


def _reach(name: str) -> float:
    """How many units a change of a field by 1 moves what is drawn; 0 for those that act through the posture."""
    if name in {"turn", "nod", "tilt", "shoulders"}:
        return 0.0
    if name in {"mouth_width", "mouth_lift", "mouth_open", "mouth_arch", "mouth_y", "brow_raise"}:
        return 1.0
    return 40.0 if name == "eye_open" else 10.0


_REACH = tuple(_reach(name) for name in Face._fields)
