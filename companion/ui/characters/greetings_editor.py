"""A list of greetings: one is written below while the others wait in their order above."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout

from companion.ui.characters.editor_fields import CardField, FieldWords, TextField
from companion.ui.characters.token_counts import TokenCounts
from companion.ui.chat.icon_button import IconButton
from companion.ui.theme import Theme

SHOWN_ROWS = 5
LONGEST_ROW = 160
TEXT = Qt.ItemDataRole.UserRole


class GreetingList(QListWidget):
    """Drag moves a greeting, and so does Alt with an arrow key."""

    move_requested = Signal(int)
    """-1 up, 1 down."""

    def __init__(self) -> None:
        super().__init__()
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setUniformItemSizes(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up.value: -1, Qt.Key.Key_Down.value: 1}
        if event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in steps:
            self.move_requested.emit(steps[event.key()])
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        row = max(self.sizeHintForRow(0), 1)
        return QSize(super().sizeHint().width(), row * min(self.count(), SHOWN_ROWS) + 6)


class GreetingsEditor(CardField):
    """Adding, writing, moving and deleting greetings; what was deleted last can be brought back."""

    def __init__(self, theme: Theme, title: str, sentence: str) -> None:
        super().__init__()
        self._given: tuple[str, ...] = ()
        self._changed = False
        self._deleted: list[tuple[int, str]] = []
        self._read_only = False
        self.add_button = QPushButton("Add a greeting")
        self.add_button.setProperty("role", "quiet")
        self.words = FieldWords(title, sentence, self.add_button)
        self.list = GreetingList()
        self.list.setAccessibleName(title)
        self.text = TextField(theme, "", least_lines=3, counted=False)
        self.up = IconButton(theme, "chevron-up", "Move up (Alt+Up)")
        self.down = IconButton(theme, "chevron-down", "Move down (Alt+Down)")
        self.delete_button = IconButton(theme, "trash", "Delete this greeting")
        self.undo_button, self._told = QPushButton("Undo"), QLabel()
        self._build()
        self._connect()
        self._redraw()

    def value(self) -> tuple[str, ...]:
        return self._texts() if self._changed else self._given

    def set_value(self, value: tuple[str, ...]) -> None:
        if value != self.value() or self.list.count() != len(value):
            self.list.clear()
            for text in value:
                self._insert(self.list.count(), text)
            self.list.setCurrentRow(0 if value else -1)
            self._deleted.clear()
            self._show_current()
        self._given, self._changed = value, False
        self._redraw()

    def set_read_only(self, read_only: bool) -> None:
        self._read_only = read_only
        self.text.set_read_only(read_only)
        mode = QAbstractItemView.DragDropMode
        self.list.setDragDropMode(mode.NoDragDrop if read_only else mode.InternalMove)
        self._redraw()

    def texts(self) -> tuple[str, ...]:
        return self.value()

    def show_counts(self, counts: TokenCounts) -> None:
        self.words.show_count(counts.words(*self.value()))
        item = self.list.currentItem()
        self.text.words.show_count(counts.words(item.data(TEXT)) if item else "")

    # What the person does

    def add(self) -> None:
        """Begin a new one at the end."""
        self._insert(self.list.count(), "")
        self.list.setCurrentRow(self.list.count() - 1)
        self._tell()
        self.text.edit.setFocus()

    def move_chosen(self, step: int) -> None:
        """The chosen one trades places with its neighbour."""
        row = self.list.currentRow()
        if self._read_only or row < 0 or not 0 <= row + step < self.list.count():
            return
        self.list.blockSignals(True)  # its text stays below, with all that can be undone in it
        self.list.insertItem(row + step, self.list.takeItem(row))
        self.list.setCurrentRow(row + step)
        self.list.blockSignals(False)
        self._tell()

    def delete(self) -> None:
        row = self.list.currentRow()
        if row >= 0:
            self._deleted.append((row, self.list.takeItem(row).data(TEXT)))
            self._tell()

    def undo_delete(self) -> None:
        if self._deleted:
            row, text = self._deleted.pop()
            row = min(row, self.list.count())
            self._insert(row, text)
            self.list.setCurrentRow(row)
            self._tell()

    # Inside

    def _texts(self) -> tuple[str, ...]:
        return tuple(self.list.item(row).data(TEXT) for row in range(self.list.count()))

    def _insert(self, row: int, text: str) -> None:
        item = QListWidgetItem()
        item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsDropEnabled)  # dropped on another one, it would write over that
        _show(item, text)
        self.list.insertItem(row, item)

    def _written(self) -> None:
        if (item := self.list.currentItem()) is not None:
            _show(item, self.text.value())
            self._tell()

    def _show_current(self, *_: object) -> None:
        item = self.list.currentItem()
        self.text.set_value(item.data(TEXT) if item else "")
        self._redraw()

    def _tell(self) -> None:
        self._changed = True
        self._redraw()
        self.edited.emit()

    def _dragged(self, *_: QModelIndex | int) -> None:
        self._tell()

    def _redraw(self) -> None:
        row, count = self.list.currentRow(), self.list.count()
        for button, possible in ((self.up, row > 0), (self.down, 0 <= row < count - 1), (self.delete_button, row >= 0)):
            button.setVisible(count > 0 and not self._read_only)
            button.setEnabled(possible)
        self.add_button.setVisible(not self._read_only)
        self.list.setVisible(count > 0)
        self.text.setVisible(row >= 0)
        self.text.words.title.setText(f"Greeting {row + 1}")
        self.text.edit.setAccessibleName(f"Greeting {row + 1}")
        told = bool(self._deleted) and not self._read_only
        self._told.setText("One greeting deleted." if len(self._deleted) == 1 else f"{len(self._deleted)} greetings deleted.")
        self._told.setVisible(told)
        self.undo_button.setVisible(told)
        self.list.setFixedHeight(self.list.sizeHint().height())

    def _connect(self) -> None:
        self.add_button.clicked.connect(self.add)
        self.up.clicked.connect(lambda: self.move_chosen(-1))
        self.down.clicked.connect(lambda: self.move_chosen(1))
        self.delete_button.clicked.connect(self.delete)
        self.undo_button.clicked.connect(self.undo_delete)
        self.list.move_requested.connect(self.move_chosen)
        self.list.currentItemChanged.connect(self._show_current)
        self.list.model().rowsMoved.connect(self._dragged)
        self.text.edited.connect(self._written)

    def _build(self) -> None:
        self._told.setProperty("role", "caption")
        self.undo_button.setProperty("role", "quiet")
        row = QHBoxLayout()
        row.setSpacing(4)
        for widget in (self.up, self.down, self.delete_button, self._told, self.undo_button):
            row.addWidget(widget)
        row.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addWidget(self.list)
        column.addLayout(row)
        column.addWidget(self.text)


def _show(item: QListWidgetItem, text: str) -> None:
    item.setData(TEXT, text)
    line = " ".join(text[: LONGEST_ROW * 4].split())[:LONGEST_ROW]
    item.setText(line or "Nothing written yet")
