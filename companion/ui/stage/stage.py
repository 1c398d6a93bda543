"""Where the character stands: the tall stage beside the chat, and the strip that takes its place in a narrow window."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from companion.core.character import Character
from companion.ui.stage.avatar import round_face
from companion.ui.stage.portrait import Portrait
from companion.ui.stage.scenery import hour_of, paint_scenery, paint_veil, sky_at
from companion.ui.theme import Theme

STRIP_HEIGHT = 72
SKY_EVERY_MS = 10 * 60 * 1000
"""How often the sky is looked at again; it moves too slowly for anything shorter to be seen."""
HEADROOM = 0.05
"""Least share of the stage's height that stays free above the hair."""
LEAST_SHOWN = 0.58
"""A low stage cuts the character off below, but never above this share of the picture: head and hands stay in it."""


class _Scene(QWidget):
    """A picture of scenery and character that is drawn once per size, theme, quarter of an hour and character."""

    def __init__(self, theme: Theme, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._theme, self._clock = theme, clock
        self._character: Character | None = None
        self._portrait: Portrait | None = None
        self._drawn = QPixmap()
        self._drawn_for: tuple[object, ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        theme.changed.connect(self.update)
        timer = QTimer(self)
        timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        timer.timeout.connect(self.update)
        timer.start(SKY_EVERY_MS)

    def set_character(self, character: Character, portrait: Portrait | None = None) -> None:
        """Show another character; a portrait that is missing or unreadable becomes a silhouette with the initial.

        `portrait` is hers if it has been read already, else it is read when it is first painted: a stage that is never
        shown costs nothing.
        """
        if character != self._character:
            self._character = character
            self._portrait = portrait
            self._drawn_for = ()
            self.setAccessibleName(f"Portrait of {character.name}")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        hour = hour_of(self._clock())
        wanted = (self.size(), self.devicePixelRatioF(), self._theme.palette.name, hour)
        if wanted != self._drawn_for:
            self._drawn, self._drawn_for = self._draw(hour), wanted
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._drawn)
        painter.end()

    def _draw(self, hour: float) -> QPixmap:
        dpr = self.devicePixelRatioF()
        drawn = QPixmap(self.size() * dpr)
        drawn.setDevicePixelRatio(dpr)
        painter = QPainter(drawn)
        area = QRectF(0, 0, self.width(), self.height())
        paint_scenery(painter, area, sky_at(hour, self._theme.palette.name))
        self._draw_ground(painter, area)
        if self._character is not None:
            self._portrait = self._portrait or Portrait(self._character)
            self._draw_character(painter, area, self._portrait)
        painter.end()
        return drawn

    def _draw_ground(self, painter: QPainter, area: QRectF) -> None:
        """What lies between the scenery and the character."""

    def _draw_character(self, painter: QPainter, area: QRectF, portrait: Portrait) -> None:
        raise NotImplementedError


class Stage(_Scene):
    """The character at the bottom of the scenery; her mood is a chip in the corner."""

    def __init__(self, theme: Theme, clock: Callable[[], datetime] = datetime.now) -> None:
        super().__init__(theme, clock)
        self.setMinimumSize(160, 200)
        self._figure = QPixmap()
        self._figure_for: tuple[Portrait, QSize, float] | None = None
        self._mood = QLabel()
        self._mood.setProperty("role", "chip")
        self._mood.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        self._mood.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.addWidget(self._mood, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)

    def sizeHint(self) -> QSize:
        return QSize(320, 640)

    def set_mood(self, label: str) -> None:
        """One word such as "caring"; empty hides the chip."""
        self._mood.setText(label)
        self._mood.setVisible(bool(label))
        self.setAccessibleDescription(f"Mood: {label}" if label else "")

    def _draw_character(self, painter: QPainter, area: QRectF, portrait: Portrait) -> None:
        size = portrait.size
        free = area.height() * (1 - HEADROOM)
        # A little wider than the stage: the ends of long hair may leave the picture, the face gains from it.
        scale = min(area.width() * 1.06 / size.width(), free / (size.height() * LEAST_SHOWN))
        width, height = size.width() * scale, size.height() * scale
        top = max(area.bottom() - height, area.top() + area.height() * HEADROOM)
        painter.drawPixmap(
            round(area.center().x() - width / 2), round(top), self._figure_at(portrait, QSize(round(width), round(height)))
        )

    def _figure_at(self, portrait: Portrait, size: QSize) -> QPixmap:
        """The character alone, kept while her size stays: a window that only grows taller repaints just the sky."""
        wanted = (portrait, size, self.devicePixelRatioF())
        if wanted != self._figure_for:
            self._figure_for = wanted
            self._figure = QPixmap(size * self.devicePixelRatioF())
            self._figure.setDevicePixelRatio(self.devicePixelRatioF())
            self._figure.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._figure)
            portrait.paint(painter, QRectF(0, 0, size.width(), size.height()))
            painter.end()
        return self._figure


class PortraitStrip(_Scene):
    """72 px that keep her there in a narrow window: her face at the left, her name and mood beside it."""

    def __init__(self, theme: Theme, clock: Callable[[], datetime] = datetime.now) -> None:
        super().__init__(theme, clock)
        self.setFixedHeight(STRIP_HEIGHT)
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
        self._name.setText(character.name)

    def set_mood(self, label: str) -> None:
        """One word such as "caring"; empty leaves only the name."""
        self._mood.setText(label)
        self._mood.setVisible(bool(label))

    def _draw_ground(self, painter: QPainter, area: QRectF) -> None:
        paint_veil(painter, area, self._theme.palette)

    def _draw_character(self, painter: QPainter, area: QRectF, portrait: Portrait) -> None:
        painter.setClipRect(area.adjusted(0, 0, 0, -1))  # the line below stays whole
        if portrait.is_silhouette:
            painter.drawImage(36, 12, round_face(portrait, 48, self.devicePixelRatioF()))
        else:
            face, size = portrait.face, portrait.size
            scale = area.height() / (face.height() * 1.3)
            top = -(face.top() - face.height() * 0.22) * scale
            left = 60 - face.center().x() * scale
            portrait.paint(painter, QRectF(left, top, size.width() * scale, size.height() * scale))
