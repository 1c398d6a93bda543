"""The page of personas: who the person can be in a conversation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.core.persona import Persona
from companion.ui.personas.persona_card import PersonaCard
from companion.ui.scroll_page import scroll_page
from companion.ui.theme import Theme

WIDEST = 720


class PersonasPage(QWidget):
    """Shows what it is given and asks for everything else."""

    new_requested = Signal()
    changed = Signal(object)
    """A Persona with other words."""
    picture_requested = Signal(int)
    picture_dropped = Signal(int, str)
    default_requested = Signal(int)
    delete_requested = Signal(int)
    back_requested = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.cards: list[PersonaCard] = []
        self.new_button, self.back_button = QPushButton("New persona"), QPushButton("Back")
        self._cards, self._empty = QVBoxLayout(), QLabel()
        self._build()
        self.new_button.clicked.connect(self.flush)
        self.new_button.clicked.connect(self.new_requested)
        self.back_button.clicked.connect(self.back_requested)

    def show_personas(self, personas: Sequence[Persona], default: int) -> None:
        """`default` is the id of the persona for new conversations, 0 for the name from the settings."""
        if {(card.identifier, card.portrait) for card in self.cards} == {(p.id, p.portrait) for p in personas}:
            # Nor does a card move under the hand of whoever writes a name in it.
            for card in self.cards:  # the words are being written here, so they stay
                card.default.setChecked(card.identifier == default)
            return
        for card in self.cards:
            self._cards.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = [PersonaCard(self._theme, persona, is_default=persona.id == default) for persona in personas]
        for card in self.cards:
            card.changed.connect(self.changed)
            card.picture_requested.connect(self.picture_requested)
            card.picture_dropped.connect(self.picture_dropped)
            card.default_requested.connect(self.default_requested)
            card.delete_requested.connect(self.delete_requested)
            self._cards.addWidget(card)
        self._empty.setVisible(not personas)

    def focus_on(self, persona: int) -> None:
        """A new one is to be named."""
        for card in self.cards:
            if card.identifier == persona:
                card.name.setFocus()
                card.name.selectAll()
                QTimer.singleShot(0, card, lambda card=card: self._area.ensureWidgetVisible(card))  # once it has its place

    def flush(self) -> None:
        """Tell what was changed and not yet told."""
        for card in self.cards:
            card.flush()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.flush()

    def _build(self) -> None:
        title = QLabel("Personas")
        title.setProperty("role", "title")
        sentence = QLabel("Who you are in a conversation: a name and a few words that she is told. Choose one under “…”.")
        sentence.setProperty("role", "muted")
        sentence.setWordWrap(True)
        self.new_button.setProperty("role", "primary")
        self.back_button.setProperty("role", "quiet")
        self._empty.setText("You are always yourself so far. Make a persona to be somebody else for a story.")
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        self._empty.setContentsMargins(0, 24, 0, 0)
        row = QHBoxLayout()
        row.addWidget(title)
        row.addStretch(1)
        row.addWidget(self.back_button)
        row.addWidget(self.new_button)
        self._cards.setSpacing(12)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(12)
        column.addLayout(row)
        column.addWidget(sentence)
        column.addWidget(self._empty)
        column.addLayout(self._cards)
        column.addStretch(1)
        self._area = scroll_page(column, WIDEST)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._area)
