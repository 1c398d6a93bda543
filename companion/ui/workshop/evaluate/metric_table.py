"""Metrics of one or several subjects: a table where there is room, one block below the other where there is not."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.core.report_parts import Cell, Difference, Row
from companion.ui.cards import plain_label
from companion.ui.flow_layout import FlowLayout
from companion.ui.keyboard import show_some
from companion.ui.theme import BODY, Theme
from companion.ui.workshop.evaluate.labels import OUTCOMES

CELL, GAP = 116, 12
TITLE = 170
"""Pixels that the name of a metric has at least beside its numbers, at the usual size of letters."""

AT_ONCE = 40
"""Lines of a table that are made before the person asks for more."""


class MetricTable(QWidget):
    """`names` are the subjects; every later one has its difference from the first."""

    def __init__(self, theme: Theme, names: Sequence[str], rows: Sequence[Row], *, explain: bool) -> None:
        super().__init__()
        self._scale = theme.font_size / BODY
        self._names, self._rows, self._explain = names, rows, explain
        self._is_stacked = False
        self.lines: list[_Line] = []
        self._below = QVBoxLayout()
        self._below.setSpacing(10)
        self.more = QPushButton()
        self.more.setProperty("role", "quiet")
        self.more.clicked.connect(self.show_more)
        self._head = _Head(names, round(CELL * self._scale))
        self._columns = 2 * len(names) - 1
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self._head)
        column.addLayout(self._below)
        column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self.show_more()

    def show_more(self) -> None:
        """The next lines, a few dozen at once."""
        for row in self._rows[len(self.lines) : len(self.lines) + AT_ONCE]:
            line = _Line(self._names, row, round(CELL * self._scale), explain=self._explain)
            line.set_stacked(self._is_stacked)
            self._below.addWidget(line)
            self.lines.append(line)
        left = len(self._rows) - len(self.lines)
        self.more.setText(f"{left} more")
        show_some({self.more: left > 0})

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        needed = self._columns * (CELL + GAP) + TITLE
        self._is_stacked = self.width() < needed * self._scale
        self._head.setVisible(not self._is_stacked)
        for line in self.lines:
            line.set_stacked(self._is_stacked)


class _Head(QWidget):
    """The names above the numbers."""

    def __init__(self, names: Sequence[str], width: int) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        row.addStretch(1)
        for title in (*names, *_differences(names)):
            label = plain_label("caption", title)
            label.setFixedWidth(width)
            row.addWidget(label, 0, Qt.AlignmentFlag.AlignBottom)


class _Line(QWidget):
    """One metric."""

    def __init__(self, names: Sequence[str], row: Row, width: int, *, explain: bool) -> None:
        super().__init__()
        self._captions: list[QLabel] = []
        self._cells = QWidget()
        self._count, self._width = 2 * len(names) - 1, width
        flow = FlowLayout(GAP, 6)
        flow.setContentsMargins(0, 0, 0, 0)
        for name, cell in zip(names, row.cells, strict=True):
            flow.addWidget(self._cell(name, *_value(cell)))
        for title, one in zip(_differences(names), row.differences, strict=True):
            flow.addWidget(self._cell(title, *_difference(one)))
        self._cells.setLayout(flow)
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(GAP)
        self._box.addWidget(_title(row, explain=explain), 1)
        self._box.addWidget(self._cells, 0, Qt.AlignmentFlag.AlignTop)
        self.setAccessibleName(_told(names, row))
        self.setToolTip(row.explained)

    def set_stacked(self, is_stacked: bool) -> None:
        down, across = QBoxLayout.Direction.TopToBottom, QBoxLayout.Direction.LeftToRight
        self._box.setDirection(down if is_stacked else across)
        self._box.setSpacing(4 if is_stacked else GAP)
        self._box.setAlignment(self._cells, Qt.AlignmentFlag(0) if is_stacked else Qt.AlignmentFlag.AlignTop)
        self._cells.setMinimumWidth(0 if is_stacked else self._count * (self._width + GAP) - GAP)
        for caption in self._captions:
            caption.setVisible(is_stacked)

    def _cell(self, name: str, *labels: QLabel) -> QWidget:
        caption = plain_label("caption", name)
        self._captions.append(caption)
        holder = QWidget()
        holder.setFixedWidth(self._width)
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for label in (caption, *labels):
            column.addWidget(label)
        column.addStretch(1)
        return holder


def _title(row: Row, *, explain: bool) -> QWidget:
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(plain_label("", row.title))
    unit = ", ".join(filter(None, (row.unit, row.which_way)))
    for caption in filter(None, (unit, row.explained if explain else "")):
        column.addWidget(plain_label("caption", caption))
    column.addStretch(1)
    return holder


def _value(cell: Cell) -> list[QLabel]:
    below = cell.interval or (cell.why if cell.value == "–" else "")
    return [plain_label("heading", cell.value), *([plain_label("caption", below)] if below else [])]


def _difference(one: Difference) -> list[QLabel]:
    found = [plain_label("", one.value)]
    if one.word in OUTCOMES:
        shape, role = OUTCOMES[one.word]
        found.append(plain_label(role, f"{shape} {one.word}"))
    if one.interval:
        found.append(plain_label("caption", one.interval))
    for label in found:
        label.setToolTip(one.told)
    return found


def _differences(names: Sequence[str]) -> list[str]:
    return ["Difference"] if len(names) == 2 else [f"{name}: difference" for name in names[1:]]


def _told(names: Sequence[str], row: Row) -> str:
    """A line as a screen reader reads it."""
    told = [
        f"{name} {cell.value}{f' ({cell.interval})' if cell.interval else ''}"
        for name, cell in zip(names, row.cells, strict=True)
    ]
    told += [f"{one.value} {one.word}".strip() for one in row.differences]
    return f"{row.title}: {', '.join(told)}"
