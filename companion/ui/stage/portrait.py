"""The picture of a character, whatever it is made of, and where its face is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QLinearGradient, QPainter, QPainterPath
from PySide6.QtSvg import QSvgRenderer

from companion.core.character import Character
from companion.ui.stage.framing import is_solid
from companion.ui.stage.picture_files import open_picture

SVG_SIZE_LIMIT = 8 * 1024 * 1024
LONGEST = 2048
"""Pixels of a bitmap's longer side that are kept: no stage shows more, and sixty megabytes are painted slowly."""
FACE_MARGIN = 0.14
"""Share of the face's size that an avatar shows around it, so that hair and chin are in the picture."""


class Portrait:
    """An SVG, a bitmap, or a silhouette with the initial when there is neither.

    An SVG whose face is drawn in a group with the id "face" says by that where it is; any other picture is taken to
    show its face in the middle of the upper third, as portraits do.
    """

    def __init__(self, character: Character) -> None:
        self.initial = initial_of(character.name)
        self._svg: QSvgRenderer | None = None
        self._read: QImage | None = None
        self.path = path = Path(character.portrait)
        self._is_bitmap = False
        if character.portrait and path.is_file():
            if path.suffix.lower() == ".svg":
                self._svg = _read_svg(path)
            else:
                self._is_bitmap = True

    @property
    def is_slow(self) -> bool:
        """Whether `load` has something to read, which may take a quarter of a second."""
        return self._is_bitmap and self._read is None

    def load(self) -> None:
        """Read a bitmap, in any thread, before anybody else looks at this; else it is read by whoever looks first."""
        if self.is_slow:
            self._read = _read_image(self.path)

    @property
    def _image(self) -> QImage | None:
        self.load()
        return None if self._read is None or self._read.isNull() else self._read

    @property
    def is_silhouette(self) -> bool:
        return self._svg is None and self._image is None

    @property
    def is_solid(self) -> bool:
        """Whether it is a picture with its own background, which has to fill its place."""
        return self._image is not None and is_solid(self._image)

    @property
    def size(self) -> QSize:
        """Natural size in the picture's own units; those of a large bitmap are not its pixels."""
        if self._svg is not None:
            return self._svg.viewBox().size()
        return self._image.size() if self._image is not None else QSize(640, 800)

    @property
    def face(self) -> QRectF:
        """A square around the face, in the picture's own units."""
        if self._svg is not None and self._svg.elementExists("face"):
            skin = self._svg.boundsOnElement("face")
            side = max(skin.width(), skin.height()) * (1 + FACE_MARGIN)
            # Hair makes a head taller above the face than below it.
            return _square(skin.center() - QPointF(0, skin.height() * 0.04), side)
        if self.is_silhouette:
            return _square(QPointF(320, 280), 400)
        return likely_face(self.size)

    def has_groups(self, names: Iterable[str]) -> bool:
        """Whether it is a drawing in which all these groups can be painted one by one."""
        svg = self._svg
        return svg is not None and all(svg.elementExists(name) for name in names)

    def bounds(self, group: str) -> QRectF:
        """Where a group of the drawing lies, in its own units."""
        return self._svg.boundsOnElement(group) if self._svg is not None else QRectF()

    def paint_group(self, painter: QPainter, group: str) -> None:
        """Draw one group at its place, with a painter scaled to the drawing's own units."""
        if self._svg is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._svg.render(painter, group, self._svg.boundsOnElement(group))

    def paint(self, painter: QPainter, target: QRectF) -> None:
        """Draw the whole picture into the target; what is outside the painter's clip is cut off."""
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        if self._svg is not None:
            self._svg.render(painter, target)
        elif self._image is not None:
            painter.drawImage(target, _at_most(self._image, target.size() * painter.deviceTransform().m11()))
        else:
            _paint_silhouette(painter, target, self.initial)
        painter.restore()


def likely_face(size: QSize) -> QRectF:
    """Where a picture of this size shows its face, as portraits and sprites usually do."""
    width, height = size.width(), size.height()
    side = min(width, height) * (0.5 if height > width * 1.15 else 0.9)
    return _square(QPointF(width / 2, max(side / 2, height * 0.24)), side)


def standing_in(box: QRectF, size: QSize) -> QRectF:
    """A picture of any shape stands in the middle of the lower edge."""
    scale = min(box.width() / max(size.width(), 1), box.height() / max(size.height(), 1))
    width, height = size.width() * scale, size.height() * scale
    return QRectF(box.center().x() - width / 2, box.bottom() - height, width, height)


def _square(centre: QPointF, side: float) -> QRectF:
    return QRectF(centre.x() - side / 2, centre.y() - side / 2, side, side)


def _read_svg(path: Path) -> QSvgRenderer | None:
    if path.stat().st_size > SVG_SIZE_LIMIT:
        return None
    renderer = QSvgRenderer(str(path))
    renderer.setAspectRatioMode(Qt.AspectRatioMode.KeepAspectRatio)
    return renderer if renderer.isValid() and not renderer.viewBox().isEmpty() else None


def _read_image(path: Path) -> QImage:
    """The picture, made smaller when it is large; null when it is none."""
    reader = open_picture(path)
    if reader is None:
        return QImage()
    size = reader.size()
    if max(size.width(), size.height()) > LONGEST:
        reader.setScaledSize(size.scaled(LONGEST, LONGEST, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1)))
    return reader.read()


def _at_most(image: QImage, pixels: QSizeF) -> QImage:
    """A painter that makes a picture much smaller leaves most of its pixels out, and the rest flickers."""
    wanted = pixels.toSize()
    if wanted.isEmpty() or wanted.width() * 3 > image.width() * 2:
        return image
    return image.scaled(wanted, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _paint_silhouette(painter: QPainter, target: QRectF, initial: str) -> None:
    """Head and shoulders on a 640 × 800 grid, lit from above, with the initial over the heart."""
    painter.translate(target.topLeft())
    painter.scale(target.width() / 640, target.height() / 800)
    body = QPainterPath(QPointF(70, 800))
    body.cubicTo(74, 600, 150, 560, 262, 522)
    body.cubicTo(290, 512, 350, 512, 378, 522)
    body.cubicTo(490, 560, 566, 600, 570, 800)
    body.closeSubpath()
    head = QPainterPath()
    head.addEllipse(QPointF(320, 296), 122, 150)
    neck = QPainterPath()
    neck.addRoundedRect(QRectF(268, 400, 104, 160), 40, 40)
    light = QLinearGradient(0, 120, 0, 800)
    light.setColorAt(0, QColor("#9C8AE0"))
    light.setColorAt(1, QColor("#4C3D8E"))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(light)
    painter.drawPath(body.united(neck).united(head))
    paint_initial(painter, QRectF(220, 580, 200, 200), initial, "#FFFFFF")


def initial_of(name: str) -> str:
    """What stands for somebody without a picture; empty for a name of spaces."""
    return name.strip()[:1].upper()


def paint_initial(painter: QPainter, area: QRectF, initial: str, colour: str) -> None:
    """One letter in the middle of an area, sized to it."""
    font = QFont(painter.font())
    font.setPixelSize(max(round(area.height() * 0.55), 1))
    font.setWeight(QFont.Weight.DemiBold)
    painter.setFont(font)
    painter.setPen(QColor(colour))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, initial)
