"""What stays in sight below a page that scrolls: what is to be said, and the one thing to do."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLayout, QPushButton, QWidget

from companion.ui.flow_layout import FlowLayout
from companion.ui.scroll_page import bounded
from companion.ui.theme import Theme

LEAST_WORDS = 240
"""Pixels beside the buttons of the foot, at the usual size of letters."""


class Foot(QWidget):
    """In the middle of the page like the column above it, with a line above."""

    def __init__(self, theme: Theme, row: QLayout, widest: int, within: int = 0) -> None:
        super().__init__()
        self._theme = theme
        content = bounded(row, widest, within)
        row.setContentsMargins(0, 0, 0, 0)
        middle = QHBoxLayout(self)
        middle.setContentsMargins(24, 13, 34, 12)  # as the page above, which has a scroll bar
        middle.addStretch(1)
        middle.addWidget(content, 1000)
        middle.addStretch(1)
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("surface"))
        painter.fillRect(0, 0, self.width(), 1, self._theme.colour("line"))
        painter.end()


class FoldingFoot(Foot):
    """Words and buttons; the buttons stand below the words where there is no room beside them."""

    folded = Signal()
    """It is, or is not any more: `is_folded`."""

    def __init__(
        self, theme: Theme, words: QLayout, buttons: Sequence[QPushButton], widest: int, within: int, problem: QWidget
    ) -> None:
        """`problem` is among the words; while it is shown they get the whole width."""
        self._problem = problem
        self._buttons = QWidget()
        flow = FlowLayout(12)
        for button in buttons:
            flow.addWidget(button)
        self._buttons.setLayout(flow)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._row.setSpacing(12)
        self._row.addLayout(words, 1)
        self._row.addWidget(self._buttons)
        self.is_folded = False
        super().__init__(theme, self._row, widest, within)

    def fold(self) -> None:
        """As the width and what stands on the buttons allow."""
        shown = [button for button in self._buttons.findChildren(QPushButton) if not button.isHidden()]
        needed = sum(button.sizeHint().width() + 12 for button in shown) - 12
        has_room = self.width() >= needed + LEAST_WORDS * max(self._theme.font_size / 14, 1.0)
        is_wide = has_room and self._problem.isHidden()
        self._buttons.setMinimumWidth(needed if is_wide else 0)
        self._row.setAlignment(self._buttons, Qt.AlignmentFlag.AlignVCenter if is_wide else Qt.AlignmentFlag(0))
        self._row.setDirection(QBoxLayout.Direction.LeftToRight if is_wide else QBoxLayout.Direction.TopToBottom)
        if self.is_folded == is_wide:
            self.is_folded = not is_wide
            self.folded.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fold()
