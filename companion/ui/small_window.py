"""Companion mode: only her and a bubble, above all other windows."""

from __future__ import annotations

import math
import re

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QShortcut,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from companion.ui.chat.icon_button import IconButton
from companion.ui.theme import Theme

WIDTH, FIGURE_HEIGHT = 300, 380
MOST_LINES = 6
BUBBLE_MARGIN, TAIL = 12, 8
LINGER_MS = 25_000
"""How long her last words stay once everything has been said."""
MOST_TYPED = 4000
_EMPHASIS = re.compile(r"(?<!\w)(\*{1,3}|_{1,3})(?=\S)([^*_\n]+)(?<=\S)\1(?!\w)")
"""Marks of Markdown around words: the bubble has one kind of letters."""


class SmallWindow(QWidget):
    """Shows what it is given; the person writes in the line below her, drags her by the picture, and goes back."""

    send_requested = Signal(str)
    stop_requested = Signal()
    back_requested = Signal()
    quit_requested = Signal()

    def __init__(self, theme: Theme, figure: QWidget, name: str) -> None:
        super().__init__(None, Qt.WindowType.Tool | Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint)
        self._theme = theme
        self._grip: QPoint | None = None
        self._writing = False
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.setWindowTitle(name)
        self.figure = figure
        self.bubble = Bubble(theme)
        self.edit = QLineEdit()
        self.edit.setMaxLength(MOST_TYPED)
        self.back_button = IconButton(theme, "small-window", "Back to the large window")
        self.stop_button = IconButton(theme, "stop", "Stop her")
        self._linger = QTimer(self, singleShot=True, interval=LINGER_MS)
        self._linger.timeout.connect(lambda: self.bubble.set_text(""))
        self._build()
        self.set_name(name)
        self.set_writing(False)
        self.edit.returnPressed.connect(self._submit)
        self.back_button.clicked.connect(self.back_requested)
        self.stop_button.clicked.connect(self.stop_requested)
        QShortcut(QKeySequence("Ctrl+Q"), self).activated.connect(self.quit_requested)

    def set_name(self, name: str) -> None:
        self.setWindowTitle(name)
        self.edit.setPlaceholderText(f"Write to {name}…")
        self.edit.setAccessibleName(f"Write to {name}")

    def set_words(self, text: str) -> None:
        """Her words so far; the last lines of them are shown."""
        self.bubble.set_text(text)
        self._linger.stop()
        if not self._writing:  # her last words may be shown after she has written them
            self._linger.start()

    def add_words(self, text: str) -> None:
        self.set_words(self.bubble.text + text)

    def set_writing(self, writing: bool) -> None:
        """Whether a reply is under way."""
        self._writing = writing
        self.stop_button.setVisible(writing)
        if writing:
            self._linger.stop()
        else:
            self._linger.start()

    def refuse(self, text: str) -> None:
        """What could not be sent stands in the line again."""
        if not self.edit.text():
            self.edit.setText(text)

    def take_words(self) -> str:
        """What was being written, which is then no longer here."""
        text = self.edit.text()
        self.edit.clear()
        return text

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing it by the system's keys leads back: the program must not stay without a window. When the program ends,
        and all windows are closed, the large one is closed after it."""
        if event.spontaneous():
            event.ignore()
        self.back_requested.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.back_requested.emit()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            handle = self.windowHandle()
            if handle is None or not handle.startSystemMove():  # Wayland lets only the compositor move a window
                self._grip = event.globalPosition().toPoint() - self.pos()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip is not None:
            self.move(event.globalPosition().toPoint() - self._grip)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grip = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.back_requested.emit()

    def _submit(self) -> None:
        if text := self.edit.text().strip():
            self.edit.clear()
            self.send_requested.emit(text)

    def _build(self) -> None:
        self.figure.setFixedHeight(FIGURE_HEIGHT)
        self.setFixedWidth(WIDTH)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.edit, 1)
        row.addWidget(self.stop_button)
        row.addWidget(self.back_button)
        line = _Line(self._theme)
        row.setContentsMargins(6, 4, 6, 4)
        line.setLayout(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(0)
        column.addWidget(self.bubble)
        column.addWidget(self.figure)
        column.addWidget(line)


class Bubble(QWidget):
    """Her words on a card with a tail towards her; as tall as the last lines of them, and gone when there are none."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.text = ""
        self._shown = ""
        self._height = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # she does not jump when she falls silent
        self.setSizePolicy(policy)
        self._fit()
        theme.changed.connect(self._fit)
        self.setVisible(False)

    def _fit(self) -> None:
        """Room for the most lines in the size of letters that is chosen, and for the frame."""
        self.setFixedHeight(math.ceil(self._line_height() * MOST_LINES) + 2 * BUBBLE_MARGIN + TAIL + 2)
        self.update()

    def set_text(self, text: str) -> None:
        self.text = text
        self._shown = " ".join(_EMPHASIS.sub(r"\2", text).split())
        self.setAccessibleName(self._shown)
        self.setVisible(bool(self._shown))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        lines = self._lines()
        line_height = self._line_height()
        height = line_height * len(lines) + 2 * BUBBLE_MARGIN
        card = QRectF(1, self.height() - TAIL - height - 1, self.width() - 2, height)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.colour("line"), 1))
        painter.setBrush(self._theme.colour("surface"))
        painter.drawRoundedRect(card, 14, 14)
        painter.drawPolygon(
            [QPoint(round(card.center().x()) + dx, round(card.bottom()) + dy) for dx, dy in ((-8, 0), (8, 0), (0, TAIL))]
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRect(QRectF(card.center().x() - 7, card.bottom() - 2, 14, 2.5))  # no line between card and tail
        painter.setPen(self._theme.colour("text"))
        painter.setFont(self._theme.font())
        for number, line in enumerate(lines):
            at = QRectF(card.left() + BUBBLE_MARGIN, card.top() + BUBBLE_MARGIN + number * line_height, card.width(), line_height)
            painter.drawText(at, Qt.AlignmentFlag.AlignVCenter, line)
        painter.end()

    def _line_height(self) -> float:
        return self._theme.font().pixelSize() * 1.42

    def _lines(self) -> list[str]:
        """The last lines of the text, wrapped."""
        layout = QTextLayout(self._shown[-1200:], self._theme.font())
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        lines: list[str] = []
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(self.width() - 2 * BUBBLE_MARGIN - 2)
            lines.append(layout.text()[line.textStart() : line.textStart() + line.textLength()].strip())
        layout.endLayout()
        if len(lines) > MOST_LINES:
            lines = lines[-MOST_LINES:]
            metrics, words = QFontMetricsF(self._theme.font()), lines[0].split()
            while len(words) > 1 and metrics.horizontalAdvance(f"… {' '.join(words)}") > self.width() - 2 * BUBBLE_MARGIN - 2:
                del words[0]
            lines[0] = f"… {' '.join(words)}"
        return lines

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self.update()


class _Line(QWidget):
    """The card under the line she is written to in."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._theme.colour("line")), 1))
        painter.setBrush(self._theme.colour("surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 14, 14)
        painter.end()
