"""What cards of a page are made of: plain words that can be selected, and a frame with a heading around them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QLayout, QPushButton, QVBoxLayout, QWidget


def plain_label(role: str, words: str = "") -> QLabel:
    """Wraps, and shows what somebody wrote as it is; `role` is one of the style sheet's, or empty."""
    label = QLabel(words)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def card(heading: str, *contents: QWidget | QLayout) -> QFrame:
    """A frame around some things below one another."""
    frame = QFrame()
    fill_card(frame, heading, *contents)
    return frame


def fill_card(frame: QFrame, heading: str, *contents: QWidget | QLayout) -> None:
    """As `card`, for a frame that is there already. A button is as wide as its words."""
    frame.setProperty("role", "card")
    label = QLabel(heading)
    label.setProperty("role", "heading")
    column = QVBoxLayout(frame)
    column.setContentsMargins(20, 16, 20, 16)
    column.setSpacing(8)
    column.addWidget(label)
    for each in contents:
        if isinstance(each, QPushButton):
            column.addWidget(each, 0, Qt.AlignmentFlag.AlignLeft)
        elif isinstance(each, QWidget):
            column.addWidget(each)
        else:
            column.addLayout(each)
