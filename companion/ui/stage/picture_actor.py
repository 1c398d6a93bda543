"""Plays a character of pictures: one per mood, faded into each other, or only the portrait, breathing."""

from __future__ import annotations

from pathlib import Path
from random import Random

from PySide6.QtCore import QObject, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter

from companion.ui.stage.actor import Actor
from companion.ui.stage.drawn_figure import VISIBLE
from companion.ui.stage.framing import covering, is_solid
from companion.ui.stage.motion import breath
from companion.ui.stage.picture_files import open_picture, upright_size
from companion.ui.stage.pictures import Pictures
from companion.ui.stage.portrait import Portrait, likely_face, standing_in
from companion.ui.stage.sprites import SpritePack

FADE_S = 0.2
LONGEST_TICK_S = 0.05
"""A moment in which the machine was busy does not swallow a fade."""
BREATH_SHARE = 0.0035
"""How much taller a picture is when she has breathed in: two pixels on a stage of usual size."""


class PictureActor(Actor):
    """A picture per mood, or the portrait alone. `prepared` comes when a picture has been read."""

    def __init__(self, portrait: Portrait, pack: SpritePack | None, pictures: Pictures, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._portrait, self._pack, self._pictures = portrait, pack, pictures
        self._random = Random()
        self._path = self._chosen("neutral")
        self._label = "neutral"
        self._size = _natural_size(self._path) if self._path else portrait.size
        self._face = likely_face(self._size) if self._path else portrait.face
        self._fills = self._path is None and portrait.is_solid
        self._is_judged = self._path is None
        """Whether a sprite has been seen: its corners say whether the pack stands or fills."""
        self._still: QImage | None = None
        self._now = self._before = QImage()
        self._share = 1.0
        self._pixels = QSize()
        self._time = 0.0
        self._shown_breath = 0.0
        self._asleep = False

    @property
    def size(self) -> QSize:
        return self._size

    @property
    def face(self) -> QRectF:
        return self._face

    @property
    def lively(self) -> bool:
        return self._share < 1

    @property
    def fills(self) -> bool:
        return self._fills

    @property
    def has_sprites(self) -> bool:
        return self._pack is not None and bool(self._pack.labels)

    def show(self, label: str, strength: float) -> None:
        """Faintly felt moods (below a quarter) stay neutral: a picture cannot be shown by halves."""
        wanted = label if strength >= 0.25 else "neutral"
        if wanted == self._label:
            return
        self._label = wanted
        self._path = self._chosen(wanted)
        self._request()

    def settle(self) -> None:
        self._share = 1.0
        self._time = self._shown_breath = 0.0

    def set_asleep(self, asleep: bool) -> None:
        self._asleep = asleep

    def tick(self, seconds: float) -> list[QRectF]:
        self._time += seconds * (0.62 if self._asleep else 1.0)
        fading = self._share < 1
        self._share = min(self._share + min(seconds, LONGEST_TICK_S) / FADE_S, 1.0)
        chest = 0.0 if self._fills else breath(self._time)  # a room does not breathe
        if not fading and abs(chest - self._shown_breath) * BREATH_SHARE * self._pixels.height() < VISIBLE:
            return []
        self._shown_breath = chest
        width, height = self._size.width(), self._size.height()
        return [QRectF(0, -height * 0.01, width, height * 1.01)]

    def paint(self, painter: QPainter, scale: float, dpr: float) -> bool:
        pixels = QSize(round(self._size.width() * scale * dpr), round(self._size.height() * scale * dpr))
        if pixels != self._pixels:
            self._pixels = pixels
            self._still = None
            self._request()
        if self._now.isNull():
            return False
        image = self._now if self._share >= 1 or self._before.isNull() else _faded(self._before, self._now, self._share)
        box = QRectF(0, 0, self._size.width() * scale, self._size.height() * scale)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if self._shown_breath > 0:
            tall = 1 + BREATH_SHARE * self._shown_breath
            painter.translate(0, box.height() * (1 - tall))
            painter.scale(1, tall)
        painter.drawImage(self._placed(box, image.size()), image)
        painter.restore()
        return True

    def leave(self) -> None:
        self._path = None

    def _placed(self, box: QRectF, size: QSize) -> QRectF:
        return covering(box, size) if self._fills else standing_in(box, size)

    def _chosen(self, label: str) -> Path | None:
        """A sprite for the label whose picture can be shown, as far as its first bytes tell."""
        path = self._pack.choose(label, self._random) if self._pack is not None else None
        return path if path is not None and not _natural_size(path).isEmpty() else None

    def _request(self) -> None:
        if self._pixels.isEmpty():
            return  # nobody has seen her yet
        if self._path is None:
            self._exchange(self._portrait_image())
        else:
            wanted = self._path
            self._pictures.request(wanted, self._pixels, lambda image: self._arrived(wanted, image), cover=self._fills)

    def _arrived(self, path: Path, image: QImage) -> None:
        if path == self._path:  # else the mood has changed again meanwhile
            if not self._is_judged and not image.isNull():
                self._is_judged, self._fills = True, is_solid(image)
            self._exchange(self._portrait_image() if image.isNull() else image)

    def _exchange(self, image: QImage) -> None:
        same = self._now.size() == image.size() and self._now == image
        resized = self._now.isNull() or not _alike(self._now.size(), image.size())
        self._before, self._now = self._now, image
        self._share = 1.0 if same or resized else 0.0
        self.prepared.emit()

    def _portrait_image(self) -> QImage:
        if self._still is None:
            box = QRectF(0, 0, self._pixels.width(), self._pixels.height())
            self._still = QImage(self._pixels, QImage.Format.Format_ARGB32_Premultiplied)
            self._still.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._still)
            self._portrait.paint(painter, self._placed(box, self._portrait.size))
            painter.end()
        return self._still


def _natural_size(path: Path) -> QSize:
    """Size of the picture in a file, read from its header; empty when it is no picture or too large to be shown."""
    reader = open_picture(path)
    return upright_size(reader) if reader is not None else QSize(0, 0)


def _alike(first: QSize, second: QSize) -> bool:
    return abs(first.height() - second.height()) <= 2 or abs(first.width() - second.width()) <= 2


def _faded(first: QImage, second: QImage, share: float) -> QImage:
    """Exactly between two pictures: one painted over the other would shine through where both are solid."""
    size = first.size().expandedTo(second.size())
    box = QRectF(0, 0, size.width(), size.height())
    mixed = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    mixed.fill(Qt.GlobalColor.transparent)
    painter = QPainter(mixed)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Plus)
    for image, part in ((first, 1 - share), (second, share)):
        painter.setOpacity(part)
        painter.drawImage(QPointF(box.center().x() - image.width() / 2, box.bottom() - image.height()), image)
    painter.end()
    return mixed
