"""What was found in other programs' folders: the person chooses what to show in the library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.core.amounts import bytes_text
from companion.core.library.elsewhere import Elsewhere
from companion.ui.cards import empty
from companion.ui.scroll_page import fill_page, scroll_page

WIDEST = 720
NOTHING = "No other models of LM Studio, GPT4All, Ollama or the Hugging Face cache were found in their usual folders."


class FoundView(QWidget):
    link_requested = Signal(object)
    """A list of paths."""
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.sentence, self.boxes = QLabel(), list[QCheckBox]()
        self.link_button, self.back_button = QPushButton("Show them in the library"), QPushButton("Back")
        self._paths: list[Path] = []
        self._groups = QVBoxLayout()
        self._build()
        self.link_button.clicked.connect(self._link)
        self.back_button.clicked.connect(self.left)

    def show_looking(self) -> None:
        """The folders are being looked at."""
        self.show_found(())
        self.sentence.setText("Looking into the folders of other programs…")

    def show_found(self, found: Sequence[Elsewhere]) -> None:
        """Every model, below its program's name; all are ticked."""
        empty(self._groups)
        self.boxes, self._paths = [], [each.path for each in found]
        for program in dict.fromkeys(each.program for each in found):
            self._groups.addWidget(self._group(program, [each for each in found if each.program == program]))
        self.sentence.setText(
            "They are used where they are: nothing is copied, and nothing in those folders is changed." if found else NOTHING
        )
        self.link_button.setVisible(bool(found))
        self._count()

    def _group(self, program: str, found: Sequence[Elsewhere]) -> QFrame:
        card, heading = QFrame(), QLabel(program)
        card.setProperty("role", "card")
        heading.setProperty("role", "heading")
        column = QVBoxLayout(card)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(8)
        column.addWidget(heading)
        for each in found:
            box, size = QCheckBox(each.name), QLabel(bytes_text(each.bytes))
            box.setChecked(True)
            box.setToolTip(str(each.path))
            box.setAccessibleName(f"{each.name}, {bytes_text(each.bytes)}")
            box.toggled.connect(self._count)
            box.setMinimumWidth(1)
            size.setProperty("role", "caption")
            self.boxes.append(box)
            row = QHBoxLayout()
            row.addWidget(box, 1)
            row.addWidget(size)
            column.addLayout(row)
        return card

    def _chosen(self) -> list[Path]:
        return [path for path, box in zip(self._paths, self.boxes, strict=True) if box.isChecked()]

    def _count(self) -> None:
        self.link_button.setEnabled(bool(self._chosen()))

    def _link(self) -> None:
        self.link_requested.emit(self._chosen())

    def _build(self) -> None:
        self.sentence.setProperty("role", "muted")
        self.sentence.setWordWrap(True)
        self.link_button.setProperty("role", "primary")
        self.back_button.setProperty("role", "quiet")
        self._groups.setSpacing(12)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.link_button, self.back_button):
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout()
        column.setContentsMargins(0, 8, 0, 32)
        column.setSpacing(12)
        column.addWidget(self.sentence)
        column.addLayout(self._groups)
        column.addLayout(buttons)
        column.addStretch(1)
        fill_page(self, scroll_page(column, WIDEST))
