"""What a difference looks like, and what stands below a form."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

OUTCOMES = {
    "better": ("▲", "good"),
    "worse": ("▼", "problem"),
    "perhaps better": ("△", "caption"),
    "perhaps worse": ("▽", "caption"),
    "within chance": ("○", "caption"),
}
"""Shape and role by what a difference means: never colour alone."""


def foot(problem: QLabel, button: QPushButton) -> QWidget:
    """What stands below a form while it scrolls: what is wrong with it, and its one action."""
    button.setProperty("role", "primary")
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(24, 12, 34, 12)
    row.setSpacing(12)
    row.addWidget(problem, 1)
    row.addStretch(0)
    row.addWidget(button, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return made
