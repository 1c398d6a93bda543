"""The head of the gallery: its title, searching, the order, and the ways to a new character."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from companion.ui.characters.gallery_model import Order
from companion.ui.icons import lead_with_icon
from companion.ui.search_field import SearchField
from companion.ui.theme import Theme

SEARCH_WIDEST = 360


class GalleryHeader(QWidget):
    order_chosen = Signal(object)
    """An Order."""
    new_requested = Signal()
    import_requested = Signal()
    stop_requested = Signal()
    """The import that is under way should stop."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._title = QLabel("Characters")
        self._title.setProperty("role", "title")
        self._count = QLabel()
        self._count.setProperty("role", "muted")
        self.import_button = QPushButton("Import")
        self.import_button.setToolTip("Import character cards: PNG, JSON or CHARX")
        self.new_button = QPushButton("New")
        self.new_button.setProperty("role", "primary")
        self.new_button.setAccessibleName("New character")
        self.new_button.setToolTip("Write a new character")
        self.search = SearchField(theme, "Search characters", "Search names, tags and creators", 200)
        self.search.setMaximumWidth(SEARCH_WIDEST)
        self.search.setAcceptDrops(False)  # a card dropped here is imported like anywhere else
        self.order = QComboBox()
        self.order.setAccessibleName("Order")
        self.order.setToolTip("Order of the characters")
        for order in Order:
            self.order.addItem(order.value, order)
        self.progress = ImportProgress()
        self._arrange()
        self.order.currentIndexChanged.connect(lambda: self.order_chosen.emit(self.order.currentData()))
        self.new_button.clicked.connect(self.new_requested)
        self.import_button.clicked.connect(self.import_requested)
        self.progress.stop.clicked.connect(self.stop_requested)
        theme.changed.connect(self._redraw)
        self._redraw()

    def show_count(self, shown: int, total: int) -> None:
        self._count.setText(f"{total}" if shown == total else f"{shown} of {total}")
        self._count.setAccessibleName(f"{self._count.text()} shown" if shown != total else f"{total} characters")

    def _arrange(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self._title)
        first.addWidget(self._count)
        first.addStretch()
        first.addWidget(self.import_button)
        first.addWidget(self.new_button)
        second = QHBoxLayout()
        second.setSpacing(8)
        second.addWidget(self.search, 1000)  # grows up to its widest before the space after it gets any room
        second.addStretch(1)
        second.addWidget(self.order)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self.progress)

    def _redraw(self) -> None:
        lead_with_icon(self.import_button, "upload", self._theme, "text", 18)
        lead_with_icon(self.new_button, "plus", self._theme, "on_accent", 18)


class ImportProgress(QWidget):
    """How far an import is, and the button that stops it."""

    def __init__(self) -> None:
        super().__init__()
        self._words = QLabel()
        self._words.setProperty("role", "caption")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Import")
        self.stop = QPushButton("Stop")
        self.stop.setAccessibleName("Stop importing")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self._words)
        row.addWidget(self.bar, 1)
        row.addWidget(self.stop)
        self.hide()

    def show_progress(self, done: int, total: int) -> None:
        """Hidden when all is done."""
        self.bar.setMaximum(max(total, 1))
        self.bar.setValue(done)
        self._words.setText(f"Importing {min(done + 1, total)} of {total}")
        self.setVisible(done < total)
