"""Code in a card of its own: language, copy button, colours, and a bar to scroll long lines."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QFontMetrics,
    QGuiApplication,
    QPainter,
    QPaintEvent,
    QPen,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QWheelEvent,
)
from PySide6.QtWidgets import QTextEdit, QWidget

from companion.ui.chat.blocks import Code
from companion.ui.chat.highlighter import Highlighter
from companion.ui.chat.icon_button import IconButton
from companion.ui.chat.text_views import TextView
from companion.ui.theme import Theme

HEADER = 36
PADDING = 12
RADIUS = 10
SCROLL_BAR = 10
COLOURING_PAUSE = 250
"""Milliseconds between two colourings of code that is still being written."""
COPIED_SHOWN = 1_500


class CodeView(QWidget):
    """One listing. It grows by appending while its beginning stays the same."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._code = Code("", "")
        self.text_view = _CodeText(theme, self)
        self._highlighter = Highlighter(theme, self.text_view.document(), self)
        self.copy_button = IconButton(theme, "copy", "Copy code", parent=self)
        self.copy_button.clicked.connect(self._copy_code)
        self._copied = QTimer(self, singleShot=True, interval=COPIED_SHOWN)
        self._copied.timeout.connect(self._show_copy)
        self._colouring = QTimer(self, singleShot=True, interval=COLOURING_PAUSE)
        self._colouring.timeout.connect(self._colour)

    @property
    def code(self) -> Code:
        return self._code

    def show_code(self, code: Code) -> None:
        old, self._code = self._code, code
        if code == old:
            return
        self.setAccessibleName(f"Code, {code.language}" if code.language else "Code")
        self.text_view.setAccessibleName(self.accessibleName())
        cursor = QTextCursor(self.text_view.document())
        if not code.text.startswith(old.text):
            self.text_view.clear()
            old = Code("", "")
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if not old.text:
            cursor.setBlockFormat(self._line_format())
            cursor.setBlockCharFormat(self._format())
        cursor.insertText(code.text[len(old.text) :], self._format())
        if not self._colouring.isActive():
            # The first colours come at once, later ones with a pause between them.
            if not old.text:
                self._highlighter.start(code.language, code.text)
            self._colouring.start()

    def spread(self, width: int) -> None:
        """Be as wide as what stands around it."""
        self.resize(width, self.height())
        self.text_view.resize(width - 2 * PADDING, self.text_view.height())
        self.copy_button.move(width - self.copy_button.width() - 4, 4)

    def set_reachable(self, reachable: bool) -> None:
        self.copy_button.setFocusPolicy(Qt.FocusPolicy.TabFocus if reachable else Qt.FocusPolicy.NoFocus)

    def fit(self, width: int) -> QSize:
        text = self.text_view.fit(width)
        inner = width - 2 * PADDING
        overflows = text.width() > inner
        height = text.height() + (SCROLL_BAR if overflows else 0)
        least = QFontMetrics(self._theme.font(12)).horizontalAdvance(self._code.language) + 100
        wide = min(width, max(text.width() + 2 * PADDING, least))
        self.text_view.setGeometry(PADDING, HEADER, wide - 2 * PADDING, height)
        return QSize(wide, HEADER + height + PADDING)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.colour("line"), 1))
        painter.setBrush(self._theme.colour("bg"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        painter.setPen(self._theme.colour("muted"))
        painter.setFont(self._theme.font(12))
        place = QRectF(PADDING, 0, self.width() - 2 * PADDING - self.copy_button.width(), HEADER)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, self._code.language or "text")
        painter.end()

    def _line_format(self) -> QTextBlockFormat:
        form = QTextBlockFormat()
        least = self._theme.font(20).pixelSize()
        form.setLineHeight(least, QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
        form.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        return form

    def _format(self) -> QTextCharFormat:
        made = QTextCharFormat()
        made.setFont(self._theme.font(13, mono=True))
        made.setForeground(self._theme.colour("text"))
        return made

    def _colour(self) -> None:
        self._highlighter.start(self._code.language, self._code.text)

    def _copy_code(self) -> None:
        QGuiApplication.clipboard().setText(self._code.text)
        self.copy_button.show_icon("check", "Copied", "ok")
        self._copied.start()

    def _show_copy(self) -> None:
        self.copy_button.show_icon("copy", "Copy code")


class _CodeText(TextView):
    """Lines are not wrapped; a sideways scroll moves them."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, parent)
        self.setLineWrapMode(QTextEdit.LineWrapMode.NoWrap)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)

    def fit(self, width: int) -> QSize:
        size = self.document().size()
        return QSize(math.ceil(self.document().idealWidth()) + 1, math.ceil(size.height()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        sideways = abs(delta.x()) > abs(delta.y()) or bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        bar = self.horizontalScrollBar()
        if not sideways or not bar.maximum():
            event.ignore()
            return
        bar.setValue(bar.value() - (event.pixelDelta().x() or delta.x() or delta.y()))
        event.accept()
