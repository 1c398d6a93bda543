"""Something that is measured now: what, how far, and a way to stop it."""

from __future__ import annotations

import time

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from companion.core.amounts import duration_text, seconds_left


class ProgressRow(QWidget):
    """Hidden until it is told something."""

    stopped = Signal()
    """The person wants it to end."""

    def __init__(self) -> None:
        super().__init__()
        self._began = self._share = 0.0
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.stop_button = QPushButton("Stop")
        self.stop_button.clicked.connect(self.stopped)
        left = QVBoxLayout()
        left.setSpacing(6)
        left.addWidget(self.words)
        left.addWidget(self.bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addLayout(left, 1)
        row.addWidget(self.stop_button)
        self.hide()

    def tell(self, words: str, share: float) -> None:
        """A sentence without its full stop, and how much is done, 0 to 1; a smaller share than before is a new beginning."""
        now = time.monotonic()
        if self.isHidden() or share < self._share or not self._share:
            self._began = now
        self._share = share
        left = seconds_left(now - self._began, share)
        self.words.setText(f"{words} …" + (f" about {duration_text(left)} of that left" if left >= 1 else ""))
        self.bar.setValue(round(1000 * share))
        self.show()
