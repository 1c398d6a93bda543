"""What is in a dataset: numbers, how long things are, who speaks, dialogues to page through, and where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.core.amounts import counted
from companion.core.dataset_findings import Inspection
from companion.core.dataset_folder import OwnDataset
from companion.ui.cards import card, fill_card, plain_label
from companion.ui.theme import BODY
from companion.ui.workshop.data.examples_card import ExamplesCard
from companion.ui.workshop.data.length_chart import LengthChart
from companion.ui.workshop.data.part import Found, LookingPart, hand
from companion.ui.workshop.data.source_form import SourceForm
from companion.ui.workshop.data.words import FORMS, ROLES, made_when
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.jobs.job_figures import Figure, FigureStrip

SIDE_BY_SIDE: Final = 560
MOST_VALUES: Final = 8
"""Values of a label that are told."""
MOST_SOURCES: Final = 5


class Overview(LookingPart):
    description_changed = Signal(object)
    """A Described: what the person says of the dataset now."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, "")
        self.figures = FigureStrip()
        self.replies = LengthChart(desk.theme, "reply", "words")
        self.dialogues = LengthChart(desk.theme, "dialogue", "tokens")
        self.turns = LengthChart(desk.theme, "dialogue", "turns")
        self.speakers, self.labels_told, self.preferences = plain_label(), plain_label("muted"), plain_label("muted")
        self.examples = ExamplesCard(desk.theme)
        self.origin, self.steps = plain_label("muted"), plain_label("caption")
        self.source_form, self.save_button = SourceForm(desk.theme), QPushButton("Save what is said")
        self._known_source: object = None
        self._charts, self._inside = QFrame(), QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._chart_boxes: dict[LengthChart, QWidget] = {}
        self._people = card("Who speaks", self.speakers, self.labels_told, self.preferences)
        self._build()
        self.source_form.edited.connect(lambda: self.save_button.setVisible(self.source_form.is_changed))
        self.save_button.clicked.connect(lambda: self.description_changed.emit(self.source_form.described()))

    def show_dataset(self, dataset: OwnDataset, found: Found) -> None:
        """What the person began to say of the one before waits for them there."""
        if self.dataset is not None:
            self.found.said = self.source_form.described() if self.source_form.is_changed else None
        super().show_dataset(dataset, found)

    def show_found(self) -> None:
        if self.dataset is None:
            return
        if self._known_source != self.dataset:
            self._known_source = self.dataset
            self.source_form.show_source(self.dataset.source)
            if self.found.said is not None:
                self.source_form.say(self.found.said)
            self.save_button.setVisible(self.source_form.is_changed)
            self._show_origin()
        found = self.found.inspection
        for widget in (self._charts, self._people, self.examples):
            widget.setVisible(found is not None)
        self.figures.show_figures(self._figures(found))
        if found is not None:
            self._show_inspection(found)

    def _figures(self, found: Inspection | None) -> list[Figure]:
        if self.dataset is None:
            return []
        source = self.dataset.source
        counts = (found.dialogues, found.turns, found.words) if found else (source.dialogues, source.turns, source.words)
        named = zip(("Dialogues", "Turns", "Words"), counts, strict=True)
        figures = [Figure(title, f"{count:,}") for title, count in named if count]
        if found is not None and found.tokens:
            figures.append(Figure("Tokens", f"{found.tokens:,}"))
        if found is not None and found.learned_replies:
            figures.append(Figure("Replies to learn from", f"{found.learned_replies:,}"))
        return figures

    def _show_inspection(self, found: Inspection) -> None:
        self.replies.show_spread(found.words_per_reply)
        self.turns.show_spread(found.turns_per_dialogue)
        tokens = found.tokens_per_dialogue
        self._chart_boxes[self.dialogues].setVisible(tokens is not None)
        self._chart_boxes[self.turns].setVisible(tokens is None)
        if tokens is not None:
            self.dialogues.show_spread(tokens)
        self.speakers.setText("\n".join(
            f"{ROLES.get(role, role)}: {counted(count.turns, 'turn')}, {counted(count.words, 'word')}"
            for role, count in found.roles.items()
        ))  # fmt: skip
        self.labels_told.setText("\n".join(
            f"Label “{name}”: " + ", ".join(f"{value} {count:,}" for value, count in list(values.items())[:MOST_VALUES])
            for name, values in found.labels.items()
        ))  # fmt: skip
        self.labels_told.setVisible(bool(found.labels))
        self.preferences.setText(found.preferences)
        self.preferences.setVisible(bool(found.preferences))
        self.examples.show_dialogues(found.examples, found.dialogues)

    def _show_origin(self) -> None:
        if self.dataset is None:
            return
        source = self.dataset.source
        form = ", ".join(FORMS.get(each, each) for each in source.form.split(", ") if each)
        made = made_when(source)
        told = [f"From {_sources(source.origin)}", f"They were {form}." if form else "", f"Made {made}." if made else ""]
        self.origin.setText("\n".join(filter(None, told)))
        one_by_one = (f"{number}. {step}" for number, step in enumerate(source.steps, 1))
        self.steps.setText("\n".join(source.steps if len(source.steps) == 1 else one_by_one))
        self.steps.setVisible(bool(source.steps))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() >= SIDE_BY_SIDE * max(self.theme.font_size / BODY, 1.0)
        self._inside.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)

    def _build(self) -> None:
        self._inside.setSpacing(24)
        for chart, title in (
            (self.replies, "Words per reply"),
            (self.dialogues, "Tokens per dialogue, as your model counts"),
            (self.turns, "Turns per dialogue"),
        ):
            box = self._chart_boxes[chart] = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            column.addWidget(plain_label("caption", title))
            column.addWidget(chart)
            column.addStretch(1)
            self._inside.addWidget(box, 1)
        fill_card(self._charts, "How long", self._inside)
        self.save_button.hide()
        said = QLabel("What is said of it")
        said.setProperty("role", "heading")
        came = card("Where it came from", self.origin, self.steps, said, self.source_form, hand(self.save_button))
        for widget in (self.row, self.figures, self._charts, self._people, self.examples, came):
            self.column.addWidget(widget)
        self.column.addStretch(1)


def _sources(origin: str) -> str:
    """Each on a line of its own, without the way to the person's own folder; the first few."""
    told = [each.replace(str(Path.home()), "~") for each in origin.split("; ")]
    return "\n".join((*told[:MOST_SOURCES], *([f"and {len(told) - MOST_SOURCES:,} more"] if len(told) > MOST_SOURCES else [])))
