"""The first step: what she learns from. Conversations that were judged come first."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from companion.app.datasets import Datasets
from companion.app.teaching import Teaching
from companion.core.amounts import counted
from companion.core.dataset import CONVERSATION_PREFIX
from companion.ui.cards import plain_label
from companion.ui.characters.editor_header import ElidedLabel
from companion.ui.flow_layout import FlowLayout
from companion.ui.workshop.teach.step import Step

FEW = 5
"""So many stand there at first, and whatever is chosen."""
TITLE = "What does she learn from?"


class _Known(NamedTuple):
    source: str
    title: str
    caption: str


class _Row(QWidget):
    """One source with its box; a press anywhere ticks it. A long title gives way, so that nothing pushes the page wider."""

    def __init__(self, known: _Known) -> None:
        super().__init__()
        self.box = QCheckBox()
        self.box.setAccessibleName(f"{known.title}, {known.caption}")
        title = ElidedLabel()
        title.show_words(known.title)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(title)
        texts.addWidget(plain_label("caption", known.caption, is_selectable=False))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.box, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(texts, 1)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.box.click()


class SourcesStep(Step):
    """Shows what there is, and what of it is chosen."""

    picked = Signal(object)
    """A tuple of sources, as recipes name them."""

    def __init__(self, teaching: Teaching, datasets: Datasets) -> None:
        super().__init__(1, TITLE)
        self._teaching, self._datasets = teaching, datasets
        self._shown: tuple[_Known, ...] = ()
        self._shows_all = False
        self.boxes: dict[str, QCheckBox] = {}
        self._rows = QWidget()
        self.all_button, self.add_button = QPushButton(), QPushButton("Add files…")
        self.all_button.setProperty("role", "quiet")
        self.add_button.setToolTip("Dialogues or texts; you can also drop them on this page")
        self.all_button.clicked.connect(self._show_all)
        self.add_button.clicked.connect(self._ask_for_files)
        self.column.addWidget(self._rows)
        buttons = QWidget()
        flow = FlowLayout()
        flow.setContentsMargins(0, 0, 0, 0)
        buttons.setLayout(flow)
        flow.addWidget(self.add_button)
        flow.addWidget(self.all_button)
        self.column.addWidget(buttons)

    def refresh(self) -> None:
        """Show what there is now; rows are made anew only when there are others."""
        known = self._known()
        chosen = self._teaching.sources
        shown = tuple(each for number, each in enumerate(known) if self._shows_all or number < FEW or each.source in chosen)
        self.sentence.setText(self._sentence(known))
        self.sentence.show()
        if shown != self._shown:
            self._shown = shown
            self._make_rows()
        for source, box in self.boxes.items():
            box.setChecked(source in chosen)
        rest = len(known) - len(shown)
        self.all_button.setText(f"Show {rest:,} more")
        self.all_button.setVisible(rest > 0)

    def _sentence(self, known: tuple[_Known, ...]) -> str:
        her = self._teaching.her
        if not known:
            return f"{her} learns from what you say to each other: talk with her and give thumbs, or add dialogues as files."
        return f"{her} learns most from conversations in which you gave thumbs or wrote what she should have said."

    def _known(self) -> tuple[_Known, ...]:
        talks = [
            _Known(f"{CONVERSATION_PREFIX}{talk.conversation}", talk.title or "New conversation", talk.words)
            for talk in self._teaching.talks()
        ]
        datasets = [
            _Known(str(own.folder), own.source.name, f"dataset · {counted(own.source.dialogues, 'dialogue')}")
            for own in self._datasets.own
        ]
        there = {each.source for each in (*talks, *datasets)}
        files = [
            _Known(source, Path(source).name, "file")
            for source in self._teaching.sources
            if source not in there and not source.startswith(CONVERSATION_PREFIX)
        ]
        return (*talks, *files, *datasets)

    def _make_rows(self) -> None:
        focused = next((source for source, box in self.boxes.items() if box.hasFocus()), "")
        rows, self.boxes = QWidget(), {}
        column = QVBoxLayout(rows)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for known in self._shown:
            row = _Row(known)
            row.box.clicked.connect(lambda _checked=False: self._pick())
            column.addWidget(row)
            self.boxes[known.source] = row.box
        self.column.replaceWidget(self._rows, rows)
        self._rows.hide()
        self._rows.deleteLater()
        self._rows = rows
        rows.setVisible(bool(self.boxes))
        if focused in self.boxes:
            self.boxes[focused].setFocus()

    def _pick(self) -> None:
        self.picked.emit(tuple(source for source, box in self.boxes.items() if box.isChecked()))

    def _show_all(self) -> None:
        self._shows_all = True
        self.refresh()

    def _ask_for_files(self) -> None:
        from companion.ui.file_dialogs import ask_for_dialogues

        if paths := ask_for_dialogues(self):
            self.picked.emit((*self._teaching.sources, *map(str, paths)))
