"""Enter presses the button that has the keyboard, as Space does: Qt knows that only in dialogs."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QPushButton, QToolButton, QWidget


class EnterPresses(QObject):
    """Hears the keys that the system sends to the window before any widget does."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        window.winId()  # else there is no native window yet
        if (native := window.windowHandle()) is not None:
            native.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is not QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        button = QApplication.focusWidget()
        pressed = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and not event.isAutoRepeat()
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        popup = QApplication.activePopupWidget()
        if not (pressed and plain and popup is None and isinstance(button, QPushButton | QToolButton)):
            return False
        if button.menu() is not None:
            button.showMenu()
        else:
            button.click()
        return True
