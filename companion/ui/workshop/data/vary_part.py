"""Other versions of dialogues: which methods, what they do to a few of them, and a dataset with all of them."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta
from PySide6.QtWidgets import QPushButton

from companion.core.amounts import counted
from companion.core.dataset_folder import free_dataset_folder
from companion.core.dataset_messages import AugmentData, Whose, Written
from companion.core.fields import fields_of
from companion.ui.cards import plain_label
from companion.ui.flow_layout import FlowLayout
from companion.ui.fold import Fold
from companion.ui.settings.editors import ChoiceEditor
from companion.ui.settings.form import Form
from companion.ui.workshop.data.findings_list import FindingsList
from companion.ui.workshop.data.part import Part, fade, hand
from companion.ui.workshop.desk import Desk

SENTENCE = (
    "A few dialogues teach more when some are said in other ways, too. Each method adds one more version of a dialogue; "
    "splits keep all versions on one side."
)
CHANGED: Final = "Changed since: these were made with other choices. Show some again to see what these make."
NOTHING: Final = "None of them can be changed in this way: choose another one, or more words."
PREVIEWED: Final = 6
"""Dialogues that are shown before and after."""
METHODS: Final = ("synonyms", "delete", "swap", "shuffle", "paraphrase")
WHOSE: Final = {"user": "What you say", "assistant": "What she says", "all": "What both say"}


class Variation(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    synonyms: Annotated[
        bool,
        Meta(
            title="Other words",
            description="Some words become a synonym, or a word that the model uses in like places: see if it says the same.",
        ),
    ] = True
    delete: Annotated[bool, Meta(title="Fewer words", description="Some words are left out, as in words typed in haste.")] = False
    swap: Annotated[bool, Meta(title="Words swapped", description="Some words change places with the next one.")] = False
    shuffle: Annotated[
        bool, Meta(title="Sentences in another order", description="All but the last sentence of a turn change places.")
    ] = False
    paraphrase: Annotated[
        bool,
        Meta(
            title="Rewritten by the model",
            description="The model you chat with says it in its own words; rubbish is thrown away. Seconds for each turn.",
        ),
    ] = False
    share: Annotated[
        float,
        Meta(ge=0.02, le=0.5, title="Share of words", description="Of a turn, which the first three methods change."),
    ] = 0.1
    whose: Annotated[
        Whose, Meta(title="Whose words", description="She learns to say her own words: varying yours leaves them as they are.")
    ] = "user"


class VaryPart(Part):
    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, SENTENCE)
        whose = ChoiceEditor(next(field for field in fields_of(Variation) if field.name == "whose"))
        whose.offer(WHOSE)
        self.methods = Form(Variation, desk.theme, METHODS)
        self.knobs = Form(Variation, desk.theme, ("share", "whose"), {"whose": whose})
        self.fold = Fold(desk.theme, "How much, and whose words")
        self.look_button = hand(QPushButton("Show some"))
        self.write_button = hand(QPushButton("Add versions"))
        self.summary, self.findings = plain_label(), FindingsList(desk.theme)
        self._asked = Variation()
        """With which some are shown."""
        self.knobs.setContentsMargins(20, 0, 0, 8)
        self.fold.set_content(self.knobs)
        buttons = FlowLayout()
        buttons.addWidget(self.look_button)
        buttons.addWidget(self.write_button)
        self.column.addWidget(self.methods)
        self.column.addWidget(self.fold)
        self.column.addLayout(buttons)
        for widget in (self.row, self.summary, self.findings):
            self.column.addWidget(widget)
        self.column.addStretch(1)
        for form in (self.methods, self.knobs):
            form.load(Variation())
            form.edited.connect(lambda _name: self._edited())
        self.look_button.clicked.connect(self.look)
        self.write_button.clicked.connect(self.write)
        self.row.done.connect(self._varied)

    def look(self) -> None:
        """Show what would be made of the first few dialogues; what was shown before stays until then."""
        self._asked = self.variation()
        self.row.begin(self._request(most=PREVIEWED), "Saying some in other ways")

    def write(self) -> None:
        """Ask for a dataset with the dialogues and their versions."""
        name = f"{self.name}, varied"
        self.write_requested.emit(self._request(output=str(free_dataset_folder(name)), name=name), f"Writing “{name}”")

    def variation(self) -> Variation:
        return Variation(**self.methods.values(), **self.knobs.values())

    def set_writing(self, is_writing: bool) -> None:
        super().set_writing(is_writing)
        if not is_writing:
            self._follow()

    def show_found(self) -> None:
        found = self.found.versions
        self.summary.setVisible(found is not None)
        self.findings.show_findings(found.findings if found is not None else (), opened=True)
        self._follow()

    def _request(self, *, most: int = 0, output: str = "", name: str = "") -> AugmentData:
        wanted = self.variation()
        return AugmentData(
            files=self.files,
            output=output,
            name=name,
            synonyms=wanted.share * wanted.synonyms,
            delete=wanted.share * wanted.delete,
            swap=wanted.share * wanted.swap,
            shuffle=wanted.shuffle,
            paraphrase=wanted.paraphrase,
            whose=wanted.whose,
            most=most,
            model=self.desk.model_of_now,
        )

    def _varied(self, event: Written) -> None:
        self.found.versions, self.found.versions_with = event, self._asked
        self.show_found()

    def _edited(self) -> None:
        self.row.stop()
        self._follow()

    def _follow(self) -> None:
        self._follow_shown()
        is_asked = any(self.methods.values().values())
        self.look_button.setEnabled(is_asked)
        if self.write_button is not None and not is_asked:
            self.write_button.setEnabled(False)
        elif self.write_button is not None and not self.write_button.toolTip():
            self.write_button.setEnabled(True)

    def _follow_shown(self) -> None:
        """What was shown of other choices keeps its place, so that nothing jumps under the pointer, and looks its age."""
        found = self.found.versions
        if found is None:
            return
        is_old = self.found.versions_with != self.variation()
        # With `most`, those that were read are all that were asked for, or all there are.
        read = counted(found.dialogues - found.made, "dialogue")
        told = f"{read}, {counted(found.made, 'version')} of them:" if found.made else NOTHING
        self.summary.setText(CHANGED if is_old else told)
        fade(self.findings, is_old)
