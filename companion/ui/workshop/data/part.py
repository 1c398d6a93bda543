"""What the parts of a dataset's page have in common: the dataset, what was found out about it, and what is to be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QGraphicsOpacityEffect, QPushButton, QVBoxLayout, QWidget

from companion.core.dataset_findings import CleaningOptions, Inspection, TopicMap
from companion.core.dataset_folder import OwnDataset
from companion.core.dataset_messages import InspectData, Inspected, Written
from companion.ui.cards import plain_label
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.workshop.data.source_form import Described
from companion.ui.workshop.data.work_row import WorkRow
from companion.ui.workshop.desk import Desk

WIDEST: Final = 900
EXAMPLES: Final = 50
FADED: Final = 0.5
"""How strongly one still sees what is out of date."""
SETTLE_MS: Final = 250
"""Whoever walks through the list with the arrow keys begins no process for each."""


@dataclass
class Found:
    """What was found out about a dataset while the window is open; None what nobody asked for yet."""

    inspection: Inspection | None = None
    cleaning: Inspection | None = None
    cleaned_with: CleaningOptions | None = None
    """The choices that `cleaning` was found with."""
    versions: Written | None = None
    versions_with: object = None
    """The choices that `versions` were made with."""
    topics: TopicMap | None = None
    said: Described | None = None
    """What the person began to say of it, and did not save yet."""


class Part(QWidget):
    """One part of a dataset's page, which scrolls; `row` shows work that only looks.

    What is to be written is asked for: it goes on when another dataset is looked at.
    """

    write_requested = Signal(object, str)
    """A request that has an output, and what is done, such as “Writing the clean copy”."""

    def __init__(self, desk: Desk, sentence: str) -> None:
        super().__init__()
        self.desk, self.theme = desk, desk.theme
        self.dataset: OwnDataset | None = None
        self.found = Found()
        self.row = WorkRow(desk.datasets)
        self.write_button: QPushButton | None = None
        """What writes a new dataset, where there is something."""
        self.column = QVBoxLayout()
        self.column.setContentsMargins(0, 12, 0, 32)
        self.column.setSpacing(12)
        if sentence:
            self.column.addWidget(plain_label("muted", sentence))
        fill_page(self, scroll_page(self.column, WIDEST, centred=False))

    def show_dataset(self, dataset: OwnDataset, found: Found) -> None:
        """Work on another dataset ends; what was found out about this one is shown again."""
        if self.dataset is None or dataset.folder != self.dataset.folder:
            self.row.stop()
        self.dataset, self.found = dataset, found
        self.show_found()

    def show_found(self) -> None:
        """Show what is known of the dataset; asked anew whenever that changes."""

    def begin(self) -> None:
        """It comes to the front: what needs no question is begun."""

    def set_writing(self, is_writing: bool) -> None:
        """Only one dataset is written at a time."""
        if self.write_button is not None:
            self.write_button.setDisabled(is_writing)
            self.write_button.setToolTip("Something is being written; wait until it is done." if is_writing else "")

    @property
    def files(self) -> tuple[str, ...]:
        return (str(self.dataset.folder),) if self.dataset is not None else ()

    @property
    def name(self) -> str:
        return self.dataset.source.name if self.dataset is not None else ""

    def labels(self) -> dict[str, dict[str, int]]:
        """How often each value of each label stands in it, as far as it was looked at."""
        return self.found.inspection.labels if self.found.inspection is not None else {}


class LookingPart(Part):
    """A part that needs to know what is in the dataset, and looks through it by itself while it is shown."""

    def __init__(self, desk: Desk, sentence: str) -> None:
        super().__init__(desk, sentence)
        self._wait = QTimer(self, interval=SETTLE_MS, singleShot=True)
        self._wait.timeout.connect(self._look)
        self.row.done.connect(self._looked)

    def begin(self) -> None:
        if self.found.inspection is None and not self.row.is_running:
            self._wait.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.begin()

    def hideEvent(self, event: QHideEvent) -> None:
        """Another part looks for itself."""
        super().hideEvent(event)
        self._wait.stop()
        self.row.stop()

    def _look(self) -> None:
        if self.files and self.isVisible() and self.found.inspection is None:
            self.row.begin(InspectData(files=self.files, model=self.desk.model_of_now, examples=EXAMPLES), "Looking through it")

    def _looked(self, event: Inspected) -> None:
        self.found.inspection = event.inspection
        self.show_found()


def hand(button: QPushButton) -> QPushButton:
    """With the pointer of something to press."""
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    return button


def fade(widget: QWidget, is_old: bool) -> None:
    """Let what is out of date be seen to be so; it stays where it is, and can be read."""
    effect = widget.graphicsEffect()
    if effect is None and is_old:
        effect = QGraphicsOpacityEffect(widget, opacity=FADED)
        widget.setGraphicsEffect(effect)
    if effect is not None:
        effect.setEnabled(is_old)
