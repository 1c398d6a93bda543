"""The field in which one searches a list: a lens, a cross once something is written, and keys that lead on."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QLineEdit

from companion.ui.icons import icon
from companion.ui.theme import Theme

BESIDE_WORDS = 48
"""Pixels of the lens and the edges."""


class SearchField(QLineEdit):
    """Esc clears it; the down arrow goes on to what was found."""

    left_down = Signal()

    def __init__(self, theme: Theme, name: str, hint: str, longest: int) -> None:
        """`name` stands in the empty field, `hint` says where is searched, and `longest` is the most it takes."""
        super().__init__()
        self._theme = theme
        self._name = name
        self.setAccessibleName(name)
        self.setToolTip(f"{hint} (Ctrl+F)")
        self.setMaxLength(longest)
        self._mark = self.addAction(icon("search", theme), QLineEdit.ActionPosition.LeadingPosition)
        self._clear = self.addAction(icon("close", theme), QLineEdit.ActionPosition.TrailingPosition)
        self._clear.setToolTip("Clear the search (Esc)")
        self._clear.setVisible(False)
        self._clear.triggered.connect(self.clear)
        self.textChanged.connect(lambda text: self._clear.setVisible(bool(text)))
        theme.changed.connect(self._restyle)
        self._restyle()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_name()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() == Qt.Key.Key_Down:
            self.left_down.emit()
        else:
            super().keyPressEvent(event)

    def _fit_name(self) -> None:
        """All of it, or its first word: a word that is cut off says less."""
        fits = self.fontMetrics().horizontalAdvance(self._name) < self.width() - BESIDE_WORDS
        self.setPlaceholderText(self._name if fits else self._name.split()[0])

    def _restyle(self) -> None:
        self._mark.setIcon(icon("search", self._theme))
        self._clear.setIcon(icon("close", self._theme))
        muted = self._theme.palette.muted
        self.setStyleSheet(
            f"QLineEdit {{ padding-left: 2px; placeholder-text-color: {muted}; }} QLineEdit:focus {{ padding-left: 1px; }}"
        )
        self._fit_name()
