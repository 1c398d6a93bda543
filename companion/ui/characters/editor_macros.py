"""The macros a card's text may hold, each with what it becomes, and the menu that writes them."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QPushButton

from companion.ui.icons import lead_with_icon
from companion.ui.theme import Theme

MACROS: Final = (
    ("{{char}}", "her nickname, or else her name"),
    ("{{user}}", "the name of the person she talks to"),
    ("{{persona}}", "what the person says about themselves"),
    ("{{description}}", "her description"),
    ("{{personality}}", "her personality"),
    ("{{scenario}}", "the scenario"),
    ("{{mesExamples}}", "the example dialogues"),
    ("{{time}}", "the time of day"),
    ("{{date}}", "today's date"),
    ("{{weekday}}", "the day of the week"),
    ("{{idle_duration}}", "how long nothing was said"),
    ("{{random:one,two}}", "one of these, anew for each reply"),
    ("{{pick:one,two}}", "one of these, the same for a whole conversation"),
    ("{{roll:1d6}}", "a roll of dice, anew for each reply"),
    ("{{newline}}", "a line break"),
    ("{{trim}}", "nothing, and takes the empty lines around it away"),
    ("{{// note}}", "nothing: a note to yourself"),
)
ORIGINAL: Final = ("{{original}}", "the words this program would have used in its place")
"""Only for the instructions, which replace what the program says by itself."""


WORDS: Final = "Insert macro"


class MacroButton(QPushButton):
    """“Insert macro”: a menu of the macros, each with a sentence."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, *, with_original: bool = False) -> None:
        super().__init__(WORDS)
        self._theme = theme
        self._full_width = 0
        self.setAccessibleName(WORDS)
        self.setProperty("role", "quiet")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip("Words in double braces that are filled in when the model reads them")
        menu = QMenu(self)
        for macro, sentence in (ORIGINAL, *MACROS) if with_original else MACROS:
            action = menu.addAction(f"{macro}\t{sentence}")  # behind the tab is the column of shortcuts, at the right
            action.triggered.connect(lambda _=False, macro=macro: self.chosen.emit(macro))
        self.setMenu(menu)
        theme.changed.connect(self._redraw)
        self._redraw()

    def full_width(self) -> int:
        """How much room it takes with its words."""
        return self._full_width or self.sizeHint().width()

    def set_compact(self, compact: bool) -> None:
        """Only the icon, or the words too."""
        if bool(self.text()) == compact:
            if compact:
                self._full_width = self.sizeHint().width()
            self.setText("" if compact else WORDS)

    def _redraw(self) -> None:
        self._full_width = 0
        lead_with_icon(self, "macro", self._theme)
