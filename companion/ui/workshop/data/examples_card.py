"""Dialogues to page through, as they are."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from companion.core.dataset import DOCUMENT, Dialogue
from companion.ui.cards import plain_label
from companion.ui.chat.icon_button import IconButton
from companion.ui.theme import Theme
from companion.ui.workshop.data.words import ROLES

MOST_TURNS, MOST_CHARACTERS = 12, 600


class ExamplesCard(QFrame):
    """One dialogue at a time."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._dialogues: tuple[Dialogue, ...] = ()
        self._at, self._of = 0, 0
        self.heading = QLabel()
        self.heading.setProperty("role", "heading")
        self.labels, self.rest = plain_label("caption"), plain_label("caption")
        self.earlier = IconButton(theme, "chevron-left", "The dialogue before")
        self.later = IconButton(theme, "chevron-right", "The next dialogue")
        self.turns: list[_Turn] = []
        self._lines = QVBoxLayout()
        self._lines.setSpacing(8)
        self.earlier.clicked.connect(lambda: self._show(self._at - 1))
        self.later.clicked.connect(lambda: self._show(self._at + 1))
        row = QHBoxLayout()
        row.addWidget(self.heading, 1)
        row.addWidget(self.earlier)
        row.addWidget(self.later)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 12, 16, 16)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.labels)
        column.addLayout(self._lines)
        column.addWidget(self.rest)

    def show_dialogues(self, dialogues: Sequence[Dialogue], of: int) -> None:
        """The first of `of` dialogues."""
        self._dialogues, self._of = tuple(dialogues), of
        self.setVisible(bool(dialogues))
        if dialogues:
            self._show(0)

    def _show(self, at: int) -> None:
        self._at = at
        dialogue, count = self._dialogues[at], len(self._dialogues)
        self.heading.setText(f"Dialogue {at + 1:,} of {'' if count == self._of else 'the first '}{count:,}")
        self.earlier.setEnabled(at > 0)
        self.later.setEnabled(at + 1 < count)
        told = " · ".join(filter(None, (_label(name, value) for name, value in dialogue.labels.items())))
        self.labels.setText(told)
        self.labels.setVisible(bool(told))
        shown = dialogue.messages[:MOST_TURNS]
        while len(self.turns) < len(shown):
            self.turns.append(_Turn())
            self._lines.addWidget(self.turns[-1])
        for number, turn in enumerate(self.turns):
            turn.setVisible(number < len(shown))
            if number < len(shown):
                said = shown[number]
                left_out = " (not learned from)" if said.role == "assistant" and not said.train else ""
                turn.show_turn(ROLES[said.role] + left_out, said.content)
        hidden = len(dialogue.messages) - len(shown)
        self.rest.setText(f"… and {hidden:,} more")
        self.rest.setVisible(hidden > 0)


def _label(name: str, value: str) -> str:
    if name == DOCUMENT:
        return "Text that nobody says to anybody"
    return f"{name}: {value}"


class _Turn(QWidget):
    """Who says it, and what."""

    def __init__(self) -> None:
        super().__init__()
        self._who, self._words = plain_label("caption"), plain_label()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._who)
        column.addWidget(self._words)

    def show_turn(self, who: str, words: str) -> None:
        self._who.setText(who)
        self._words.setText(words if len(words) <= MOST_CHARACTERS else f"{words[:MOST_CHARACTERS]}…")
