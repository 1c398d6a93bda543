"""Everything about one dataset: what it is called, what can be done with all of it, and its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from companion.core.dataset_folder import OwnDataset
from companion.ui.cards import plain_label
from companion.ui.characters.editor_header import ElidedLabel
from companion.ui.chat.icon_button import IconButton
from companion.ui.scroll_page import at_the_left
from companion.ui.section_bar import SectionBar
from companion.ui.workshop.data.clean_part import CleanPart
from companion.ui.workshop.data.divide_part import DividePart
from companion.ui.workshop.data.overview import Overview
from companion.ui.workshop.data.part import WIDEST, Found, Part, hand
from companion.ui.workshop.data.topics_part import TopicsPart
from companion.ui.workshop.data.vary_part import VaryPart
from companion.ui.workshop.data.words import amounts, came, licence
from companion.ui.workshop.desk import Desk

PARTS: Final[dict[str, Callable[[Desk], Part]]] = {
    "Overview": Overview,
    "Clean": CleanPart,
    "Vary": VaryPart,
    "Topics": TopicsPart,
    "Divide": DividePart,
}


class DatasetDetails(QWidget):
    """Its parts are made when they are first looked at."""

    write_requested = Signal(object, str)
    description_changed = Signal(object)
    wanted = Signal(str)
    """ "teach", "export", "reveal" or "delete"."""
    back_requested = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.dataset: OwnDataset | None = None
        self._found: dict[tuple[str, str], Found] = {}
        """By folder and when it was made: another dataset may take its place."""
        self._is_writing = False
        self.parts: dict[str, Part] = {}
        self.back = IconButton(desk.theme, "chevron-left", "Back to the list of datasets")
        self.title, self.caption = ElidedLabel(), plain_label("caption")
        self.teach_button = hand(QPushButton("Teach from this"))
        self.more = IconButton(desk.theme, "more", "More about this dataset", side=36)
        self.menu = QMenu(self)
        self.actions_by_name = {
            name: self.menu.addAction(words)
            for name, words in (("export", "Export as JSONL…"), ("reveal", "Open its folder"), ("delete", "Delete"))
        }
        self.bar = SectionBar(desk.theme, tuple(PARTS), 2000)
        self.stack = QStackedWidget()
        self._build()
        for name, action in self.actions_by_name.items():
            action.triggered.connect(lambda _on=False, name=name: self.wanted.emit(name))
        self.more.clicked.connect(lambda: self.menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft())))
        self.teach_button.clicked.connect(lambda: self.wanted.emit("teach"))
        self.back.clicked.connect(self.back_requested)
        self.bar.chosen.connect(lambda number: self.show_part(list(PARTS)[number]))

    @property
    def part(self) -> Part | None:
        """The one that is shown."""
        shown = self.stack.currentWidget()
        return shown if isinstance(shown, Part) else None

    def show_dataset(self, dataset: OwnDataset) -> None:
        """Every part that was made shows this one from now on."""
        if dataset == self.dataset:
            return
        self.dataset = dataset
        self.title.show_words(dataset.source.name)
        self.caption.setText(" · ".join((amounts(dataset.source), licence(dataset.source), came(dataset.source))))
        for part in self.parts.values():
            part.show_dataset(dataset, self._found_of(dataset))
        if not self.parts:
            self.show_part("Overview")
        elif self.part is not None:
            self.part.begin()

    def show_part(self, name: str) -> None:
        """One of PARTS."""
        part = self.parts.get(name)
        if part is None:
            part = self.parts[name] = PARTS[name](self._desk)
            part.write_requested.connect(self.write_requested)
            if isinstance(part, Overview):
                part.description_changed.connect(self.description_changed)
            self.stack.addWidget(part)
            part.set_writing(self._is_writing)
        if self.dataset is not None:
            part.show_dataset(self.dataset, self._found_of(self.dataset))
        self.stack.setCurrentWidget(part)
        self.bar.mark(list(PARTS).index(name))
        part.begin()

    def set_writing(self, is_writing: bool) -> None:
        """Only one dataset is written at a time."""
        self._is_writing = is_writing
        self.actions_by_name["export"].setDisabled(is_writing)
        for part in self.parts.values():
            part.set_writing(is_writing)

    def set_compact(self, compact: bool) -> None:
        """Whether the list is another page, to which there is a way back."""
        self.back.setVisible(compact)

    def _found_of(self, dataset: OwnDataset) -> Found:
        return self._found.setdefault((str(dataset.folder), dataset.source.made), Found())

    def _build(self) -> None:
        self.title.setProperty("role", "title")
        self.teach_button.setProperty("role", "primary")
        self.back.hide()
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self.caption)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.back)
        top.addLayout(words, 1)
        top.addWidget(self.teach_button)
        top.addWidget(self.more)
        header = QVBoxLayout()
        header.setContentsMargins(0, 20, 0, 4)
        header.setSpacing(10)
        header.addLayout(top)
        header.addWidget(self.bar)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(at_the_left(header, WIDEST))
        column.addWidget(self.stack, 1)
