"""The sections of the character editor: which field of the card stands where, and what is said about it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from companion.ui.characters.editor_fields import CardField, LineField, TextField, WordsField
from companion.ui.characters.editor_options import OptionsForms
from companion.ui.characters.greetings_editor import GreetingsEditor
from companion.ui.characters.lorebook_editor import LorebookEditor
from companion.ui.characters.portrait_field import PortraitField
from companion.ui.characters.token_counts import TokenCounts
from companion.ui.icons import lead_with_icon
from companion.ui.scroll_page import scroll_page
from companion.ui.theme import Theme

TITLES: Final = ("Identity", "Personality", "Talking", "Instructions", "Lorebook", "Look", "Memory")
WIDEST: Final = 720
KEPT: Final = "Kept on this machine, beside the card. A change takes effect at once."
ALWAYS: Final = ("system_prompt", "description", "personality", "scenario", "post_history_instructions")
"""Fields that are part of every prompt."""


class EditorSections:
    """Every field by its name in the card, and the pages they stand on, each made when it is first shown."""

    def __init__(self, theme: Theme, counts: TokenCounts, parent: QWidget) -> None:
        self._theme = theme
        shelf = QWidget(parent)  # who has no place yet goes with the editor all the same
        shelf.hide()
        self.portrait = PortraitField(theme)
        self.lorebook = LorebookEditor(theme, counts)
        self.options = OptionsForms(theme)
        self.name = LineField("Name")
        self.fields: dict[str, CardField] = {
            "name": self.name,
            **_identity(theme),
            **_personality(theme),
            **_talking(theme),
            **_instructions(theme),
            "lorebook": self.lorebook,
        }
        for waiting in (self.portrait, self.options.look, self.options.memory, *self.fields.values()):
            waiting.setParent(shelf)

    def page(self, title: str) -> QWidget:
        """A new page with the fields of one section. Until theirs is made the fields hold their values without it: to put
        all of them in their places takes longer than to make them."""
        f = self.fields
        group_only = f["group_only_greetings"]
        match title:
            case "Identity":
                return _page(
                    _card(self.portrait, f["name"], f["nickname"], f["tags"]),
                    _card(f["creator"], f["character_version"], f["creator_notes"]),
                )
            case "Personality":
                return _page(_card(f["description"], f["personality"], f["scenario"]))
            case "Talking":
                fold = _fold(self._theme, "Greetings for groups", group_only)
                greetings = _card(f["first_mes"], f["alternate_greetings"])
                return _page(greetings, _card(f["mes_example"]), _card(fold, group_only))
            case "Instructions":
                return _page(_card(f["system_prompt"], f["post_history_instructions"]))
            case "Lorebook":
                return _page(self.lorebook)
            case "Look":
                return _page(_note(KEPT), _card(self.options.look))
            case _:
                return _page(_note(KEPT), _card(self.options.memory))


def _identity(theme: Theme) -> dict[str, CardField]:
    notes = "For whoever uses the card; she never reads it."
    return {
        "nickname": LineField("Nickname", "What {{char}} becomes; left empty, it is the name."),
        "tags": WordsField("Tags", "With commas between them.", "adult, astronomy, cosy"),
        "creator": LineField("Made by"),
        "character_version": LineField("Version"),
        "creator_notes": TextField(theme, "Notes", notes, macros=False, counted=False),
    }


def _personality(theme: Theme) -> dict[str, CardField]:
    return {
        "description": TextField(theme, "Description", "Who she is and what she looks like.", least_lines=6),
        "personality": TextField(theme, "Personality", "What she is like, in a few words."),
        "scenario": TextField(theme, "Scenario", "Where you are and how you met."),
    }


def _talking(theme: Theme) -> dict[str, CardField]:
    examples = "How she talks. Begin each dialogue with a line <START>; they leave the prompt first when it fills."
    return {
        "first_mes": TextField(theme, "First message", "How she begins a conversation.", least_lines=4),
        "alternate_greetings": GreetingsEditor(theme, "Other greetings", "Other ways to begin, to choose from."),
        "mes_example": TextField(theme, "Example dialogues", examples, least_lines=4),
        "group_only_greetings": GreetingsEditor(theme, "Greetings for groups", "For programs in which several characters meet."),
    }


def _instructions(theme: Theme) -> dict[str, CardField]:
    system = "Takes the place of what this program tells the model. {{original}} puts that back in."
    after = "Said after the conversation, where it weighs most."
    return {
        "system_prompt": TextField(theme, "System prompt", system, original=True, least_lines=5),
        "post_history_instructions": TextField(theme, "After the conversation", after, original=True),
    }


def _page(*parts: QWidget) -> QScrollArea:
    column = QVBoxLayout()
    column.setContentsMargins(0, 8, 0, 32)
    column.setSpacing(16)
    for part in parts:
        column.addWidget(part)
    column.addStretch()
    return scroll_page(column, WIDEST, right=16)


def _card(*parts: QWidget) -> QFrame:
    card = QFrame()
    card.setProperty("role", "card")
    column = QVBoxLayout(card)
    column.setContentsMargins(20, 18, 20, 20)
    column.setSpacing(20)
    for part in parts:
        column.addWidget(part)
    return card


def _note(words: str) -> QLabel:
    label = QLabel(words)
    label.setProperty("role", "caption")
    label.setWordWrap(True)
    return label


def _fold(theme: Theme, title: str, folded: QWidget) -> QPushButton:
    """A line that unfolds what few people need."""
    fold = QPushButton(title)
    fold.setCheckable(True)
    fold.setProperty("role", "fold")
    fold.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    folded.hide()

    def redraw() -> None:
        lead_with_icon(fold, "chevron-down" if fold.isChecked() else "chevron-right", theme)

    fold.toggled.connect(folded.setVisible)
    fold.toggled.connect(redraw)
    theme.changed.connect(redraw)
    redraw()
    return fold
