"""Labels of the page: every text on it may come from a model or a file, so none is read as markup."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLayout, QPushButton, QVBoxLayout, QWidget

OUTCOMES = {
    "better": ("▲", "good"),
    "worse": ("▼", "problem"),
    "perhaps better": ("△", "caption"),
    "perhaps worse": ("▽", "caption"),
    "within chance": ("○", "caption"),
}
"""Shape and role by what a difference means: never colour alone."""


def words(text: str = "", role: str = "") -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def card(heading: str, *contents: QWidget | QLayout) -> QFrame:
    made = QFrame()
    made.setProperty("role", "card")
    column = QVBoxLayout(made)
    column.setContentsMargins(20, 16, 20, 16)
    column.setSpacing(8)
    if heading:
        column.addWidget(words(heading, "heading"))
    for each in contents:
        if isinstance(each, QWidget):
            column.addWidget(each)
        else:
            column.addLayout(each)
    return made


def foot(problem: QLabel, button: QPushButton) -> QWidget:
    """What stands below a form while it scrolls: what is wrong with it, and its one action."""
    button.setProperty("role", "primary")
    problem.hide()
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(24, 12, 34, 12)
    row.setSpacing(12)
    row.addWidget(problem, 1)
    row.addStretch(0)
    row.addWidget(button, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return made


def empty(layout: QLayout) -> None:
    """Take everything out of it."""
    while (old := layout.takeAt(0)) is not None:
        if (widget := old.widget()) is not None:
            widget.hide()
            widget.deleteLater()
