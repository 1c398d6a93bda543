"""Words on the page: wrapped, plain, in one of the style sheet's roles."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel


def label(role: str, text: str = "") -> QLabel:
    """A problem is hidden until there is one."""
    made = QLabel(text)
    made.setProperty("role", role)
    made.setWordWrap(True)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role == "problem":
        made.hide()
    return made


def say(problem: QLabel, *sentences: str) -> None:
    """Show what went wrong; hide the label when there is nothing to say."""
    text = " ".join(filter(None, sentences))
    problem.setText(text)
    problem.setVisible(bool(text))
