"""Something that is measured now: what, how far, and a way to stop it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget


class ProgressRow(QWidget):
    """Hidden until it is told something."""

    stopped = Signal()
    """The person wants it to end."""

    def __init__(self) -> None:
        super().__init__()
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
        """A sentence without its full stop, and how much is done, 0 to 1."""
        self.words.setText(f"{words} …")
        self.bar.setValue(round(1000 * share))
        self.show()
