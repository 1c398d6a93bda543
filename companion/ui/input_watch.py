"""Tells that somebody uses the window: a key, the mouse, a finger."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QWidget

INPUT: Final = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseMove,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.TabletPress,
    }
)


def input_watch(window: QWidget) -> InputWatch:
    """The one of this window."""
    return window.findChild(InputWatch) or InputWatch(window)


class InputWatch(QObject):
    """Hears what the system sends to the window, once, and not what goes to each widget in it."""

    touched = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        window.winId()  # else there is no native window yet
        if (native := window.windowHandle()) is not None:
            native.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in INPUT:
            self.touched.emit()
        return False
