"""Adding dialogues: what was recognised in the files, what is wrong with them, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.core.amounts import counted
from companion.core.dataset import CONVERSATION_PREFIX, DatasetSource
from companion.core.dataset_findings import LEAVES_OUT, CleaningOptions, Inspection, SourceLook
from companion.core.dataset_folder import free_dataset_folder
from companion.core.dataset_messages import InspectData, Inspected, WriteDataset
from companion.ui.card_list import CardRow
from companion.ui.cards import card, fill_card, plain_label
from companion.ui.chat.icon_button import IconButton
from companion.ui.explained import Explained
from companion.ui.flow_layout import FlowLayout
from companion.ui.fold import Fold
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.workshop.data.examples_card import ExamplesCard
from companion.ui.workshop.data.part import WIDEST, hand
from companion.ui.workshop.data.source_form import SourceForm
from companion.ui.workshop.data.words import FORMS
from companion.ui.workshop.data.work_row import WorkRow
from companion.ui.workshop.desk import Desk

EXAMPLES: Final = 12
MOST_LINES: Final = 12
"""Files that are told one by one; those with a problem come first."""
MOST_PROBLEMS: Final = 6
"""Lines about what cannot be read that are shown at once."""


class ImportSheet(QWidget):
    """Looks into what it is given, asks what is said of it, and then for a dataset."""

    write_requested = Signal(object, str)
    changed = Signal()
    """What its row in the list tells."""
    left = Signal()
    back_requested = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.files: tuple[str, ...] = ()
        self._titles: Mapping[str, str] = {}
        self._name_of_all = ""
        self.found: Inspection | None = None
        self._is_known = False
        """Whether these were looked into before more came: what the person has said of them is kept."""
        self.back = IconButton(desk.theme, "chevron-left", "Back to the list of datasets")
        self.title, self.row = plain_label("title", "Add dialogues"), WorkRow(desk.datasets)
        self.recognised, self.problems = plain_label(), plain_label("problem")
        self.more_problems, self._rest_of_problems = Fold(desk.theme, "What else cannot be read"), plain_label("caption")
        self.examples, self.source_form = ExamplesCard(desk.theme), SourceForm(desk.theme)
        self.clean_box = QCheckBox("Clean them while they are added")
        self.clean_line = Explained(self.clean_box)
        self.add_button, self.cancel_button = hand(QPushButton("Add")), hand(QPushButton("Cancel"))
        self._looked = QFrame()
        self._said: QFrame
        self._is_writing = False
        self.row.progress.stop_button.hide()  # Cancel does it
        self._build()
        self.row.done.connect(self._inspected)
        self.row.changed.connect(lambda _going: self._follow())
        self.add_button.clicked.connect(self.add)
        self.cancel_button.clicked.connect(self.leave)
        self.back.clicked.connect(self.back_requested)
        self.source_form.edited.connect(self.changed)

    @property
    def is_open(self) -> bool:
        return bool(self.files)

    def show_files(self, files: Sequence[str], titles: Mapping[str, str], name: str = "") -> None:
        """Look into these and what is here already, without what was refused before; `titles` names conversations by their
        source, `name` all of them."""
        kept = self._readable() if self.found is not None or not self.row.is_running else self.files
        self._name_of_all = "" if kept else name
        self.files = tuple(dict.fromkeys((*kept, *files)))
        self._titles = {**self._titles, **titles}
        self.found = None
        self.row.begin(InspectData(files=self.files, examples=EXAMPLES, each=True), "Looking into them")
        self._follow()

    def add(self) -> None:
        """Ask for a dataset of what was recognised."""
        if self.found is None:
            return
        said = self.source_form.described()
        request = WriteDataset(
            files=self._readable(),
            output=str(free_dataset_folder(said.name)),
            cleaning=CleaningOptions() if self.clean_box.isChecked() else None,
            name=said.name,
            licence=said.licence,
            attribution=said.attribution,
            consent=said.consent,
        )
        self.write_requested.emit(request, f"Writing “{said.name}”")

    def leave(self) -> None:
        """Forget the files; nothing was written."""
        self.forget()
        self.left.emit()

    def forget(self) -> None:
        """Nothing waits to be added any more."""
        self.row.stop()
        self.files, self.found, self._is_known = (), None, False
        self.clean_box.setChecked(False)

    def card_row(self, key: str) -> CardRow:
        """What waits to be added, for the list of datasets."""
        shown = self._readable() or self.files
        first, more = shown[0], len(shown) - 1
        files = f"{self._name(first)} and {more:,} more" if more else self._name(first)
        amounts = (
            "" if self.found is None else f"{counted(self.found.dialogues, 'dialogue')}, {counted(self.found.words, 'word')}"
        )
        name = self._name_of_all or (self._name(first) if first.startswith(CONVERSATION_PREFIX) else Path(first).stem)
        name = self.source_form.described().name if self._is_known else name
        return CardRow(key, name, ("Not added yet", amounts, files))

    def set_compact(self, compact: bool) -> None:
        """Whether the list is another page, to which there is a way back."""
        self.back.setVisible(compact)

    def set_writing(self, is_writing: bool) -> None:
        self._is_writing = is_writing
        self._follow()

    # Inside

    def _inspected(self, event: Inspected) -> None:
        found = self.found = event.inspection
        recognised, problems = self._lines(found.looks)
        total = f"{counted(found.dialogues, 'dialogue')}, {counted(found.turns, 'turn')}, {counted(found.words, 'word')}."
        self.recognised.setText("\n".join((total, *recognised)))
        self._show_problems(problems)
        self.examples.show_dialogues(found.examples, found.dialogues)
        self.clean_line.say(_would_clean(found))
        self.clean_box.setEnabled(any(finding.changes for finding in found.findings))
        self.source_form.show_source(self._suggested(found), keep=self._is_known)
        self._is_known = True
        self._follow()
        self.changed.emit()
        if self.isVisible():  # whoever looks at something else meanwhile goes on there
            self.add_button.setFocus()

    def _show_problems(self, problems: Sequence[str]) -> None:
        """Many stand behind a line to press."""
        self.problems.setText("\n".join(problems[:MOST_PROBLEMS]))
        self.problems.setVisible(bool(problems))
        rest = problems[MOST_PROBLEMS:]
        self.more_problems.setVisible(bool(rest))
        self.more_problems.set_note(f"{len(rest):,} more")
        self._rest_of_problems.setText("\n".join(rest))

    def _suggested(self, found: Inspection) -> DatasetSource:
        readable = self._readable()
        source = found.source or DatasetSource(name="dialogues", origin="")
        if all(file.startswith(CONVERSATION_PREFIX) for file in readable):
            return replace(source, name=self._name(readable[0]) if len(readable) == 1 else "Conversations")
        return replace(source, name=self._name_of_all) if self._name_of_all and len(readable) > 1 else source

    def _lines(self, looks: Mapping[str, SourceLook]) -> tuple[list[str], list[str]]:
        """What was recognised, and what is wrong, a line for each file."""
        good = [
            f"{self._name(file)}: {FORMS.get(look.form, look.form)}, {counted(look.dialogues, 'dialogue')}"
            for file, look in looks.items()
            if look.dialogues
        ]
        bad = [f"Left out: {why}" for look in looks.values() if not look.dialogues for why in look.problems]
        for look in looks.values():
            if look.dialogues and look.broken:
                told = f"{counted(look.broken, 'dialogue')} cannot be read and will be left out:"
                bad += [f"{told} {look.problems[0]}"] if look.broken == 1 else [told, *(f"– {why}" for why in look.problems)]
                if (hidden := look.broken - len(look.problems)) > 0:
                    bad.append(f"– and {hidden:,} more like these.")
        return _shortened(good), bad

    def _readable(self) -> tuple[str, ...]:
        """Those in which something was recognised."""
        return tuple(file for file, look in self.found.looks.items() if look.dialogues) if self.found is not None else ()

    def _name(self, file: str) -> str:
        return self._titles.get(file, Path(file).name)

    def _follow(self) -> None:
        for widget in (self._looked, self._said):
            widget.setVisible(self.found is not None)
        self.examples.setVisible(self.found is not None and bool(self.found.examples))
        self.add_button.setEnabled(self.found is not None and not self._is_writing)
        self.add_button.setToolTip("Something is being written; wait until it is done." if self._is_writing else "")

    def _build(self) -> None:
        self.add_button.setProperty("role", "primary")
        fill_card(self._looked, "What was recognised", self.recognised, self.problems, self.more_problems)
        self.more_problems.set_content(self._rest_of_problems)
        self._said = card("What is said of them", self.source_form, self.clean_line)
        buttons = FlowLayout()
        buttons.addWidget(self.add_button)
        buttons.addWidget(self.cancel_button)
        column = QVBoxLayout()
        column.setContentsMargins(0, 20, 0, 32)
        column.setSpacing(12)
        nothing = QLabel("The files stay as they are: what is added is a copy, in Companion's own folder.")
        nothing.setProperty("role", "muted")
        nothing.setWordWrap(True)
        self.back.hide()
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.back)
        top.addWidget(self.title, 1)
        column.addLayout(top)
        for widget in (nothing, self.row, self._looked, self._said, self.examples):
            column.addWidget(widget)
        column.insertLayout(column.count() - 1, buttons)
        column.addStretch(1)
        fill_page(self, scroll_page(column, WIDEST, centred=False))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._follow()


def _shortened(lines: list[str]) -> list[str]:
    hidden = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"… and {hidden:,} more"] if hidden > 1 else lines


def _would_clean(found: Inspection) -> str:
    """What a cleaning would keep, and what takes the others out."""
    if not any(finding.changes for finding in found.findings):
        return "There is nothing to clean in them."
    stay, later = (
        f"{found.kept_by_cleaning:,} of {found.dialogues:,} dialogues would stay",
        "It can be done later, too, step by step.",
    )
    why = [finding.sentence for finding in found.findings if finding.step in LEAVES_OUT]
    return f"{stay}: {' '.join(why)} {later}" if why else f"{stay}, with some of their words mended. {later}"
