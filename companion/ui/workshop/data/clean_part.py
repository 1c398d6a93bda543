"""Cleaning a dataset: what is looked for, what was found, before and after, and a clean copy."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from companion.core.dataset_findings import MASKS, STEPS, CleaningOptions
from companion.core.dataset_folder import free_dataset_folder
from companion.core.dataset_messages import InspectData, Inspected, WriteDataset
from companion.core.fields import fields_of
from companion.ui.cards import plain_label
from companion.ui.explained import Explained
from companion.ui.flow_layout import FlowLayout
from companion.ui.fold import Fold
from companion.ui.settings.editors import ChoiceEditor
from companion.ui.settings.form import Form
from companion.ui.theme import Theme
from companion.ui.workshop.data.findings_list import FindingsList
from companion.ui.workshop.data.part import Part, fade, hand
from companion.ui.workshop.data.words import HIDDEN, LANGUAGES
from companion.ui.workshop.data.words import STEPS as STEP_WORDS
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.recipe.recipe_editors import FineNumberEditor

SENTENCE = "Cleaning finds what nobody should learn. Look first: the dataset stays as it is, only a copy of it is cleaned."
CHANGED = "Changed since: this was found with other choices. Look again to see what these find."


class CleanPart(Part):
    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, SENTENCE)
        self.options = CleaningForm(desk.theme)
        self.fold = Fold(desk.theme, "What is looked for")
        self.look_button = hand(QPushButton("Look"))
        self.write_button = hand(QPushButton("Write a clean copy"))
        self.summary, self.findings = plain_label(), FindingsList(desk.theme)
        self.heading = plain_label("muted")
        self._asked = CleaningOptions()
        """With which it is looked."""
        self.fold.set_content(self.options)
        buttons = FlowLayout()
        buttons.addWidget(self.look_button)
        buttons.addWidget(self.write_button)
        self.column.addWidget(self.fold)
        self.column.addLayout(buttons)
        for widget in (self.row, self.summary, self.heading, self.findings):
            self.column.addWidget(widget)
        self.column.addStretch(1)
        self.options.edited.connect(self._options_changed)
        self.look_button.clicked.connect(self.look)
        self.write_button.clicked.connect(self.write)
        self.row.done.connect(self._inspected)

    def look(self) -> None:
        """Find out what a cleaning would do; what was found before stays until then."""
        self._asked = self.options.cleaning()
        self.row.begin(InspectData(files=self.files, cleaning=self._asked), "Looking for what is wrong")

    def write(self) -> None:
        """Ask for a clean copy."""
        name = f"{self.name}, clean"
        request = WriteDataset(
            files=self.files, output=str(free_dataset_folder(name)), cleaning=self.options.cleaning(), name=name
        )
        self.write_requested.emit(request, f"Writing “{name}”")

    def show_found(self) -> None:
        found = self.found.cleaning
        for label in (self.summary, self.heading):
            label.setVisible(found is not None)
        self.findings.show_findings(found.findings if found is not None else ())
        if found is not None:
            self.summary.setText(f"A clean copy has {found.kept_by_cleaning:,} of {found.dialogues:,} dialogues.")
        self._follow()

    def _inspected(self, event: Inspected) -> None:
        self.found.cleaning, self.found.cleaned_with = event.inspection, self._asked
        self.show_found()

    def _follow(self) -> None:
        """What was found with other choices keeps its place, so that nothing jumps under the pointer, and looks its age."""
        found = self.found.cleaning
        is_old = found is not None and self.found.cleaned_with != self.options.cleaning()
        told = "What was found:" if found is not None and found.findings else "Nothing was found to clean."
        self.heading.setText(CHANGED if is_old else told)
        for widget in (self.summary, self.findings):
            fade(widget, is_old)

    def _options_changed(self) -> None:
        changed = self.options.changed()
        self.fold.set_note(f"{changed} changed" if changed else "")
        self.row.stop()
        self._follow()


class CleaningForm(QWidget):
    """`cleaning` is what the form says now."""

    edited = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        fields = {field.name: field for field in fields_of(CleaningOptions)}
        language = ChoiceEditor(fields["language"])
        language.offer(LANGUAGES)
        editors = {"language": language, "similar": FineNumberEditor(fields["similar"])}
        self.form = Form(CleaningOptions, theme, tuple(editors), editors)
        self.steps, self.masks = dict[str, QCheckBox](), dict[str, QCheckBox]()
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 0, 0, 8)
        column.setSpacing(14)
        for boxes, names, told in ((self.steps, STEPS, STEP_WORDS), (self.masks, MASKS, HIDDEN)):
            for name in names:
                boxes[name] = QCheckBox(told[name][0])
                boxes[name].setChecked(boxes is self.steps)
                boxes[name].clicked.connect(self.edited)
                column.addWidget(Explained(boxes[name], told[name][1]))
        column.addWidget(self.form)
        self.form.edited.connect(lambda _name: self.edited.emit())

    def cleaning(self) -> CleaningOptions:
        values: dict[str, Any] = self.form.values()
        skip = tuple(step for step, box in self.steps.items() if not box.isChecked())
        return CleaningOptions(**values, skip=skip, mask=tuple(name for name, box in self.masks.items() if box.isChecked()))

    def changed(self) -> int:
        """Options that are not as usual."""
        now, usual = self.cleaning(), CleaningOptions()
        return sum(getattr(now, name) != getattr(usual, name) for name in now.__struct_fields__)
