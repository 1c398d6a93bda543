"""The way through the workshop: its pages below one another, or in one row where there is little room."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QLabel, QSizePolicy, QVBoxLayout, QWidget

from companion.ui.theme import Theme
from companion.ui.workshop.sections import SECTIONS

WIDTH = 248
PADDING = 12
BESIDE = 34
"""What the column keeps free beside the buttons."""


class NavigationButton(QAbstractButton):
    """A title, and below it a few words on what goes on there."""

    stepped = Signal(int)

    def __init__(self, theme: Theme, title: str, sentence: str) -> None:
        super().__init__()
        self._theme = theme
        self._note = ""
        self.setText(title)
        self.setCheckable(True)
        self.setAutoExclusive(False)
        self.setToolTip(sentence)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_note("")
        theme.changed.connect(self.updateGeometry)

    def set_note(self, note: str) -> None:
        self._note = note
        self.setAccessibleName(f"{self.text()}, {note}" if note else self.text())
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        lines = QFontMetrics(self._theme.font()).height()
        lines += self._note_height()
        return QSize(160, lines + 20)

    def _note_height(self) -> int:
        """Of its lines: large letters need two."""
        if not self._note:
            return 0
        room = QRect(0, 0, WIDTH - BESIDE - 2 * PADDING, 400)
        return QFontMetrics(self._theme.font(12)).boundingRect(room, Qt.TextFlag.TextWordWrap, self._note).height()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.stepped.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: object) -> None:
        self.update()

    def leaveEvent(self, event: object) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isChecked() or self.underMouse():
            ground = self._theme.colour("raised")
            ground.setAlphaF(1.0 if self.isChecked() else 0.5)
            painter.setBrush(ground)
        painter.setPen(QPen(self._theme.colour("accent"), 2) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 10, 10)
        font = self._theme.font(14, 600 if self.isChecked() else 400)
        room = self.width() - 2 * PADDING
        metrics = QFontMetrics(font)
        painter.setFont(font)
        painter.setPen(self._theme.colour("text"))
        painter.drawText(PADDING, 10 + metrics.ascent(), metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, room))
        if self._note:
            painter.setFont(self._theme.font(12))
            painter.setPen(self._theme.colour("muted"))
            place = QRect(PADDING, 10 + metrics.height(), room, self._note_height())
            painter.drawText(place, Qt.TextFlag.TextWordWrap, self._note)
        painter.end()


class Navigation(QWidget):
    """The column at the left of the workshop. Arrow keys walk along it."""

    chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("Workshop")
        self.buttons = {name: NavigationButton(theme, each.title, each.sentence) for name, each in SECTIONS.items()}
        self.machine = QLabel()
        """What this computer is."""
        self.below = QVBoxLayout()
        """Where she stands while she learns."""
        self._build()
        theme.changed.connect(self.update)

    def set_page(self, name: str) -> None:
        for known, button in self.buttons.items():
            button.setChecked(known == name)

    def set_note(self, name: str, note: str) -> None:
        """A few words below a page's title."""
        if name in self.buttons:
            self.buttons[name].set_note(note)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("surface"))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), self._theme.colour("line"))
        painter.end()

    def _build(self) -> None:
        title = QLabel("Workshop")
        title.setProperty("role", "title")
        caption = QLabel("This computer")
        caption.setProperty("role", "caption")
        self.machine.setProperty("role", "heading")
        self.machine.setWordWrap(True)
        column = QVBoxLayout()
        column.setContentsMargins(16, 16, 17, 16)
        column.setSpacing(4)
        column.addWidget(title)
        column.addSpacing(8)
        for name, button in self.buttons.items():
            button.clicked.connect(lambda _checked=False, name=name: self._choose(name))
            button.stepped.connect(lambda step, name=name: self._step(name, step))
            column.addWidget(button)
        column.addStretch(1)
        column.addWidget(caption)
        column.addWidget(self.machine)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 1, 0)
        outer.setSpacing(0)
        outer.addLayout(column, 1)
        outer.addLayout(self.below)

    def _choose(self, name: str) -> None:
        self.set_page(name)
        self.chosen.emit(name)

    def _step(self, name: str, step: int) -> None:
        names = list(self.buttons)
        other = names[(names.index(name) + step) % len(names)]
        self.buttons[other].setFocus(Qt.FocusReason.TabFocusReason)
        self._choose(other)
