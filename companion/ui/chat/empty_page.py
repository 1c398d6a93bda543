"""What stands where messages will be."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from companion.ui.invitation import Invitation


class EmptyPage(Invitation):
    begin_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button.setText("Say hello")
        self.button.setProperty("role", "primary")
        self.button.clicked.connect(self.begin_requested)
        self.set_name("")

    def set_name(self, name: str) -> None:
        who = name or "She"
        self.sentence.setText(f"{who} is listening, and what you tell her stays on this computer.")
