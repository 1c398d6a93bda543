"""The window itself: on screen at once in its final colours and proportions, filled a moment later.

Qt's widgets, our views and the database take a quarter of a second to import and build. Until then the person looks at
this, so it imports next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from companion.ui.scheme import request_scheme, wanted_palette
from companion.ui.skeleton import paint_skeleton

if TYPE_CHECKING:
    from collections.abc import Callable

    from companion.core.appearance import Appearance


FLUSH_MS = 1
"""Not 0: Wayland and macOS send a frame off when the event loop goes to sleep, and it must sleep once for that."""


class Shell(QMainWindow):
    """Paints the layout until `set_content` puts the real one in its place."""

    first_painted = Signal()
    """Once, when the first frame has left for the screen: from here on things may be slow."""
    closed = Signal(str)
    """Qt's geometry of the window, base64."""

    def __init__(self, app: QApplication, wanted: Appearance) -> None:
        super().__init__()
        self._list_folded = wanted.list_folded
        self._painted = False
        self.may_close: Callable[[], bool] = lambda: True
        """Asked before the window closes: something unsaved may hold it."""
        request_scheme(app, wanted.theme)
        self._palette = wanted_palette(app, wanted.theme)
        self.setWindowTitle("Companion")
        self.setMinimumSize(480, 520)
        self.resize(1280, 800)
        if wanted.window_geometry:
            self.restoreGeometry(QByteArray.fromBase64(wanted.window_geometry.encode()))

    def set_content(self, content: QWidget) -> None:
        """Replace the painted layout in one step: the next frame shows the content, complete."""
        focus = content.focusWidget()  # a new parent makes the content forget it
        content.resize(self.size())
        self.setCentralWidget(content)
        content.show()  # Qt would show it one turn of the event loop later, after an empty frame
        if focus is not None:
            focus.setFocus()
        QApplication.sendPostedEvents()  # what Qt lays out later it lays out now: no frame is half arranged
        # Paint it at once, not after a timer of 5 ms; repaint() would do so twice.
        QApplication.sendEvent(self, QEvent(QEvent.Type.UpdateRequest))

    def come_forward(self) -> None:
        """Another start asked for this window."""
        self.setWindowState((self.windowState() & ~Qt.WindowState.WindowMinimized) | Qt.WindowState.WindowActive)
        self.show()
        self.raise_()
        self.activateWindow()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.centralWidget() is not None:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        paint_skeleton(painter, self.size(), self._palette, self._list_folded)
        painter.end()
        if not self._painted:
            self._painted = True
            QTimer.singleShot(FLUSH_MS, self, self.first_painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.may_close():
            event.ignore()
            return
        self.closed.emit(bytes(self.saveGeometry().toBase64().data()).decode())
        super().closeEvent(event)
