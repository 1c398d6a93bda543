"""Where something came from, as a small tree: each line a button that leads to that member of the family."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from companion.core.library.collection import Collection
from companion.core.library.family import Member
from companion.core.library.item import Item
from companion.ui.theme import Theme
from companion.ui.workshop.library.words import step

INDENT = 22
HOOK = 7
MOST_CHILDREN = 12


class FamilyView(QWidget):
    """The line from the oldest ancestor, the item itself, and what was made of it."""

    chosen = Signal(str)
    """Key of an item."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setAccessibleName("Family tree")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self.lines: list[_Line] = []
        theme.changed.connect(self.update)

    def show_item(self, item: Item, collection: Collection) -> None:
        for line in self.lines:
            self._column.removeWidget(line)
            line.hide()
            line.deleteLater()
        family = collection.family
        ancestry = family.line(item)
        children = family.children(item)
        self.lines = [self._line(member, collection, depth, is_self=member == item) for depth, member in enumerate(ancestry)]
        self.lines += [self._line(child, collection, len(ancestry)) for child in children[:MOST_CHILDREN]]
        for line in self.lines:
            self._column.addWidget(line)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Lines from each member to its parent."""
        painter = QPainter(self)
        painter.setPen(QPen(self._theme.colour("muted"), 1))
        for number, line in enumerate(self.lines):
            parent = next((above for above in reversed(self.lines[:number]) if above.generation == line.generation - 1), None)
            if parent is None:
                continue
            x = parent.generation * INDENT + HOOK + 0.5
            y = line.y() + line.height() / 2 + 0.5
            painter.drawLine(QPointF(x, parent.y() + parent.height()), QPointF(x, y))
            painter.drawLine(QPointF(x, y), QPointF(line.generation * INDENT - 4, y))
        painter.end()

    def _line(self, member: Member, collection: Collection, depth: int, *, is_self: bool = False) -> _Line:
        link = collection.family.link(member) if isinstance(member, Item) else None
        line = _Line(member, step(member, link), depth, is_self=is_self)
        line.asked.connect(self.chosen)
        return line


class _Line(QWidget):
    """A button for what can be looked at; the item itself, and what is not here, are only named."""

    asked = Signal(str)

    def __init__(self, member: Member, words: str, depth: int, *, is_self: bool) -> None:
        super().__init__()
        self.generation = depth
        self._key, self._words = member.key, words
        self.face: QPushButton | QLabel
        if is_self or not isinstance(member, Item):
            self.face = QLabel(textFormat=Qt.TextFormat.PlainText)
            self.face.setProperty("role", "heading" if is_self else "muted")
            self.face.setContentsMargins(2, 6, 0, 6)
        else:
            self.face = QPushButton()
            self.face.setProperty("role", "fold")
            self.face.setCursor(Qt.CursorShape.PointingHandCursor)
            self.face.clicked.connect(self._ask)
        self.face.setAccessibleName(f"{words}, this one" if is_self else words)
        self.face.setToolTip(words)
        self.face.setMinimumWidth(1)
        row = QVBoxLayout(self)
        row.setContentsMargins(depth * INDENT, 0, 0, 0)
        row.addWidget(self.face)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.face.ensurePolished()
        room = max(self.width() - self.generation * INDENT - 16, 40)
        self.face.setText(self.face.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideMiddle, room))

    def _ask(self) -> None:
        self.asked.emit(self._key)
