"""Dividing a dataset: a part that is only measured, or folds that take turns."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta
from PySide6.QtWidgets import QPushButton

from companion.core.dataset_folder import free_dataset_folder
from companion.core.dataset_messages import SplitData
from companion.core.fields import fields_of
from companion.ui.cards import plain_label
from companion.ui.flow_layout import FlowLayout
from companion.ui.settings.editors import ChoiceEditor, ShareEditor
from companion.ui.settings.form import Form
from companion.ui.workshop.data.part import LookingPart, hand
from companion.ui.workshop.desk import Desk

SENTENCE = (
    "What is to be measured must not be learned. Dialogues with the same words, and versions of the same one, always stay "
    "together, and the same dialogues are chosen every time."
)
WAYS: Final = {"hold out": "Hold a part out", "folds": "Folds that take turns"}
NONE: Final = ""


class Division(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    way: Annotated[
        Literal["hold out", "folds"],
        Meta(title="How", description="One part to measure with, or several of which each is measured after the others."),
    ] = "hold out"
    held_out: Annotated[
        float, Meta(ge=0.01, le=0.9, title="Held out", description="Share of the dialogues that is measured and never learned.")
    ] = 0.1
    folds: Annotated[int, Meta(ge=2, le=20, title="Folds", description="How many parts of about the same size.")] = 5
    group_by: Annotated[
        str, Meta(title="Keep together", description="Dialogues with the same value of this label go to the same side.")
    ] = NONE
    stratify_by: Annotated[
        str, Meta(title="Balance", description="Each part gets as much of each value of this label as the whole has.")
    ] = NONE


class DividePart(LookingPart):
    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, SENTENCE)
        fields = {field.name: field for field in fields_of(Division)}
        way = ChoiceEditor(fields["way"])
        way.offer(WAYS)
        self.together, self.balanced = ChoiceEditor(fields["group_by"]), ChoiceEditor(fields["stratify_by"])
        share = ShareEditor(fields["held_out"])
        editors: dict[str, Any] = {"way": way, "held_out": share, "group_by": self.together, "stratify_by": self.balanced}
        self._offer(())
        self.form = Form(Division, desk.theme, editors=editors)
        self.form.load(Division())
        self.write_button = hand(QPushButton("Divide"))
        self.made = plain_label("muted")
        buttons = FlowLayout()
        buttons.addWidget(self.write_button)
        self.column.addWidget(self.form)
        self.column.addWidget(self.made)
        self.column.addLayout(buttons)
        self.column.addWidget(self.row)
        self.column.addStretch(1)
        self.form.edited.connect(lambda _name: self._follow())
        self.write_button.clicked.connect(self.write)
        self._follow()

    def division(self) -> Division:
        return Division(**self.form.values())

    def write(self) -> None:
        """Ask for the parts, each a dataset."""
        wanted = self.division()
        output = free_dataset_folder(f"{self.name}, divided")
        request = SplitData(
            files=self.files,
            output=str(output),
            held_out=wanted.held_out,
            folds=wanted.folds if wanted.way == "folds" else 0,
            group_by=wanted.group_by,
            stratify_by=wanted.stratify_by,
        )
        self.write_requested.emit(request, f"Dividing “{self.name}”")

    def show_found(self) -> None:
        labels = self.labels()
        self._offer(tuple(labels))
        for name in ("group_by", "stratify_by"):
            self.form.rows[name].setVisible(bool(labels))
        self._follow()

    def _offer(self, labels: tuple[str, ...]) -> None:
        for editor, nothing in ((self.together, "Only what belongs together"), (self.balanced, "Nothing")):
            if editor.box.count() and editor.value() not in labels:
                editor.set_value(NONE)
            editor.offer({NONE: nothing} | {label: f"Label “{label}”" for label in labels})

    def _follow(self) -> None:
        wanted = self.division()
        self.form.rows["held_out"].setVisible(wanted.way == "hold out")
        self.form.rows["folds"].setVisible(wanted.way == "folds")
        count = self.dataset.source.dialogues if self.dataset is not None else 0
        held = round(wanted.held_out * count)
        told = {
            "hold out": f"Two datasets: about {count - held:,} dialogues to learn from, and {held:,} to measure with.",
            "folds": f"{wanted.folds} datasets of about {count // wanted.folds:,} dialogues.",
        }
        self.made.setText(told[wanted.way])
