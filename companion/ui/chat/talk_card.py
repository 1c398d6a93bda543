"""A card about the open conversation: who the person is in it, the author's note, and the way to forget it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QWidget,
)

from companion.core.conversation import Conversation
from companion.core.persona import Persona
from companion.ui.chat.popup_card import PopupCard

WIDTH = 400
NOTE_HEIGHT = 88
MOST_NOTE = 4000
DEEPEST = 99
SAVE_MS = 600
FORGETTING = (
    "What was said here and learned from it is removed for good, in backups too; databases set aside as damaged go with it."
)


class TalkCard(PopupCard):
    """Belongs to the header; the note is told while it is written, and at the latest when the card closes."""

    persona_chosen = Signal(int)
    personas_requested = Signal()
    note_changed = Signal(str, int)
    """Text, and how many of the newest messages come after it."""
    forget_requested = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, WIDTH, "About this conversation", ends_with_it=True)
        self._told = ("", 4)
        self.persona = QComboBox()
        self.persona.setAccessibleName("You are")
        self.note = QPlainTextEdit()
        self.note.setPlaceholderText("It is raining. Keep the secret for now.")
        self.note.setAccessibleName("Author's note")
        self.note.setFixedHeight(NOTE_HEIGHT)
        self.note.setTabChangesFocus(True)
        self.note_depth = QSpinBox(minimum=0, maximum=DEEPEST)
        self.note_depth.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.note_depth.setAccessibleName("Messages after the note")
        self._summary_heading, self._summary = QLabel("What she keeps of the beginning"), QLabel()
        self.forget_button, self.confirm_button = QPushButton("Forget this conversation"), QPushButton("Forget")
        self._end, self._ends = QStackedWidget(), (QWidget(), QWidget())
        self._saver = QTimer(self, singleShot=True, interval=SAVE_MS)
        self._build()
        self.persona.activated.connect(lambda index: self.persona_chosen.emit(self.persona.itemData(index)))
        self.note.textChanged.connect(self._note_edited)
        self.note_depth.valueChanged.connect(self._saver.start)
        self._saver.timeout.connect(self._tell_note)

    def show_talk(self, conversation: Conversation, personas: Sequence[Persona], own_name: str, summary: str) -> None:
        """`own_name` is the name from the settings, what the persona with id 0 is called."""
        self._saver.stop()
        self._told = (conversation.note, conversation.note_depth)
        self.persona.clear()
        self.persona.addItem(own_name or "Yourself", 0)
        for persona in personas:
            self.persona.addItem(persona.name, persona.id)
        self.persona.setCurrentIndex(max(self.persona.findData(conversation.persona), 0))
        for field in (self.note, self.note_depth):
            field.blockSignals(True)
        self.note.setPlainText(conversation.note)
        self.note_depth.setValue(conversation.note_depth)
        for field in (self.note, self.note_depth):
            field.blockSignals(False)
        self._summary.setText(summary)
        for label in (self._summary_heading, self._summary):
            label.setVisible(bool(summary))
        self._show_end(0)

    def show_below(self, widget: QWidget) -> None:
        super().show_below(widget)
        self.note.setFocus()

    def _show_end(self, page: int) -> None:
        """Ask whether it shall be forgotten (0), or whether that is meant (1): the question has more words."""
        for number, side in enumerate(self._ends):  # the stack is as tall as the page that is seen
            policy = QSizePolicy.Policy.Preferred if number == page else QSizePolicy.Policy.Ignored
            side.setSizePolicy(QSizePolicy.Policy.Preferred, policy)
        self._end.setCurrentIndex(page)
        self.fit()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._tell_note()

    def _note_edited(self) -> None:
        text = self.note.toPlainText()
        if len(text) > MOST_NOTE:  # pasted: the beginning stays
            self.note.setPlainText(text[:MOST_NOTE])
            return
        self._saver.start()

    def _tell_note(self) -> None:
        self._saver.stop()
        now = (self.note.toPlainText().strip(), self.note_depth.value())
        if now != self._told:
            self._told = now
            self.note_changed.emit(*now)

    def _forget(self) -> None:
        self.hide()
        self.forget_requested.emit()

    def _manage(self) -> None:
        self.hide()
        self.personas_requested.emit()

    # Layout

    def _build(self) -> None:
        column = self.column
        column.setSpacing(8)
        column.addWidget(_heading("You are"))
        manage = QPushButton("Personas…")
        manage.setProperty("role", "quiet")
        manage.clicked.connect(self._manage)
        row = QHBoxLayout()
        row.addWidget(self.persona, 1)
        row.addWidget(manage)
        column.addLayout(row)
        column.addSpacing(8)
        column.addWidget(_heading("Author's note"))
        column.addWidget(_sentence("Your words to her about the story; she follows them and never says them."))
        column.addWidget(self.note)
        row = QHBoxLayout()
        row.addWidget(_sentence("Messages that come after it"), 1)
        row.addWidget(self.note_depth)
        column.addLayout(row)
        self._summary_heading.setProperty("role", "heading")
        self._summary.setProperty("role", "caption")
        self._summary.setWordWrap(True)
        self._summary.setTextFormat(Qt.TextFormat.PlainText)
        column.addWidget(self._summary_heading)
        column.addWidget(self._summary)
        column.addSpacing(8)
        self._build_end()
        column.addWidget(self._end)

    def _build_end(self) -> None:
        self.forget_button.setProperty("role", "danger")
        self.forget_button.setToolTip("Remove what was said here and what she learned from it, for good")
        self.forget_button.clicked.connect(lambda: self._show_end(1))
        ask, sure = self._ends
        row = QHBoxLayout(ask)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.forget_button)
        row.addStretch(1)
        keep = QPushButton("Keep")
        keep.clicked.connect(lambda: self._show_end(0))
        self.confirm_button.setProperty("role", "danger")
        self.confirm_button.clicked.connect(self._forget)
        row = QHBoxLayout(sure)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(_sentence(FORGETTING), 1)
        row.addWidget(keep)
        row.addWidget(self.confirm_button)
        self._end.addWidget(ask)
        self._end.addWidget(sure)


def _heading(words: str) -> QLabel:
    label = QLabel(words)
    label.setProperty("role", "heading")
    return label


def _sentence(words: str) -> QLabel:
    label = QLabel(words)
    label.setProperty("role", "caption")
    label.setWordWrap(True)
    return label
