"""The real program until its first message is on the screen, then out; started as `companion` starts it, engine and all.

Prints "painted" at the first frame, at the same point at which minimal.py does, and "greeting" when the first
message has been painted.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from companion import window


class Shell(window.Shell):
    """Says when it has painted itself, and watches the first message of its content."""

    told = False

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.told:
            self.told = True
            print("painted", flush=True)

    def set_content(self, content: QWidget) -> None:
        self.watch = Watch(self)
        content.chat_view.messages.rows[-1].installEventFilter(self.watch)
        super().set_content(content)


class Watch(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, self, self.tell)
        return False

    def tell(self) -> None:
        print("greeting", flush=True)
        QApplication.quit()  # the engine ends before this process does, so that it does not disturb the next round


if __name__ == "__main__":
    window.Shell = Shell
    sys.exit(window.main())
