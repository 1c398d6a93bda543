"""The line above the messages: what the conversation is called, and how the model is doing."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from companion.app.engine_state import EngineState
from companion.ui.chat.chips import Chip, ModelChip
from companion.ui.chat.column import COMPACT_MARGIN, MARGIN
from companion.ui.chat.icon_button import IconButton
from companion.ui.theme import BODY, Theme

HEIGHT = 56
GAP = 12
LEAST_TITLE = 220
"""At the usual size of letters; a title that needs less takes less."""
NEARLY_FULL = 0.85
BUTTON_GAP = 2


class Header(QWidget):
    """A long title gives way first, then the context, then the speed, then the model's name; its state is always there."""

    model_chip_pressed = Signal()
    voice_pressed = Signal()
    small_window_pressed = Signal()
    talk_pressed = Signal()
    teach_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._title = ""
        self._title_width = 0
        self._compact = False
        self.setFixedHeight(HEIGHT)
        self.model_chip = ModelChip(theme, self)
        self.model_chip.clicked.connect(self.model_chip_pressed)
        self.speed_chip = Chip(theme, parent=self)
        self.context_chip = Chip(theme, parent=self)
        self._wanted = {self.model_chip: True, self.speed_chip: False, self.context_chip: False}
        self.teach_button = IconButton(theme, "workshop", "Teach her from this conversation", parent=self)
        self.voice_button = IconButton(theme, "silent", "Let her speak", parent=self)
        self.small_window_button = IconButton(theme, "small-window", "Only her, above other windows", parent=self)
        self.talk_button = IconButton(theme, "more", "About this conversation", parent=self)
        self.teach_button.clicked.connect(self.teach_pressed)
        self.voice_button.clicked.connect(self.voice_pressed)
        self.small_window_button.clicked.connect(self.small_window_pressed)
        self.talk_button.clicked.connect(self.talk_pressed)
        theme.changed.connect(self._place)

    def set_voice(self, is_on: bool, reason: str) -> None:
        """`reason` says why she cannot speak, empty when nothing is known to stand in the way."""
        if reason:
            self.voice_button.show_icon("silent", reason)
        else:
            self.voice_button.show_icon(
                "speak" if is_on else "silent", "Be silent" if is_on else "Let her speak", "accent" if is_on else "muted"
            )

    def set_title(self, title: str) -> None:
        self._title = title
        self.setAccessibleName(title)
        self._place()

    def set_compact(self, compact: bool) -> None:
        self._compact = compact
        self._place()

    def set_model(self, words: str, tooltip: str) -> None:
        self.model_chip.show_model(words, tooltip)
        self._place()

    def set_engine_state(self, state: EngineState, reason: str) -> None:
        self.model_chip.show_state(state, reason)
        self._place()

    def set_speed(self, tokens_per_second: float | None) -> None:
        self._wanted[self.speed_chip] = tokens_per_second is not None
        if tokens_per_second is not None:
            number = f"{tokens_per_second:.0f}" if tokens_per_second >= 9.95 else f"{tokens_per_second:.1f}"
            self.speed_chip.show_words(f"{number} tok/s", "How fast the last reply was written, in tokens per second")
        self._place()

    def set_context(self, used: int, total: int) -> None:
        self._wanted[self.context_chip] = total > 0
        if total > 0:
            share = used / total
            full = share > NEARLY_FULL
            words = f"context {share * 100:.0f} %" + (", nearly full" if full else "")
            tooltip = f"{used:,} of {total:,} tokens are in mind."
            if full:
                tooltip += " The oldest messages drop out of memory next."
            self.context_chip.show_words(words, tooltip, "warn" if full else "muted")
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(0, HEIGHT - 1, self.width(), 1, self._theme.colour("line"))
        font = self._theme.font(20, 600)
        painter.setFont(font)
        painter.setPen(self._theme.colour("text"))
        words = QFontMetrics(font).elidedText(self._title, Qt.TextElideMode.ElideRight, self._title_width)
        painter.drawText(self._margin(), 0, self._title_width, HEIGHT - 1, Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()

    def _margin(self) -> int:
        return COMPACT_MARGIN if self._compact else MARGIN

    def _place(self) -> None:
        """Chips from the right, as many as leave room for the title."""
        needed = QFontMetrics(self._theme.font(20, 600)).horizontalAdvance(self._title)
        right = self._place_buttons()
        least = round(LEAST_TITLE * self._theme.font_size / BODY)
        room = right - self._margin() - min(needed, least) - GAP
        self.model_chip.give(room)
        for chip, wanted in self._wanted.items():
            width = chip.sizeHint().width()
            fits = wanted and (width <= room or chip is self.model_chip)
            chip.setVisible(fits)
            room -= width + GAP if fits else 0
        for chip in (self.context_chip, self.speed_chip, self.model_chip):
            if not chip.isHidden():
                size = chip.sizeHint()
                right -= size.width()
                chip.setGeometry(right, (HEIGHT - size.height()) // 2, size.width(), size.height())
                right -= GAP
        self._title_width = max(right - self._margin(), 0)
        self.setToolTip(self._title if needed > self._title_width else "")
        self.update()

    def _place_buttons(self) -> int:
        """At the right edge; returns where the room for the chips ends."""
        right = self.width() - self._margin() + 6  # the picture, not the button, stands on the margin
        for button in (self.talk_button, self.small_window_button, self.voice_button, self.teach_button):
            right -= button.width()
            button.move(right, (HEIGHT - button.height()) // 2)
            right -= BUTTON_GAP
        return right - GAP + BUTTON_GAP
