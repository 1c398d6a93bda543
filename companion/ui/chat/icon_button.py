"""A button that shows only an icon, and says its name to whoever asks."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QToolButton, QWidget

from companion.ui.icons import icon
from companion.ui.theme import Theme


class IconButton(QToolButton):
    """A square quiet button of 28 px around an icon of 18, more with larger letters; the label is its tooltip and its
    accessible name."""

    def __init__(
        self, theme: Theme, name: str, label: str, *, side: int = 28, size: int = 18, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._colour = "muted"
        self._side, self._size = side, size
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.show_icon(name, label)
        theme.changed.connect(self._redraw)

    def show_icon(self, name: str, label: str, colour: str = "muted") -> None:
        self._name, self._colour = name, colour
        self.setToolTip(label)
        self.setAccessibleName(label)
        self._redraw()

    def _redraw(self) -> None:
        side, size = self._theme.grown(self._side), self._theme.grown(self._size)
        self.setFixedSize(side, side)
        self.setIconSize(QSize(size, size))
        self.setIcon(icon(self._name, self._theme, self._colour, size, checked_token="accent"))  # noqa: S106
