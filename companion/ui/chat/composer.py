"""Where the person writes: a card that grows with the text, and one button that sends or stops."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from companion.app.engine_state import EngineState
from companion.ui.chat.column import column
from companion.ui.chat.growing_edit import GrowingEdit
from companion.ui.icons import lead_with_icon
from companion.ui.theme import Theme

MOST_LINES = 8
PADDING = 10
LEAST_HEIGHT = 56
CAPTION_HEIGHT = 24
SENTENCE_SHOWN = 4_000
WAITING = "She is still writing; your message goes when she is done. Esc stops her."

_REASONS = {
    EngineState.STOPPED: "No model is loaded yet.",
    EngineState.LOADING: "She is still waking up; what you send now is answered then.",
    EngineState.FAILED: "There is no model to answer with; choose one at the top.",
}


class Composer(QWidget):
    """Typing is always possible; sending when there is a model, or soon will be."""

    send_requested = Signal(str)
    stop_requested = Signal()
    last_edit_requested = Signal()
    """The up arrow in an empty field: the last own message is to be edited."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._state = EngineState.STOPPED
        self._reason = ""
        self._compact = False
        self._waits = False
        """Whether what is written goes as soon as she is done."""
        self._card = _Card(theme, self)
        self.edit = _ComposerEdit(theme, self._card)
        self.button = QPushButton(self._card)
        self.button.setProperty("role", "primary")
        self.button.setCursor(Qt.CursorShape.PointingHandCursor)
        self._caption = QLabel(self)
        self._caption.setProperty("role", "caption")
        self._caption.setWordWrap(True)
        self._urgent = QTimer(self, singleShot=True, interval=SENTENCE_SHOWN)
        self._urgent.timeout.connect(self._show_state)
        self.edit.submitted.connect(self._submit)
        self.edit.last_edit_requested.connect(self.last_edit_requested)
        self.edit.grew.connect(self._place)
        self.edit.refused.connect(self._say)
        self.edit.textChanged.connect(self.wait_no_more)
        self.edit.textChanged.connect(self._show_state)
        self.edit.focus_changed.connect(self._card.update)
        self.button.clicked.connect(self._press)
        theme.changed.connect(self._theme_changed)
        self.setFocusProxy(self.edit)
        self.set_name("")
        self._show_state()

    def set_name(self, name: str) -> None:
        words = f"Write to {name}…" if name else "Write a message…"
        self.edit.setPlaceholderText(words)
        self.edit.setAccessibleName(words.removesuffix("…"))

    def set_engine_state(self, state: EngineState, reason: str = "") -> None:
        """`reason` is a sentence about why nothing can be sent."""
        if self._state is EngineState.ANSWERING and state is not EngineState.ANSWERING:
            QTimer.singleShot(0, self, self._send_waiting)  # the reply is to be complete everywhere before
        self._state, self._reason = state, reason
        self._urgent.stop()
        self._show_state()

    def set_send_with_enter(self, sends: bool) -> None:
        """Else Enter starts a new line and Shift+Enter sends. Ctrl+Enter always sends."""
        self.edit.send_with_enter = sends

    def set_compact(self, compact: bool) -> None:
        self._compact = compact
        self._place()

    @property
    def caption(self) -> str:
        return self._caption.text()

    def draft(self) -> str:
        return self.edit.toPlainText()

    def set_draft(self, text: str) -> None:
        self.edit.setPlainText(text)
        self.edit.moveCursor(self.edit.textCursor().MoveOperation.End)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place()

    def _submit(self) -> None:
        text = self.edit.toPlainText().strip()
        if not text:
            return
        if self._state is EngineState.ANSWERING:
            self._waits = True
            self._show_state()
        elif self._state in {EngineState.READY, EngineState.LOADING}:
            self.edit.clear()
            self.send_requested.emit(text)
        else:
            self._say(self._reason or _REASONS[self._state])

    def wait_no_more(self) -> None:
        """What is written stays until it is sent again: it has been changed, or she was stopped."""
        self._waits = False

    def _send_waiting(self) -> None:
        if self._waits and self._state is EngineState.READY:
            self._submit()
        self._waits = False
        self._show_state()

    def _press(self) -> None:
        if self._state is EngineState.ANSWERING:
            self.wait_no_more()
            self.stop_requested.emit()
        else:
            self._submit()
            self.edit.setFocus()

    def _say(self, sentence: str) -> None:
        """A sentence that answers what the person just tried."""
        self._set_caption(sentence, "text")
        self._place()
        self._urgent.start()

    def _show_state(self) -> None:
        answering = self._state is EngineState.ANSWERING
        can_send = self._state in {EngineState.READY, EngineState.LOADING}
        self.button.setText("Stop" if answering else "Send")
        self.button.setAccessibleName("Stop the reply" if answering else "Send the message")
        waits = WAITING if answering and self._waits else ""
        reason = waits if answering or self._state is EngineState.READY else self._reason or _REASONS[self._state]
        self.button.setToolTip("Stop the reply (Esc)" if answering else reason)
        self.button.setEnabled(answering or (can_send and not self.edit.document().isEmpty()))
        lead_with_icon(self.button, "stop" if answering else "send", self._theme, self._icon_colour())
        if not self._urgent.isActive():
            self._set_caption(reason, "text" if waits else "muted")
        self._place()

    def _icon_colour(self) -> str:
        return "on_accent" if self.button.isEnabled() else "muted"

    def _set_caption(self, words: str, colour: str) -> None:
        self._caption.setText(words)
        self._caption.setAccessibleName(words)
        self._caption.setStyleSheet(f"color: {getattr(self._theme.palette, colour)};")

    def _theme_changed(self) -> None:
        self._card.restyle()
        self._show_state()

    def _place(self) -> None:
        left, wide = column(self.width(), self._compact)
        button = self.button.sizeHint()
        text_width = wide - 2 * PADDING - button.width() - 12 - 6
        text = self.edit.wanted_height(text_width)
        height = max(text + 2 * PADDING, button.height() + 2 * PADDING, LEAST_HEIGHT)
        self._card.setGeometry(left, 8, wide, height)
        self.edit.setGeometry(PADDING + 6, (height - text) // 2, text_width, text)
        self.button.setGeometry(
            wide - PADDING - button.width(), height - PADDING - button.height(), button.width(), button.height()
        )
        room = wide - 2 * PADDING - 6
        below = max(self._caption.heightForWidth(room), CAPTION_HEIGHT)
        self._caption.setGeometry(left + PADDING + 6, 8 + height, room, below)
        self.setFixedHeight(8 + height + below)


class _Card(QWidget):
    """The rounded ground; its edge shows where the keyboard is."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.restyle()

    def restyle(self) -> None:
        muted = self._theme.palette.muted
        self.setStyleSheet(
            "QPlainTextEdit, QPlainTextEdit:focus { background: transparent; border: none; padding: 0;"
            f" placeholder-text-color: {muted}; }}"
        )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        focused = any(child.hasFocus() for child in self.findChildren(GrowingEdit))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(self._theme.colour("surface"))
        painter.setPen(QPen(self._theme.colour("accent" if focused else "line"), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 16, 16)
        painter.end()


class _ComposerEdit(GrowingEdit):
    submitted = Signal()
    last_edit_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, most_lines=MOST_LINES, around=0, parent=parent)
        self.send_with_enter = True

    def sizeHint(self) -> QSize:
        return QSize(200, self.wanted_height(200))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if self.composing:
            super().keyPressEvent(event)
        elif enter:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if control or shift != self.send_with_enter:
                self.submitted.emit()
            else:
                self.insertPlainText("\n")
                self.ensureCursorVisible()
        elif event.key() == Qt.Key.Key_Up and self.document().isEmpty():
            self.last_edit_requested.emit()
        else:
            super().keyPressEvent(event)
