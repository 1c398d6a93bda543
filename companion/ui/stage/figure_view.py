"""Widgets that show the living character: the base of the stage and the strip, and one that shows nothing but her."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QCursor, QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from companion.core.character import Character
from companion.ui.stage.figure import EVERYTHING, Figure
from companion.ui.stage.frame_clock import CALM_MS, FAST_MS, UNSEEN_MS, FrameClock
from companion.ui.stage.framing import card_in, filling, paint_card
from companion.ui.stage.pictures import Pictures
from companion.ui.stage.portrait import Portrait
from companion.ui.theme import Theme

FAR = 1000.0
"""A pointer farther away than so many pixels is not looked at."""
LEAST_SHOWN = 0.58
"""A low widget cuts the character off below, but never above this share of the picture: head and hands stay in it."""
POINTER_EVERY_S = 0.05
"""Asking where the pointer is means a question to the display server: not in every frame."""


class FigureWidget(QWidget):
    """Holds the figure and its clock. Subclasses say where she stands and paint what is behind her.

    `clock.intervals` and `frames_painted` are for measuring.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._pictures = Pictures(self)
        self.figure = Figure(self._pictures, self)
        self.clock = FrameClock(self)
        self.frames_painted = 0
        self._paused = False
        self._pointer_asked = 0.0
        self.figure.changed.connect(self._figure_changed)
        self.figure.prepared.connect(self._prepared)
        self.clock.ticked.connect(self._tick)
        theme.changed.connect(self._theme_changed)

    # What the program tells her

    def set_character(self, character: Character, portrait: Portrait | None = None) -> None:
        """Show another character; a portrait that is missing or unreadable becomes a silhouette with the initial.

        `portrait` is hers if it has been read already, else it is read when it is first painted: a stage that is never
        shown costs nothing. Sprites lie in `sprites/` of her folder.
        """
        if character != self.figure.character:
            self.figure.set_character(character, portrait)
            self.set_plain(character.options.plain)
            self.setAccessibleName(f"Portrait of {character.name}")

    def set_mood(self, label: str, strength: float = 1.0) -> None:
        """A GoEmotions label such as "caring" with its strength, 0 to 1; empty is neutral."""
        self.figure.set_mood(label, strength)
        self._settle_if_still()

    def set_thinking(self, on: bool) -> None:
        """While she reads the prompt."""
        self.figure.set_thinking(on)
        self._settle_if_still()

    def set_asleep(self, on: bool) -> None:
        """After a long time in which nothing happened."""
        self.figure.set_asleep(on)
        self._settle_if_still()

    def hear(self, text: str) -> None:
        """A piece of streaming text that her mouth speaks."""
        if self.clock.running:
            self.figure.hear(text)
            self.clock.set_pace(FAST_MS)

    def stop_speaking(self) -> None:
        self.figure.stop_speaking()

    def set_plain(self, on: bool) -> None:
        """A still picture without expressions."""
        self.figure.set_plain(on)
        self._arrange()

    def set_paused(self, on: bool) -> None:
        """No motion until further notice: to spare the battery, or because nobody can see her."""
        self._paused = on
        self._arrange()

    # What subclasses say

    def _place(self, size: QSize) -> tuple[QPointF, float]:
        """Upper left corner of a figure of this natural size, and pixels per unit."""
        raise NotImplementedError

    def _paint_behind(self, painter: QPainter) -> None:
        """What is behind her."""

    def _card(self) -> QRectF | None:
        """The card on which a picture with its own background is shown; None when it is shown without one."""
        return None

    def _paint_figure(self, painter: QPainter) -> None:
        card = self._card() if self.figure.fills else None
        if card is None:
            self._paint_her(painter)
        else:
            paint_card(painter, card, self.devicePixelRatioF(), self._paint_her)

    def _paint_her(self, painter: QPainter) -> None:
        corner, scale = self._place(self.figure.size)
        painter.save()
        painter.translate(corner)
        self.figure.paint(painter, scale, self.devicePixelRatioF())
        painter.restore()

    # Frames

    def paintEvent(self, event: QPaintEvent) -> None:
        self.frames_painted += 1
        painter = QPainter(self)
        self._paint_behind(painter)
        if self.figure.character is not None:
            self._paint_figure(painter)
        painter.end()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._arrange()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.clock.stop()

    def _arrange(self) -> None:
        """Let the clock run exactly when there is motion to be seen."""
        if self.isVisible() and self.figure.moves and not self._paused and not self._theme.reduce_motion:
            self.clock.start()
        else:
            self.clock.stop()
            self._settle_if_still()

    def _settle_if_still(self) -> None:
        """Without a clock a change has to be seen at once; with it, the next frames show it."""
        if self.clock.running:
            self.clock.set_pace(FAST_MS)
        else:
            self.figure.settle()

    def _prepared(self) -> None:
        self._settle_if_still()
        self.update()

    def _theme_changed(self) -> None:
        self._arrange()
        self.update()

    def _tick(self, seconds: float) -> None:
        window = self.window().windowHandle()
        if window is not None and not window.isExposed():
            self.clock.set_pace(UNSEEN_MS)
            return
        self._pointer_asked += seconds
        if self._pointer_asked >= POINTER_EVERY_S:
            self._pointer_asked = 0.0
            self.figure.look_at(self._pointer())
        self.figure.tick(seconds)
        self.clock.set_pace(FAST_MS if self.figure.lively else CALM_MS)

    def _pointer(self) -> tuple[float, float] | None:
        """Where the pointer is, seen from her eyes."""
        corner, scale = self._place(self.figure.size)
        eyes = corner + self.figure.face.center() * scale
        way = QPointF(self.mapFromGlobal(QCursor.pos())) - eyes
        distance = math.hypot(way.x(), way.y())
        if distance > FAR:
            return None
        # Near the eyes a small way is a large angle, far from them it hardly matters.
        reach = math.hypot(distance, 260.0)
        return way.x() / reach, way.y() / reach

    def _figure_changed(self, area: QRectF) -> None:
        if area == EVERYTHING or self.figure.character is None:
            self.update()
            return
        corner, scale = self._place(self.figure.size)
        placed = QRectF(corner.x() + area.x() * scale, corner.y() + area.y() * scale, area.width() * scale, area.height() * scale)
        self.update(placed.toAlignedRect().adjusted(-1, -1, 1, 1))

    def _on(self, card: QRectF) -> tuple[QPointF, float]:
        """The place of a picture that fills this card."""
        corner, scale = filling(self.figure.size, self.figure.face, card.size())
        return card.topLeft() + corner, scale


class FigureView(FigureWidget):
    """The character alone on a transparent ground: as wide as fits, cut off below when there is not the height for her.

    A picture with its own background is a card with round corners.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)

    def sizeHint(self) -> QSize:
        return QSize(320, 520)

    def _card(self) -> QRectF:
        return card_in(QRectF(self.rect()), self.figure.size)

    def _place(self, size: QSize) -> tuple[QPointF, float]:
        if self.figure.fills:
            return self._on(self._card())
        scale = min(self.width() / size.width(), self.height() / (size.height() * LEAST_SHOWN))
        top = max(self.height() - size.height() * scale, 0.0)
        return QPointF((self.width() - size.width() * scale) / 2, top), scale
