"""What is measured: models, and adapters on them, to tick."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from companion.core.amounts import bytes_text
from companion.core.library.candidates import Candidate, first_choice
from companion.ui.cards import empty, plain_label
from companion.ui.explained import Explained
from companion.ui.fold import Fold
from companion.ui.memory.memory_model import day_words
from companion.ui.theme import Theme


class SubjectChoice(QWidget):
    """The model one chats with stands on top; every other is a fold away."""

    edited = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.boxes: dict[tuple[str, ...], QCheckBox] = {}
        self.candidates: tuple[Candidate, ...] = ()
        self._column = QVBoxLayout()
        self._column.setSpacing(4)
        self.fold = Fold(theme, "Other models")
        self._others = QVBoxLayout()
        self._others.setContentsMargins(0, 0, 0, 0)
        self._others.setSpacing(4)
        content = QWidget()
        content.setLayout(self._others)
        self.fold.set_content(content)
        self.order = plain_label("caption")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(8)
        outer.addLayout(self._column)
        outer.addWidget(self.fold)
        outer.addWidget(self.order)

    def show_candidates(self, found: Sequence[Candidate]) -> None:
        """What was ticked stays ticked; the first time it is the model one chats with, without and with her newest adapter."""
        if tuple(found) == self.candidates:
            return
        ticked = {each.files for each in self.chosen()} if self.candidates else {each.files for each in first_choice(found)}
        self.candidates = tuple(found)
        self.boxes = {}
        for column, is_current in ((self._column, True), (self._others, False)):
            empty(column)
            for each in self.candidates:
                if each.is_current is is_current:
                    column.addWidget(self._line(each, each.files in ticked))
        others = sum(not each.is_current for each in self.candidates)
        self.fold.setVisible(others > 0)
        self.fold.set_note(str(others))
        self._tell_order()

    def chosen(self) -> tuple[Candidate, ...]:
        """In the order in which they stand."""
        return tuple(each for each in self.candidates if each.files in self.boxes and self.boxes[each.files].isChecked())

    def choose(self, *files: tuple[str, ...]) -> None:
        """Tick exactly these."""
        for each, box in self.boxes.items():
            box.setChecked(each in files)
        self._edited()

    def _line(self, each: Candidate, ticked: bool) -> QWidget:
        box = QCheckBox(each.name)
        box.setChecked(ticked)
        box.clicked.connect(self._edited)
        self.boxes[each.files] = box
        return Explained(box, _about(each))

    def _edited(self) -> None:
        self._tell_order()
        self.edited.emit()

    def _tell_order(self) -> None:
        chosen = self.chosen()
        if len(chosen) > 1:
            told = f"“{chosen[0].name}” is the yardstick: what is measured of the others is compared with it."
        else:
            name = next((each.name for each in chosen or self.candidates), "")
            told = f"Tick another one as well: what is measured of it is compared with that of “{name}”." if name else ""
        self.order.setText(told)


def _about(each: Candidate) -> str:
    """“The model you chat with, without any adapter · Q4_1 · 98.4 MB”, “Adapter · 9.8 MB · made yesterday”."""
    if each.adapter is not None:
        came = "came along" if each.adapter.place == "shipped" else f"made {day_words(each.adapter.changed, datetime.now())}"
        return f"With the adapter · {bytes_text(each.adapter.bytes)} · {came}"
    first = "The model you chat with, without any adapter" if each.is_current else "Model"
    return " · ".join(filter(None, (first, each.model.quantization, bytes_text(each.model.bytes))))
