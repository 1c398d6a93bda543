"""What the person chose for a character, beside its card: how she is shown, what she remembers. Takes effect at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.core.character import Character, CharacterOptions
from companion.core.fields import fields_of
from companion.ui.characters.editor_fields import FieldWords
from companion.ui.file_dialogs import ask_for_picture
from companion.ui.settings.editors import ChoiceEditor
from companion.ui.settings.form import Form
from companion.ui.stage.sprites import SpritePack
from companion.ui.theme import Theme

LOOK = ("plain", "costume")
MOST_COSTUMES = 200


class OptionsForms(QWidget):
    """Two forms over one `CharacterOptions`: `look` and `memory` are the widgets to show."""

    changed = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._options = CharacterOptions()
        fields = {field.name: field for field in fields_of(CharacterOptions)}
        self.costume = ChoiceEditor(fields["costume"])
        rest = tuple(name for name in fields if name not in LOOK)
        self._look = Form(CharacterOptions, theme, LOOK, {"costume": self.costume})
        self.memory = Form(CharacterOptions, theme, rest)
        self.background = QLabel()
        self.choose_button, self.clear_button = QPushButton("Choose a picture"), QPushButton("Back to the usual one")
        self.look = self._build_look()
        for form in (self._look, self.memory):
            form.edited.connect(self._edited)
        self.choose_button.clicked.connect(self._ask)
        self.clear_button.clicked.connect(lambda: self._change(background=""))

    @property
    def options(self) -> CharacterOptions:
        return self._options

    def rows(self) -> dict[str, Any]:
        """The row of every field by its name."""
        return self._look.rows | self.memory.rows

    def load(self, character: Character) -> None:
        """Show a character's options; emits nothing."""
        self._options = character.options
        pack = SpritePack(Path(character.folder) / "sprites") if character.folder else None
        costumes = pack.costumes[:MOST_COSTUMES] if pack is not None else ()
        self._look.load(self._options)
        self.costume.offer({"": "The usual one"} | {name: name for name in costumes})
        self.memory.load(self._options)
        self._redraw()

    def _edited(self, _name: str) -> None:
        self._change(**self._look.values(), **self.memory.values())

    def _change(self, **changes: Any) -> None:
        options = msgspec.structs.replace(self._options, **changes)
        if options != self._options:
            self._options = options
            self._redraw()
            self.changed.emit(options)

    def _ask(self) -> None:
        if (path := ask_for_picture(self.look, "Choose a background", drawings=True)) is not None:
            self._change(background=str(path))

    def _redraw(self) -> None:
        chosen = self._options.background
        name = Path(chosen).name
        self.background.setText((name if len(name) <= 60 else f"{name[:59]}…") if chosen else "The observatory.")
        self.clear_button.setVisible(bool(chosen))

    def _build_look(self) -> QWidget:
        self.background.setTextFormat(Qt.TextFormat.PlainText)
        self.background.setProperty("role", "caption")
        self.clear_button.setProperty("role", "quiet")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.choose_button)
        buttons.addWidget(self.clear_button)
        buttons.addStretch()
        look = QWidget()
        column = QVBoxLayout(look)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(20)
        column.addWidget(self._look)
        place = QVBoxLayout()
        place.setSpacing(6)
        place.addWidget(FieldWords("Background", "A picture behind her."))
        place.addWidget(self.background)
        place.addLayout(buttons)
        column.addLayout(place)
        return look
