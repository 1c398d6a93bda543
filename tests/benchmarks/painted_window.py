"""The real window until its first complete frame, then out. Started as `companion` starts it, without the engine."""

from __future__ import annotations

import sys

from PySide6.QtCore import QEvent, QObject, QTimer

from companion import window as program


class FirstFrame(QObject):
    """Says so when the window has been painted with everything in it."""

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Paint:
            QTimer.singleShot(0, self.tell)
        return False

    def tell(self) -> None:
        print("painted", flush=True)
        sys.stdout.flush()
        import os

        os._exit(0)


if __name__ == "__main__":
    program.Program.start = lambda self: None  # type: ignore[method-assign]
    application, built = program.build()
    first = FirstFrame()
    built.window.centralWidget().installEventFilter(first)
    application.exec()
