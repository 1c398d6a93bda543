"""The page of memories: everything she remembers of the person, who may read, change, pin and delete all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from companion.core.memory import Memory
from companion.ui.memory.memory_delegate import ACTIONS, MemoryDelegate
from companion.ui.memory.memory_model import MemoryModel
from companion.ui.scroll_page import in_the_middle
from companion.ui.theme import Theme

WIDEST, MARGIN, GAP = 720, 24, 12
SEARCH_MS = 150
MOST_CHARACTERS = 500


class MemoryPage(QWidget):
    """Shows what it is given and asks for everything else; ids are those of the memories."""

    add_requested = Signal(str)
    edit_requested = Signal(int, str)
    pin_requested = Signal(int, bool)
    delete_requested = Signal(int)
    source_requested = Signal(int, int)
    """Conversation and message."""
    search_changed = Signal(str)
    export_requested = Signal()
    remember_changed = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.model = MemoryModel(self)
        self.view = _View()
        self.delegate = MemoryDelegate(theme, self.view)
        self.title, self.count = QLabel(), QLabel()
        self.search = QLineEdit()
        self.add_field = QLineEdit()
        self.add_button, self.export_button = QPushButton("Remember"), QPushButton("Export…")
        self.remember = QCheckBox()
        self._pages, self._empty = QStackedWidget(), QLabel()
        self._searcher = QTimer(self, singleShot=True, interval=SEARCH_MS)
        self._searched = ""
        """What was asked for when the list was shown."""
        self._waiting: Callable[[], None] | None = None
        """What is shown once nothing is being changed."""
        self._build()
        self._connect()
        self.set_character("She")

    def set_character(self, name: str) -> None:
        self._name = name
        self._fit_title()
        self.remember.setText(f"{name} picks up new memories by herself")
        self.remember.setToolTip(
            "At quiet moments the model looks for facts in what you said. Off, she keeps only what you write."
        )

    def show_memories(
        self, memories: Sequence[Memory], titles: Mapping[int, str], *, remembers: bool, total: int, person: str = ""
    ) -> None:
        """`total` counts all of hers, also those that a search leaves out; `person` is the name she knows them by.

        While one is being changed, the list waits: what was typed would be lost.
        """
        if self.view.state() is QAbstractItemView.State.EditingState:
            self._waiting = partial(self.show_memories, memories, titles, remembers=remembers, total=total, person=person)
            return
        self._waiting = None
        row, place = self.view.currentIndex().row(), self.view.verticalScrollBar().value()
        if self._searched != self.search.text():
            self._searched, place = self.search.text(), 0
        current = self.model.memory_at(self.view.currentIndex())
        self.model.show_memories(memories, titles, person)
        if current is not None:
            found = self.model.index_of(current.id)  # of one that is gone, the next one has the cursor
            self.view.setCurrentIndex(found if found.isValid() else self.model.index(min(row, self.model.rowCount() - 1)))
        self.view.come_back_to(place)
        self.count.setText("" if not total else "1 memory" if total == 1 else f"{total:,} memories")
        self._fit_title()
        self.remember.blockSignals(True)
        self.remember.setChecked(remembers)
        self.remember.blockSignals(False)
        self.export_button.setEnabled(total > 0)
        self.search.setVisible(total > 0)
        if total:
            self._empty.setText("Nothing she remembers has these words.")
        else:
            self._empty.setText(
                f"{self._name} knows nothing about you yet. Talk with her, or write down something she should know."
            )
        self._pages.setCurrentIndex(0 if memories else 1)

    def focus_on_list(self) -> None:
        """The keyboard begins where there is something to read, or else where something can be written down."""
        (self.view if self.model.rowCount() else self.add_field).setFocus()

    def _act(self, memory: Memory, action: str) -> None:
        match action:
            case "pin":
                self.pin_requested.emit(memory.id, not memory.pinned)
            case "trash":
                self.delete_requested.emit(memory.id)
            case "edit":
                self.view.edit(self.model.index_of(memory.id))
            case "open" if memory.conversation is not None and memory.message is not None:
                self.source_requested.emit(memory.conversation, memory.message)

    def _edited(self) -> None:
        if self._waiting is not None:
            self._waiting()

    def _add(self) -> None:
        if text := " ".join(self.add_field.text().split()):
            self.add_field.clear()
            self.add_requested.emit(text)

    def _key(self, action: str) -> None:
        memory = self.model.memory_at(self.view.currentIndex())
        if memory is not None:
            self._act(memory, action)

    def _point(self, event: QMouseEvent) -> None:
        """The tooltip and the pointer say what a button on a row does."""
        position = event.position().toPoint()
        index = self.view.indexAt(position)
        memory = self.model.memory_at(index)
        name = self.delegate.action_at(position, self.view.visualRect(index), memory) if memory is not None else ""
        pinned = memory is not None and memory.pinned
        self.view.setToolTip("Tell her only when it matters" if name == "pin" and pinned else ACTIONS.get(name, ""))
        self.view.viewport().setCursor(Qt.CursorShape.PointingHandCursor if name else Qt.CursorShape.ArrowCursor)

    def _theme_changed(self) -> None:
        self.model.layoutChanged.emit()
        self._fit_title()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_title()

    def _fit_title(self) -> None:
        """In one line, whatever her name is."""
        words = f"What {self._name} remembers"
        beside = self.count.sizeHint().width() + self.export_button.sizeHint().width() + 3 * GAP
        room = min(self.width() - 2 * MARGIN, WIDEST) - beside
        self.title.ensurePolished()
        self.title.setText(self.title.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, max(room, 0)))
        self.title.setAccessibleName(words)

    # Layout

    def _connect(self) -> None:
        self.model.edited.connect(self.edit_requested)
        self.delegate.action_chosen.connect(self._act)
        self.delegate.closeEditor.connect(self._edited, Qt.ConnectionType.QueuedConnection)
        self.view.key_pressed.connect(self._key)
        self.view.pointed.connect(self._point)
        self.search.textChanged.connect(self._searcher.start)
        self._searcher.timeout.connect(lambda: self.search_changed.emit(self.search.text()))
        self.add_field.returnPressed.connect(self._add)
        self.add_button.clicked.connect(self._add)
        self.add_field.textChanged.connect(lambda text: self.add_button.setEnabled(bool(text.strip())))
        self.export_button.clicked.connect(self.export_requested)
        self.remember.toggled.connect(self.remember_changed)
        self._theme.changed.connect(self._theme_changed)

    def _build(self) -> None:
        self.title.setProperty("role", "title")
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.count.setProperty("role", "muted")
        self.export_button.setProperty("role", "quiet")
        self.export_button.setToolTip("Save them as a lorebook that other programs read too")
        self.add_button.setProperty("role", "primary")
        self.add_button.setEnabled(False)
        self.add_field.setMaxLength(MOST_CHARACTERS)
        self.add_field.setPlaceholderText("Something she should know, such as “Sam is allergic to nuts.”")
        self.add_field.setAccessibleName("A new memory")
        self.search.setPlaceholderText("Search")
        self.search.setAccessibleName("Search the memories")
        self.search.setClearButtonEnabled(True)
        self.view.setModel(self.model)
        self.view.setItemDelegate(self.delegate)
        self.view.setAccessibleName("Memories")
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self._empty.setContentsMargins(24, 48, 24, 24)
        self._pages.addWidget(self.view)
        self._pages.addWidget(self._empty)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 16)
        column.setSpacing(12)
        column.addLayout(_row(self.title, self.count, None, self.export_button))
        column.addLayout(_row(self.add_field, self.add_button))
        column.addWidget(self.remember)
        column.addWidget(self.search)
        column.addWidget(self._pages, 1)
        self.setLayout(in_the_middle(column, WIDEST, right=MARGIN))


class _View(QListView):
    key_pressed = Signal(str)
    """One of ACTIONS."""
    pointed = Signal(object)
    """A QMouseEvent."""

    def __init__(self) -> None:
        super().__init__()
        self._place = 0
        self.setProperty("role", "cards")  # the row with the cursor is framed, the list need not be
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setLayoutMode(QListView.LayoutMode.Batched)  # thousands of wrapped rows would hold the page up
        self.setBatchSize(100)
        self.setMouseTracking(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setFrameShape(QListView.Shape.NoFrame)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = {Qt.Key.Key_Delete: "trash", Qt.Key.Key_P: "pin", Qt.Key.Key_Return: "open", Qt.Key.Key_E: "edit"}
        if event.key() in keys and self.state() is not QAbstractItemView.State.EditingState:
            self.key_pressed.emit(keys[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def come_back_to(self, place: int) -> None:
        """After a new list, show what was shown before, as soon as so many rows have been laid out."""
        self._place = place

    def updateGeometries(self) -> None:
        super().updateGeometries()
        bar = self.verticalScrollBar()
        if self._place and bar.maximum() >= self._place:
            bar.setValue(self._place)
            self._place = 0

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self.pointed.emit(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.scheduleDelayedItemsLayout()


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """None stands for the space that grows."""
    row = QHBoxLayout()
    row.setSpacing(GAP)
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        elif isinstance(widget, QLineEdit):
            row.addWidget(widget, 1)
        else:
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignBaseline if isinstance(widget, QLabel) else Qt.AlignmentFlag(0))
    return row
