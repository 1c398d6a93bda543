"""A long page with little in it that takes the keyboard: the keys that turn pages scroll it, wherever the focus is within it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLayout, QScrollArea, QWidget

from companion.ui.scroll_page import scroll_page


class PagedView(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.area: QScrollArea | None = None

    def scrolling(self, column: QLayout, widest: int) -> QScrollArea:
        """The column as the part that scrolls."""
        self.area = scroll_page(column, widest, centred=False)
        return self.area

    def scroll_to_top(self) -> None:
        if self.area is not None:
            self.area.verticalScrollBar().setValue(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        bar = self.area.verticalScrollBar() if self.area is not None else None
        if bar is None:
            super().keyPressEvent(event)
            return
        match event.key():
            case Qt.Key.Key_PageDown:
                bar.setValue(bar.value() + bar.pageStep())
            case Qt.Key.Key_PageUp:
                bar.setValue(bar.value() - bar.pageStep())
            case Qt.Key.Key_Home:
                bar.setValue(0)
            case Qt.Key.Key_End:
                bar.setValue(bar.maximum())
            case _:
                super().keyPressEvent(event)
