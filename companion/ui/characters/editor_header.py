"""The top of the character editor: whose card it is, what it costs, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from companion.ui.chat.icon_button import IconButton
from companion.ui.theme import Theme

LONGEST = 300
"""Characters of a name that are looked at; a hostile card may have a million."""


class ElidedLabel(QLabel):
    """One line of plain text that gives way when there is little room."""

    def __init__(self) -> None:
        super().__init__()
        self._words = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_words(self, words: str) -> None:
        self._words = " ".join(words[:LONGEST].split())
        self.setAccessibleName(self._words)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, self.width()))


class EditorHeader(QWidget):
    """Name and totals at the left; preview, save or copy at the right."""

    back_requested = Signal()
    save_requested = Signal()
    copy_requested = Signal()
    preview_toggled = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.back = IconButton(theme, "chevron-left", "Back to the characters")
        self.name, self.total = ElidedLabel(), ElidedLabel()
        self.name.setProperty("role", "title")
        self.total.setProperty("role", "caption")
        self.preview, self.save, self.copy = QPushButton("Preview"), QPushButton("Save"), QPushButton("Edit a copy")
        self.preview.setCheckable(True)
        self.preview.setToolTip("What the model will read")
        self.save.setToolTip("Save the card (Ctrl+S)")
        self.copy.setToolTip("The built-in character stays as it is; a copy is yours to change")
        for button in (self.save, self.copy):
            button.setProperty("role", "primary")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.name)
        words.addWidget(self.total)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 14, 24, 12)
        row.setSpacing(8)
        row.addWidget(self.back)
        row.addLayout(words, 1)
        for button in (self.preview, self.copy, self.save):
            row.addWidget(button)
        self.back.clicked.connect(self.back_requested)
        self.save.clicked.connect(self.save_requested)
        self.copy.clicked.connect(self.copy_requested)
        self.preview.toggled.connect(self.preview_toggled)


class EditorBar(QFrame):
    """A question or a warning between the header and the fields, with at most two ways to answer it."""

    save_requested = Signal()
    discard_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("editorBar")
        self.setProperty("role", "card")
        self.words = QLabel()
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.save, self.discard, self.keep = QPushButton("Save"), QPushButton("Discard"), QPushButton("Go on editing")
        self.save.setProperty("role", "primary")
        self.discard.setProperty("role", "danger")
        self.keep.setProperty("role", "quiet")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.save, self.discard, self.keep):
            buttons.addWidget(button)
        buttons.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 12, 12)
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addLayout(buttons)
        self.save.clicked.connect(self.save_requested)
        self.discard.clicked.connect(self.discard_requested)
        self.keep.clicked.connect(self.hide)
        self.hide()

    def ask(self, question: str, *, savable: bool) -> None:
        self.words.setText(question)
        self.save.setEnabled(savable)
        self.show()
        (self.save if savable else self.keep).setFocus()
