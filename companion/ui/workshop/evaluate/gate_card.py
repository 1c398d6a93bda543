"""What the gate decided about an adapter, and what one does about it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from companion.core.library.item import Item
from companion.core.report import GATE, Report, adopts
from companion.core.report_parts import sections_of
from companion.ui.cards import plain_label
from companion.ui.flow_layout import FlowLayout

GONE = "The adapter is not in the library, so it cannot be adopted."
KEPT = "She stays as she is; the adapter stays in the library."


class GateCard(QFrame):
    """Hidden for a report that is not about an adapter, and where nothing is left to decide or it could not be decided here."""

    adopt_requested = Signal(object)
    """The adapter's Item."""
    decision_requested = Signal()
    """To measure what a decision rests on."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._item: Item | None = None
        self._is_about_it = self._is_decided = self._is_for_it = self._is_kept = False
        self.heading, self.sentence, self.state = plain_label("heading"), plain_label(), plain_label("caption")
        self.adopt_button, self.keep_button = QPushButton("Adopt"), QPushButton("Keep as it is")
        self.decide_button = QPushButton("Let the gate decide")
        self.adopt_button.clicked.connect(lambda: self.adopt_requested.emit(self._item))
        self.keep_button.clicked.connect(self._keep)
        self.decide_button.clicked.connect(self.decision_requested)
        buttons, row = FlowLayout(), QWidget()
        buttons.setContentsMargins(0, 0, 0, 0)
        for button in (self.decide_button, self.adopt_button, self.keep_button):
            buttons.addWidget(button)
        row.setLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(8)
        for widget in (self.heading, self.sentence, row, self.state):
            column.addWidget(widget)

    def show_report(self, report: Report) -> None:
        """The item of the library is told by `show_item`."""
        last = report.measured[-1].subject if report.measured else None
        self._is_decided = last is not None and sections_of(report, GATE)[-1] is not None
        self._is_for_it, self._is_kept = adopts(report), False
        self._is_about_it = last is not None and len(last.adapters) == 1 and len(report.measured) == 2
        name = last.name if last is not None else ""
        if not self._is_decided:
            self.heading.setText(f"Nothing is decided about “{name}”")
            self.sentence.setText("The gate is for it when it is better at your dialogues, and surely not worse elsewhere.")
        elif self._is_for_it:
            self.heading.setText(f"The gate is for “{name}”")
            self.sentence.setText("Nothing speaks against it, and something for it.")
        else:
            self.heading.setText(f"The gate is against “{name}”")
            self.sentence.setText("What speaks against it stands above. You can adopt it all the same.")

    def show_item(self, item: Item | None, name: str, *, is_used: bool, can_decide: bool) -> None:
        """The adapter in the library, whether `name`, the character one talks with, uses it already, and whether all that was
        measured is here to be measured again."""
        self._item = item
        is_open = can_decide and item is not None and not is_used
        self.setVisible(self._is_about_it and (self._is_decided or is_open))
        can_adopt = item is not None and not is_used
        primary = self.adopt_button if self._is_for_it else self.keep_button if self._is_decided else self.decide_button
        for button in (self.adopt_button, self.keep_button, self.decide_button):
            button.setProperty("role", "primary" if button is primary else "")
            button.style().unpolish(button)
            button.style().polish(button)
            button.setEnabled(can_adopt)
        self.adopt_button.setText(f"Adopt for {name}")
        self.decide_button.setVisible(not self._is_decided)
        if is_used:
            self._say(f"{name} talks with it.")
        elif item is None:
            self._say(GONE)
        else:
            self._say(KEPT if self._is_kept else "")

    def _keep(self) -> None:
        self._is_kept = True
        self._say(KEPT)

    def _say(self, sentence: str) -> None:
        self.state.setText(sentence)
        self.state.setVisible(bool(sentence))
