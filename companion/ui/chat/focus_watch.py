"""Tells each message when the keyboard comes into it or leaves it, also by way of its buttons and texts."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget

from companion.ui.chat.message_view import MessageView


class FocusWatch(QObject):
    """Watches the messages whose parent is `page`."""

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._page = page
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._moved)

    def _moved(self, old: QWidget | None, new: QWidget | None) -> None:
        left, entered = self._around(old), self._around(new)
        if left is not entered:
            if left is not None:
                left.set_focused(False)
            if entered is not None:
                entered.set_focused(True)

    def _around(self, widget: QWidget | None) -> MessageView | None:
        while widget is not None and not (isinstance(widget, MessageView) and widget.parentWidget() is self._page):
            widget = widget.parentWidget()
        return widget
