"""A list, and beside it what was chosen of it; where there is no room for both, one of them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from companion.ui.scroll_page import UNBOUNDED
from companion.ui.theme import BODY, Theme


class ListBeside(QWidget):
    """All sizes are pixels at the usual size of letters."""

    folded = Signal(bool)
    """Whether there is room for one of them only; told whenever that is looked at."""

    def __init__(self, theme: Theme, left: QWidget, right: QWidget, *, list_width: int, both_from: int) -> None:
        super().__init__()
        self._theme, self._left, self._right = theme, left, right
        self._list_width, self._both_from = list_width, both_from
        self._shows_list = True
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        row.addWidget(left, 1)
        row.addWidget(right, 3)
        theme.changed.connect(self._fold)

    @property
    def shows_list(self) -> bool:
        """Whether the list is what a narrow page shows."""
        return self._shows_list

    def show_list(self) -> None:
        """Where there is room for one."""
        self._shows_list = True
        self._fold()

    def show_chosen(self) -> None:
        """Where there is room for one."""
        self._shows_list = False
        self._fold()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._left.isVisible() and self._right.isVisible():
            painter.fillRect(self._left.width(), 0, 1, self.height(), self._theme.colour("line"))
        painter.end()

    def _fold(self) -> None:
        scale = max(self._theme.font_size / BODY, 1.0)
        both = self.width() >= self._both_from * scale
        self._left.setVisible(both or self._shows_list)
        self._right.setVisible(both or not self._shows_list)
        self._left.setMinimumWidth(round(self._list_width * scale) if both else 0)
        self._left.setMaximumWidth(round(self._list_width * scale) if both else UNBOUNDED)
        self.folded.emit(not both)
        self.update()
