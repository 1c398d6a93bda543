"""The character as a window holds her: who plays her, what she feels, and whether she moves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPixmap

from companion.core.character import Character
from companion.ui.stage.framing import covering
from companion.ui.stage.pictures import Pictures
from companion.ui.stage.portrait import Portrait, standing_in

if TYPE_CHECKING:
    from companion.ui.stage.actor import Actor


EVERYTHING = QRectF()
"""Stands for whatever may be seen of her where an area that changed is told."""


class Figure(QObject):
    """Emits `changed` with an area to paint again, in the character's own units (empty: all of her), and `prepared` when
    a picture or the layers for a new size are there."""

    changed = Signal(QRectF)
    prepared = Signal()

    def __init__(self, pictures: Pictures, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pictures = pictures
        self._character: Character | None = None
        self._portrait: Portrait | None = None
        self._actor: Actor | None = None
        self._mood, self._strength = "", 1.0
        self._thinking = self._asleep = self._plain = False
        self._still = QPixmap()
        self._still_for: tuple[Portrait, QSize, float] | None = None

    @property
    def character(self) -> Character | None:
        return self._character

    @property
    def portrait(self) -> Portrait:
        """Her portrait, read when it is first needed."""
        if self._portrait is None:
            assert self._character is not None  # noqa: S101 (a figure without a character is not painted)
            self._portrait = Portrait(self._character)
        return self._portrait

    @property
    def size(self) -> QSize:
        """Natural size, in her own units."""
        return self.portrait.size if self._plain else self._played().size

    @property
    def face(self) -> QRectF:
        """A square around her face, in the same units."""
        return self.portrait.face if self._plain else self._played().face

    @property
    def fills(self) -> bool:
        """Whether her picture has its own background, and so fills its place instead of standing in it."""
        return self.portrait.is_solid if self._plain else self._played().fills

    @property
    def is_silhouette(self) -> bool:
        """Whether there is no picture of her at all."""
        return self.portrait.is_silhouette and (self._plain or not self._played().has_sprites)

    @property
    def moves(self) -> bool:
        return self._character is not None and not self._plain

    @property
    def lively(self) -> bool:
        return self._actor is not None and self._actor.lively

    def set_character(self, character: Character, portrait: Portrait | None) -> None:
        self._character, self._portrait = character, portrait
        self._recast()

    def set_plain(self, plain: bool) -> None:
        self._plain = plain
        self.changed.emit(EVERYTHING)

    def set_mood(self, label: str, strength: float) -> None:
        self._mood, self._strength = label, strength
        self._show()

    def set_thinking(self, thinking: bool) -> None:
        self._thinking = thinking
        self._show()

    def set_asleep(self, asleep: bool) -> None:
        self._asleep = asleep
        if self._actor is not None:
            self._actor.set_asleep(asleep)
        self._show()

    def hear(self, text: str) -> None:
        if self._actor is not None:
            self._actor.hear(text)

    def stop_speaking(self) -> None:
        if self._actor is not None:
            self._actor.stop_speaking()

    def look_at(self, place: tuple[float, float] | None) -> None:
        if self._actor is not None:
            self._actor.look_at(place)

    def settle(self) -> None:
        """End every motion where it was heading."""
        if self._actor is not None:
            self._actor.settle()
        self.changed.emit(EVERYTHING)

    def tick(self, seconds: float) -> None:
        if self._actor is not None:
            for area in self._actor.tick(seconds):
                self.changed.emit(area)

    def paint(self, painter: QPainter, scale: float, dpr: float) -> None:
        """Paint her with the origin at the upper left corner of her box, `scale` pixels to a unit."""
        if not self._plain and self._played().paint(painter, scale, dpr):
            return
        if self._plain or not (self._played().has_sprites and self.portrait.is_solid):  # that would flash before the sprite
            painter.drawPixmap(0, 0, self._still_at(scale, dpr))

    def _still_at(self, scale: float, dpr: float) -> QPixmap:
        """The portrait as it is: in plain mode, and until what moves is prepared."""
        box = self.size
        size = QSize(round(box.width() * scale), round(box.height() * scale))
        wanted = (self.portrait, size, dpr)
        if wanted != self._still_for:
            self._still_for = wanted
            self._still = QPixmap(size * dpr)
            self._still.setDevicePixelRatio(dpr)
            self._still.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._still)
            area = QRectF(0, 0, size.width(), size.height())
            self.portrait.paint(painter, (covering if self.fills else standing_in)(area, self.portrait.size))
            painter.end()
        return self._still

    def _played(self) -> Actor:
        if self._actor is None:
            self._actor = self._cast()
            self._actor.prepared.connect(self.prepared)
            self._actor.set_asleep(self._asleep)
            self._show()
            self._actor.settle()
        return self._actor

    def _cast(self) -> Actor:
        """Who plays her. Imported only now: at the start of the program the window comes first."""
        from companion.ui.stage.drawn_actor import DrawnActor, faces_beside
        from companion.ui.stage.picture_actor import PictureActor
        from companion.ui.stage.sprites import SpritePack

        character = self._character
        pack = None
        if character is not None and character.folder:
            pack = SpritePack(Path(character.folder) / "sprites", character.options.costume)
        has_sprites = pack is not None and bool(pack.labels)
        faces = None if has_sprites else faces_beside(self.portrait)
        if faces is None:
            return PictureActor(self.portrait, pack, self._pictures, self)
        return DrawnActor(self.portrait, faces, self)

    def _recast(self) -> None:
        """Whoever played her so far leaves; the next one comes with the next painting."""
        if self._actor is not None:
            self._actor.leave()
            self._actor.deleteLater()
            self._actor = None
        self.changed.emit(EVERYTHING)

    def _show(self) -> None:
        if self._actor is None:
            return
        if self._asleep:
            self._actor.show("sleepy", 1.0)
        elif self._thinking:
            self._actor.show("thinking", 1.0)
        else:
            self._actor.show(self._mood or "neutral", self._strength)
