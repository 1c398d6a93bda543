"""The rail at the left edge: where one can go in the window."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QToolButton, QVBoxLayout, QWidget

from companion.ui.icons import icon, logo
from companion.ui.theme import Theme

WIDTH, BUTTON, ICON, LOGO = 64, 44, 22, 36
PAGES = {"chat": "Chat", "characters": "Characters", "memory": "Memory", "workshop": "Workshop", "settings": "Settings"}
"""Identifier and title of every page; the identifier is also the icon's name."""


class Rail(QWidget):
    """Emits the page that the person asks for, also when it is the one that is shown already."""

    page_requested = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("Pages")
        self._logo = QLabel()
        self._logo.setAccessibleName("Companion")
        self._logo.setPixmap(logo(LOGO, self.devicePixelRatioF()))
        self._page = "chat"
        self.buttons = {page: self._make_button(page, title) for page, title in PAGES.items()}
        self._lay_out()
        self.set_page("chat")
        theme.changed.connect(self._redraw)
        self._redraw()

    def set_page(self, page: str) -> None:
        """Mark the page that is shown; emits nothing."""
        self._page = page
        for name, button in self.buttons.items():
            button.setChecked(name == page)

    def _ask(self, page: str) -> None:
        # A button group would do this too, but it takes all buttons but one out of the Tab order.
        self.set_page(self._page)
        self.page_requested.emit(page)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("surface"))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), self._theme.colour("line"))
        painter.end()

    def _make_button(self, page: str, title: str) -> QToolButton:
        button = QToolButton()
        button.setCheckable(True)
        button.setFixedSize(BUTTON, BUTTON)
        button.setToolTip(title)
        button.setAccessibleName(title)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(partial(self._ask, page))
        return button

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 14, 0, 14)
        column.setSpacing(8)
        centred = Qt.AlignmentFlag.AlignHCenter
        column.addWidget(self._logo, 0, centred)
        column.addSpacing(8)
        for page, button in self.buttons.items():
            if page == "settings":
                column.addStretch()
            column.addWidget(button, 0, centred)

    def _redraw(self) -> None:
        size = self._theme.grown(ICON)
        for page, button in self.buttons.items():
            button.setIconSize(QSize(size, size))
            button.setIcon(icon(page, self._theme, "muted", size, checked_token="accent"))  # noqa: S106
        self.update()
