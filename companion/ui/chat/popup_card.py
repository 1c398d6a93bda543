"""A card that opens below the button it belongs to and closes on a click elsewhere or Escape."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

GAP, MARGIN = 6, 8


class PopupCard(QFrame):
    """As wide as it is told and as tall as what is in its `column`."""

    def __init__(self, parent: QWidget, width: int, name: str, *, ends_with_it: bool = False) -> None:
        """`ends_with_it` puts the right edge under the button's, else the left one."""
        super().__init__(parent, Qt.WindowType.Popup)
        self._ends_with_it = ends_with_it
        self.setObjectName("popupCard")
        self.setAccessibleName(name)
        self.setFixedWidth(width)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(16, 16, 16, 16)

    def show_below(self, widget: QWidget) -> None:
        """Open under `widget`, edge to edge with it as far as the window allows."""
        self.fit()
        window, edge = widget.window(), widget.width() - self.width() if self._ends_with_it else 0
        corner = widget.mapToGlobal(QPoint(edge, widget.height() + GAP))
        left = window.mapToGlobal(QPoint(MARGIN, 0)).x()
        right = window.mapToGlobal(QPoint(window.width() - MARGIN, 0)).x() - self.width()
        self.move(max(min(corner.x(), right), left), corner.y())
        self.show()

    def fit(self) -> None:
        """As tall as what is in it now: a popup asks its labels nothing about wrapping."""
        self.column.activate()
        self.setFixedHeight(self.column.totalHeightForWidth(self.width()))
