"""How much is measured: a suite, with what it is for and how long it will take here."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout, QWidget

from companion.core.amounts import duration_text
from companion.core.suites import suite_sentence, suites
from companion.ui.explained import Explained

DEFAULT = "quick"


class SuiteChoice(QWidget):
    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[str, QRadioButton] = {}
        self._lines: dict[str, Explained] = {}
        self._sentences = {name: suite_sentence(name) for name in suites()}
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for name in suites():
            button = self.buttons[name] = QRadioButton(name[:1].upper() + name[1:])
            line = self._lines[name] = Explained(button, below=6)
            self._group.addButton(button)
            column.addWidget(line)
            button.clicked.connect(self.edited)
        self.choose(DEFAULT)
        self.show_times({})

    @property
    def suite(self) -> str:
        return next((name for name, button in self.buttons.items() if button.isChecked()), DEFAULT)

    def choose(self, name: str) -> None:
        if name in self.buttons:
            self.buttons[name].setChecked(True)

    def show_times(self, seconds: Mapping[str, float], more: str = "") -> None:
        """About how long each will take, where that is known from the last time; elsewhere what is said for a single model,
        and why it will be `more`."""
        for name, line in self._lines.items():
            said = self._sentences[name]
            if known := seconds.get(name, 0.0):
                what = said.partition(": ")[2] or said
                line.say(f"About {duration_text(known)}, going by the last time: {what}")
            else:
                line.say(f"{said} {more}".rstrip())
