"""What she talks with since the last adoption, and the way back: in sight as long as there is one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from companion.core.library.history import Change
from companion.ui.cards import plain_label
from companion.ui.theme import Theme
from companion.ui.workshop.jobs.words import when


class AdoptedBar(QWidget):
    """A row above the page, with a line below it."""

    roll_back_requested = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.sentence = plain_label("muted")
        self.button = QPushButton("Roll back")
        self.button.setToolTip("She talks as before from the next reply on; nothing is deleted")
        self.button.clicked.connect(self.roll_back_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 8, 24, 9)
        row.setSpacing(16)
        row.addWidget(self.sentence, 1)
        row.addWidget(self.button)
        theme.changed.connect(self.update)

    def show_change(self, change: Change | None) -> None:
        self.setVisible(change is not None)
        if change is not None:
            names = ", ".join(f"“{Path(adapter.file).stem}”" for adapter in change.after.adapters or ())
            self.sentence.setText(f"{change.name} talks with {names} since {when(change.when)}.")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(0, self.height() - 1, self.width(), 1, self._theme.colour("line"))
        painter.end()
