"""How much is measured: a suite, with what it is for and how long it will take here."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout, QWidget

from companion.core.amounts import duration_text
from companion.core.suites import suite_sentence, suites
from companion.ui.cards import plain_label

DEFAULT = "quick"


class SuiteChoice(QWidget):
    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[str, QRadioButton] = {}
        self._captions = {name: plain_label("caption") for name in suites()}
        self._sentences = {name: suite_sentence(name) for name in suites()}
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for name, caption in self._captions.items():
            button = self.buttons[name] = QRadioButton(name[:1].upper() + name[1:])
            self._group.addButton(button)
            caption.setContentsMargins(32, 0, 0, 6)
            column.addWidget(button)
            column.addWidget(caption)
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
        for name, caption in self._captions.items():
            said = self._sentences[name]
            if known := seconds.get(name, 0.0):
                what = said.partition(": ")[2] or said
                caption.setText(f"About {duration_text(known)}, going by the last time: {what}")
            else:
                caption.setText(f"{said} {more}".rstrip())
            self.buttons[name].setAccessibleDescription(caption.text())
