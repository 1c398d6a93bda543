"""Where the character stands: the tall stage beside the chat, and the strip that takes its place in a narrow window."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QImage, QPainter, QPixmap
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout

from companion.core.character import Character
from companion.ui.stage.avatar import round_face
from companion.ui.stage.backdrop import Backdrop
from companion.ui.stage.figure_view import LEAST_SHOWN, FigureWidget
from companion.ui.stage.framing import card_in, ground_veil
from companion.ui.stage.portrait import Portrait
from companion.ui.stage.scenery import hour_of, paint_scenery, paint_veil, sky_at
from companion.ui.theme import Theme

STRIP_HEIGHT = 72
SKY_EVERY_MS = 10 * 60 * 1000
"""How often the sky is looked at again; it moves too slowly for anything shorter to be seen."""
HEADROOM = 0.05
"""Least share of the stage's height that stays free above the hair."""
CARD_MARGIN = 20
STRIP_PICTURE = 128
"""How much of the strip a picture with its own background takes; it has ended before the words begin."""


class FigureWithSky(FigureWidget):
    """The character before a sky that follows the hour."""

    def __init__(self, theme: Theme, clock: Callable[[], datetime]) -> None:
        super().__init__(theme)
        self._now = clock
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        timer = QTimer(self)
        timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        timer.timeout.connect(self.update)
        timer.start(SKY_EVERY_MS)


class Stage(FigureWithSky):
    """The character at the bottom of the scenery; her mood is a chip in the corner.

    A picture with its own background takes the place of the scenery, and where it ends above the ground it fades into it.
    Before a background that the person chose it is a card.
    """

    def __init__(self, theme: Theme, clock: Callable[[], datetime] = datetime.now) -> None:
        super().__init__(theme, clock)
        self.setMinimumSize(160, 200)
        self._backdrop = Backdrop(self._pictures, self)
        self._backdrop.changed.connect(self.update)
        self._has_background = False
        self._veil = QPixmap()
        self._veil_for: tuple[object, ...] = ()
        self._mood = QLabel()
        self._mood.setProperty("role", "chip")
        self._mood.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        self._mood.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.addWidget(self._mood, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)

    def sizeHint(self) -> QSize:
        return QSize(320, 640)

    def set_character(self, character: Character, portrait: Portrait | None = None) -> None:
        super().set_character(character, portrait)
        self.set_background(character.options.background)

    def set_mood(self, label: str, strength: float = 1.0) -> None:
        """A GoEmotions label such as "caring" with its strength, 0 to 1; empty is neutral and hides the chip."""
        super().set_mood(label, strength)
        self._mood.setText(label)
        self._mood.setVisible(bool(label))
        self.setAccessibleDescription(f"Mood: {label}" if label else "")

    def set_background(self, path: str) -> None:
        """An image file behind her; empty is the observatory."""
        self._has_background = bool(path)
        self._backdrop.set_picture(path)

    def _behind(self) -> QPixmap:
        return self._backdrop.pixmap(self.size(), self.devicePixelRatioF(), self._theme.palette.name, hour_of(self._now()))

    def _paint_behind(self, painter: QPainter) -> None:
        painter.drawPixmap(0, 0, self._behind())

    def _paint_figure(self, painter: QPainter) -> None:
        super()._paint_figure(painter)
        if not self.figure.fills or self._has_background:
            return
        size = self.figure.size
        corner, scale = self._place(size)
        end = corner.y() + size.height() * scale
        if end < self.height():
            behind = self._behind()
            wanted = (behind.cacheKey(), end)
            if wanted != self._veil_for:
                self._veil, self._veil_for = ground_veil(behind, end, size.height() * scale), wanted
            painter.drawPixmap(0, 0, self._veil)

    def _card(self) -> QRectF | None:
        if not self._has_background:
            return None
        room = QRectF(self.rect()).adjusted(CARD_MARGIN, self.height() * 0.2, -CARD_MARGIN, -CARD_MARGIN)
        return card_in(room, self.figure.size)

    def _place(self, size: QSize) -> tuple[QPointF, float]:
        if self.figure.fills:
            card = self._card()
            return self._on(QRectF(self.rect()) if card is None else card)
        free = self.height() * (1 - HEADROOM)
        # A little wider than the stage: the ends of long hair may leave the picture, the face gains from it.
        scale = min(self.width() * 1.06 / size.width(), free / (size.height() * LEAST_SHOWN))
        top = max(self.height() - size.height() * scale, self.height() * HEADROOM)
        return QPointF(round((self.width() - size.width() * scale) / 2), round(top)), scale


class PortraitStrip(FigureWithSky):
    """72 px that keep her there in a narrow window: her face at the left, her name and mood beside it."""

    def __init__(self, theme: Theme, clock: Callable[[], datetime] = datetime.now) -> None:
        super().__init__(theme, clock)
        self.setFixedHeight(STRIP_HEIGHT)
        self._behind = QPixmap()
        self._behind_for: tuple[object, ...] = ()
        self._initial = QImage()
        self._name, self._mood = QLabel(), QLabel()
        self._name.setProperty("role", "heading")
        self._mood.setProperty("role", "caption")
        self._mood.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(120, 8, 16, 8)
        column.setSpacing(0)
        column.addStretch()
        column.addWidget(self._name)
        column.addWidget(self._mood)
        column.addStretch()

    def set_character(self, character: Character, portrait: Portrait | None = None) -> None:
        super().set_character(character, portrait)
        self._initial = QImage()
        self._name.setText(character.name)

    def set_mood(self, label: str, strength: float = 1.0) -> None:
        """A GoEmotions label such as "caring" with its strength, 0 to 1; empty is neutral and leaves only the name."""
        super().set_mood(label, strength)
        self._mood.setText(label)
        self._mood.setVisible(bool(label))

    def _paint_behind(self, painter: QPainter) -> None:
        dpr = self.devicePixelRatioF()
        wanted = (self.size(), dpr, self._theme.palette.name, hour_of(self._now()))
        if wanted != self._behind_for:
            self._behind_for = wanted
            self._behind = QPixmap(self.size() * dpr)
            self._behind.setDevicePixelRatio(dpr)
            area = QRectF(0, 0, self.width(), self.height())
            inner = QPainter(self._behind)
            paint_scenery(inner, area, sky_at(wanted[3], self._theme.palette.name))
            paint_veil(inner, area, self._theme.palette)
            inner.end()
        painter.drawPixmap(0, 0, self._behind)

    def _paint_figure(self, painter: QPainter) -> None:
        painter.setClipRect(QRectF(0, 0, self.width(), self.height() - 1))  # the line below stays whole
        if self.figure.fills:
            painter.save()
            painter.setClipRect(QRectF(0, 0, STRIP_PICTURE, self.height() - 1))
            super()._paint_figure(painter)
            painter.restore()
            paint_veil(painter, QRectF(0, 0, self.width(), self.height()), self._theme.palette)
            return
        if not self.figure.is_silhouette:
            super()._paint_figure(painter)
            return
        if self._initial.isNull():
            self._initial = round_face(self.figure.portrait, 48, self.devicePixelRatioF())
        painter.drawImage(36, 12, self._initial)

    def _place(self, size: QSize) -> tuple[QPointF, float]:
        if self.figure.fills:
            return self._on(QRectF(0, 0, STRIP_PICTURE, self.height()))
        face = self.figure.face
        scale = self.height() / (face.height() * 1.3)
        return QPointF(60 - face.center().x() * scale, (face.height() * 0.22 - face.top()) * scale), scale
