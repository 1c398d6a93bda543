"""A page that scrolls up and down: one column in its middle, no wider than is comfortable to read."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QScrollArea, QVBoxLayout, QWidget

from companion.ui.theme import BODY

UNBOUNDED = 16_777_215
"""Qt's QWIDGETSIZE_MAX: no maximum."""


class _Bounded(QWidget):
    """As many letters wide as at the usual size of letters."""

    def __init__(self, widest: int) -> None:
        super().__init__()
        self._widest = widest
        self._bound()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._bound()

    def _bound(self) -> None:
        self.setMaximumWidth(round(self._widest * max(self.font().pixelSize() / BODY, 1.0)))


def bounded(content: QLayout, widest: int, within: int = 0) -> QWidget:
    """The content no wider than that; `within` is the wider column of which it keeps to the left, if there is one."""
    made = _Bounded(widest)
    made.setLayout(content)
    if within <= widest:
        return made
    outer = _Bounded(within)
    row = QHBoxLayout(outer)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(made, 1000)
    row.addStretch(1)
    return outer


def in_the_middle(column: QLayout, widest: int, *, right: int = 24, within: int = 0) -> QHBoxLayout:
    """The column between two sides; `right` are the pixels that stay free there, 24 at the left. `within` as in `bounded`."""
    content = bounded(column, widest, within)
    row = QHBoxLayout()
    row.setContentsMargins(24, 0, right, 0)
    row.addStretch(1)
    row.addWidget(content, 1000)  # grows up to its widest before the sides get any room
    row.addStretch(1)
    return row


def at_the_left(column: QLayout, widest: int, *, right: int = 24) -> QHBoxLayout:
    """As `in_the_middle`, beside something at the left that it belongs to."""
    row = in_the_middle(column, widest, right=right)
    row.takeAt(0)
    return row


class ScrollPage(QScrollArea):
    """Never takes the keyboard: Tab goes through what is in it."""

    def __init__(self, page: QWidget) -> None:
        super().__init__()
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def leave_room(self, pixels: int) -> None:
        """Show nothing in so many pixels at the bottom; what stood there can be scrolled to."""
        if pixels != self.viewportMargins().bottom():
            self.setViewportMargins(0, 0, 0, pixels)


def scroll_page(column: QLayout, widest: int, *, right: int = 24, centred: bool = True, within: int = 0) -> ScrollPage:
    """`in_the_middle` of a scroll area."""
    page = QWidget()
    made = in_the_middle(column, widest, right=right, within=within) if centred else at_the_left(column, widest, right=right)
    page.setLayout(made)
    return ScrollPage(page)


def fill_page(page: QWidget, area: QScrollArea, foot: QWidget | None = None) -> None:
    """Nothing but what scrolls, and below it what stays in sight, if there is something."""
    outer = QVBoxLayout(page)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.setSpacing(0)
    outer.addWidget(area, 1)
    if foot is not None:
        outer.addWidget(foot)
