"""One step of the page: its number and title, and what is done there."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout

from companion.ui.cards import plain_label


class Step(QFrame):
    """Its parts are added to `column`."""

    def __init__(self, number: int, title: str, sentence: str = "") -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setAccessibleName(f"Step {number}: {title}")
        count, heading = QLabel(str(number)), QLabel(title)
        count.setProperty("role", "muted")
        heading.setProperty("role", "heading")
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(count)
        top.addWidget(heading, 1)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(20, 16, 20, 18)
        self.column.setSpacing(10)
        self.column.addLayout(top)
        self.sentence = plain_label("muted", sentence)
        self.sentence.setVisible(bool(sentence))
        self.column.addWidget(self.sentence)
