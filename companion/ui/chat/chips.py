"""The small pills of the header: the model and what it is doing, its speed, and how full its context is."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from companion.app.engine_state import EngineState
from companion.ui.theme import Theme

HEIGHT, PADDING, DOT = 28, 12, 8
WIDEST_TEXT, LEAST_TEXT = 240, 72

_STATES = {
    EngineState.STOPPED: ("stopped", "muted"),
    EngineState.LOADING: ("loading", "warn"),
    EngineState.READY: ("ready", "ok"),
    EngineState.ANSWERING: ("answering", "accent2"),
    EngineState.FAILED: ("failed", "bad"),
}


class Chip(QAbstractButton):
    """Words on a pill. It takes part in the tab order only when it can be pressed."""

    def __init__(self, theme: Theme, *, pressable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self._colour = "muted"
        self._widest = WIDEST_TEXT
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if pressable else Qt.FocusPolicy.NoFocus)
        if pressable:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.updateGeometry)

    def show_words(self, words: str, tooltip: str, colour: str = "muted") -> None:
        self._colour = colour
        self.setText(words)
        self.setAccessibleName(words)
        self.setToolTip(tooltip)
        self.setAccessibleDescription(tooltip)
        self.updateGeometry()
        self.update()

    def give(self, room: int) -> None:
        """Shorten the words so that it takes no more than so many pixels, if it can."""
        self._widest = WIDEST_TEXT
        if (over := self.sizeHint().width() - room) > 0:
            text = QFontMetrics(self.theme.font(12)).horizontalAdvance(self.text())
            self._widest = max(min(text, WIDEST_TEXT) - over, LEAST_TEXT)
        self.update()

    def sizeHint(self) -> QSize:
        text = QFontMetrics(self.theme.font(12)).horizontalAdvance(self.text())
        return QSize(min(text, self._widest) + 2 * PADDING + 2 + self.extra_width(), HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def extra_width(self) -> int:
        """Room beside the words."""
        return 0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pressed = self.focusPolicy() != Qt.FocusPolicy.NoFocus and (self.isDown() or self.underMouse())
        painter.setBrush(self.theme.colour("line" if pressed else "raised"))
        painter.setPen(QPen(self.theme.colour("accent"), 2) if self.hasFocus() else Qt.PenStyle.NoPen)
        radius = self.height() / 2 - 1
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), radius, radius)
        self.draw_words(painter, PADDING)
        painter.end()

    def draw_words(self, painter: QPainter, left: int) -> int:
        """Returns where the words end."""
        font = self.theme.font(12)
        metrics = QFontMetrics(font)
        words = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, self._widest)
        painter.setFont(font)
        painter.setPen(self.theme.colour(self._colour))
        painter.drawText(QRectF(left, 0, self.width(), self.height()), Qt.AlignmentFlag.AlignVCenter, words)
        return left + metrics.horizontalAdvance(words)


class ModelChip(Chip):
    """A dot whose shape and colour tell the state, the model's name, and the state again as a word."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, pressable=True, parent=parent)
        self._state = EngineState.STOPPED
        self._reason = self._tooltip = ""
        self.show_model("No model", "No model is loaded")

    def show_model(self, words: str, tooltip: str) -> None:
        self._tooltip = tooltip
        self.setText(words)
        self._describe()

    def show_state(self, state: EngineState, reason: str = "") -> None:
        self._state, self._reason = state, reason
        self._describe()

    @property
    def word(self) -> str:
        """The state, unless the words beside it say it already."""
        word = _STATES[self._state][0]
        return "" if word in self.text().lower() else word

    def extra_width(self) -> int:
        word = QFontMetrics(self.theme.font(12)).horizontalAdvance(self.word)
        return DOT + 8 + (word + 8 if word else 0)

    def draw_words(self, painter: QPainter, left: int) -> int:
        middle = self.height() / 2
        self._draw_dot(painter, QRectF(left, middle - DOT / 2, DOT, DOT))
        self._colour = "text"
        end = super().draw_words(painter, left + DOT + 8)
        painter.setPen(self.theme.colour("muted"))
        painter.drawText(QRectF(end + 8, 0, self.width(), self.height()), Qt.AlignmentFlag.AlignVCenter, self.word)
        return end

    def _draw_dot(self, painter: QPainter, place: QRectF) -> None:
        colour = self.theme.colour(_STATES[self._state][1])
        ring = QPen(colour, 2)
        if self._state is EngineState.FAILED:  # a cross
            painter.setPen(ring)
            inner = place.adjusted(0.5, 0.5, -0.5, -0.5)
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())
        elif self._state in {EngineState.LOADING, EngineState.STOPPED}:  # a ring
            painter.setPen(ring)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(place.adjusted(1, 1, -1, -1))
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(place)

    def _describe(self) -> None:
        state = _STATES[self._state][0]
        self.setAccessibleName(f"Model: {self.text()}, {state}")
        self.setToolTip("\n".join(filter(None, (self._tooltip, self._reason or state.capitalize()))))
        self.setAccessibleDescription(self.toolTip())
        self.updateGeometry()
        self.update()
