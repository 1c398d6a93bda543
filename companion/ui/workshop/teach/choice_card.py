"""One of a few choices, with a sentence on what it means: the whole card can be pressed."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QRadioButton, QVBoxLayout

from companion.ui.cards import plain_label, say
from companion.ui.explained import words_begin


class ChoiceCard(QFrame):
    """Put the `radio` of several into one button group. A refused choice says why and cannot be made."""

    chosen = Signal()

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setProperty("role", "choice")
        self.radio = QRadioButton(title)
        self.radio.setProperty("role", "heading")
        self.sentence = plain_label("muted", is_selectable=False)
        self.note = plain_label("caption", is_selectable=False)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(4)
        column.addWidget(self.radio)
        for label in (self.sentence, self.note):
            column.addWidget(label)
        column.addStretch(1)
        self.radio.toggled.connect(self._toggled)
        self.radio.clicked.connect(self.chosen)
        self.offer("", "")
        self.show_note("")

    def offer(self, sentence: str, refusal: str) -> None:
        """Say what it means and, when it cannot be chosen, why."""
        say(self.sentence, " ".join(filter(None, (sentence, refusal))))
        self.radio.setEnabled(not refusal)
        self.radio.setAccessibleDescription(self.sentence.text())
        self.setCursor(Qt.CursorShape.ArrowCursor if refusal else Qt.CursorShape.PointingHandCursor)

    def show_note(self, note: str) -> None:
        """A few words below the sentence, such as what it takes."""
        say(self.note, note)
        self.radio.setAccessibleDescription(" ".join(filter(None, (self.sentence.text(), " ".join(note.split())))))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        for label in (self.sentence, self.note):  # what stands below the title begins where its letters do
            label.setContentsMargins(words_begin(self.radio), 0, 0, 0)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.radio.setFocus(Qt.FocusReason.MouseFocusReason)
            self.radio.click()

    def _toggled(self, is_chosen: bool) -> None:
        self.setProperty("chosen", is_chosen)
        self.style().polish(self)
