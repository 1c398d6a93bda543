"""The lorebook of a card: its entries, the chosen one in full, a sentence to try it with, and the book's own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout

from companion.core.cards.reading import read_lorebook
from companion.core.errors import CharacterError
from companion.core.fields import Field
from companion.core.lorebook import Lorebook, LoreEntry
from companion.core.prompts.lore_scan import ActiveLore
from companion.ui.characters.editor_fields import CardField, FieldWords, LineField, TextField
from companion.ui.characters.lore_entry_form import LoreEntryForm
from companion.ui.characters.lore_place import told_text
from companion.ui.characters.lorebook_table import LorebookModel
from companion.ui.characters.lorebook_view import LorebookView
from companion.ui.characters.token_counts import TokenCounts
from companion.ui.chat.icon_button import IconButton
from companion.ui.file_dialogs import ask_for_lorebook
from companion.ui.settings.editors import NumberEditor, SwitchEditor
from companion.ui.settings.form import FieldRow
from companion.ui.theme import Theme

SCAN_DEPTH: Final = Field(
    name="scan_depth",
    title="Messages searched",
    sentence="How many of the newest messages are searched for keys.",
    kind=int,
    optional=True,
    default=None,
    minimum=0,
    maximum=1000,
    choices=(),
)
TOKEN_BUDGET: Final = msgspec.structs.replace(
    SCAN_DEPTH,
    name="token_budget",
    title="Room",
    sentence="The most tokens that the entries of this book may take together.",
    maximum=1_000_000,
)
NO_ENTRIES: Final = (
    "No entries yet. An entry is a piece of knowledge and the words that call it up. Add one, or import a lorebook with the "
    "arrow above."
)
RECURSIVE: Final = Field(
    name="recursive_scanning",
    title="Entries call up entries",
    sentence="What an entry says is searched for keys too.",
    kind=bool,
    optional=True,
    default=False,
    minimum=None,
    maximum=None,
    choices=(),
)


class LorebookEditor(CardField):
    """`value()` is None for as long as there is nothing in a book that the card does not have."""

    trial_changed = Signal(str)
    """What the person typed to see what it calls up."""

    def __init__(self, theme: Theme, counts: TokenCounts) -> None:
        super().__init__()
        self._theme, self._counts = theme, counts
        self._book: Lorebook | None = None
        self._read_only, self._row = False, -1
        self.model = LorebookModel(counts, self)
        self.view = LorebookView(theme, self.model)
        self.search = QLineEdit()
        self.add_button = QPushButton("Add an entry")
        self.duplicate_button = IconButton(theme, "copy", "Duplicate")
        self.delete_button = IconButton(theme, "trash", "Delete (Del)")
        self.undo_button = IconButton(theme, "undo", "Undo")
        self.import_button = IconButton(theme, "upload", "Import a lorebook")
        self.words = FieldWords("Lorebook", "What she knows of her world, told when somebody talks about it.", self.add_button)
        self.trial, self.trial_result = QLineEdit(), QLabel()
        self.form = LoreEntryForm(theme)
        self.name = LineField("Name of the book")
        self.description = TextField(theme, "About the book", "For you; she never reads it.", macros=False, counted=False)
        self.scan_depth = FieldRow(SCAN_DEPTH, NumberEditor(SCAN_DEPTH), theme)
        self.token_budget = FieldRow(TOKEN_BUDGET, NumberEditor(TOKEN_BUDGET), theme)
        self.recursive = FieldRow(RECURSIVE, SwitchEditor(RECURSIVE), theme)
        self._empty, self._problem = QLabel(), QLabel()
        self._build()
        self._connect()
        self._redraw()

    # What it holds

    def value(self) -> Lorebook | None:
        book, entries = self._book, self.model.entries()
        if book is None:
            return Lorebook(entries=entries) if entries else None
        return book if entries == book.entries else msgspec.structs.replace(book, entries=entries)

    def set_value(self, value: Lorebook | None) -> None:
        if value is not None and value == self.value():
            self._book = value
            return
        self._book = value
        book = value or Lorebook()
        self.search.clear()
        self.model.set_entries(book.entries)
        self._show_settings(book)
        self._problem.hide()
        self.view.choose(0 if book.entries else -1)
        self._redraw()

    def set_read_only(self, read_only: bool) -> None:
        self._read_only = self.model.read_only = read_only
        for field in (self.name, self.description, self.form):
            field.set_read_only(read_only)
        for row in (self.scan_depth, self.token_budget, self.recursive):
            row.setEnabled(not read_only)
        self._redraw()

    def texts(self) -> tuple[str, ...]:
        return tuple(told_text(entry.content) for entry in self.model.entries())

    def show_counts(self, counts: TokenCounts) -> None:
        self.words.show_count(counts.words(*self.texts()))
        self.model.counts_changed()
        self.form.show_counts(counts)

    def show_called_up(self, lore: tuple[ActiveLore, ...]) -> None:
        """The answer to `trial_changed`: what the sentence calls up, in the order it is told."""
        names = ", ".join(f"“{each.name[:40]}”" for each in lore[:12])
        more = f" and {len(lore) - 12} more" if len(lore) > 12 else ""
        room = self._counts.words(*(each.text for each in lore))
        words = f"Tells {names}{more}, {room}." if lore else "Calls up nothing."
        self.trial_result.setText(words if self.trial.text().strip() else "")
        self.trial_result.setVisible(bool(self.trial_result.text()))

    # What the person does

    def add(self) -> None:
        self.search.clear()
        self.view.choose(self.model.add(LoreEntry()))
        self.form.name.line.setFocus()

    def duplicate(self) -> None:
        if self._row >= 0:
            self.view.choose(self.model.duplicate(self._row))

    def delete(self) -> None:
        rows = self.view.chosen_rows()
        if rows and not self._read_only:
            self.model.delete(rows)
            self.view.choose(min(*rows, self.model.rowCount() - 1))

    def undo(self) -> None:
        if not self._read_only:
            self.model.undo()

    def take(self, path: Path) -> None:
        """Add the entries of a lorebook file, or of a card; its settings too when there is no book yet."""
        try:
            book = read_lorebook(path)
            if not book.entries:
                raise CharacterError(f"The lorebook in “{path.name}” has no entries.", "Choose another one.")
        except CharacterError as error:
            self._problem.setText(f"{error.what} {error.remedy}")
            self._problem.show()
            return
        self._problem.hide()
        if self.value() is None:
            self._book = msgspec.structs.replace(book, entries=())
            self._show_settings(book)
        self.search.clear()
        count = "an entry" if len(book.entries) == 1 else f"{len(book.entries):,} entries"
        self.view.choose(self.model.add_all(book.entries, f"import {count}"))

    # Inside

    def _ask(self) -> None:
        if (path := ask_for_lorebook(self)) is not None:
            self.take(path)

    def _show_settings(self, book: Lorebook) -> None:
        self.name.set_value(book.name)
        self.description.set_value(book.description)
        self.scan_depth.set_value(book.scan_depth)
        self.token_budget.set_value(book.token_budget)
        self.recursive.set_value(bool(book.recursive_scanning))

    def _change(self, **changes: Any) -> None:
        self._book = msgspec.structs.replace(self._book or Lorebook(), **changes)
        self.edited.emit()

    def _chosen(self, row: int) -> None:
        self._row = row
        if row >= 0:
            self.form.set_entry(self.model.entry(row))
            self.form.show_counts(self._counts)
        self._redraw()

    def _written(self) -> None:
        if self._row >= 0:
            self.model.replace(self._row, self.form.entry)

    def _entries_edited(self) -> None:
        if 0 <= self._row < self.model.rowCount() and self.model.entry(self._row) != self.form.entry:
            self.form.set_entry(self.model.entry(self._row))  # ticked in the table
        self._redraw()
        self.edited.emit()

    def _rows_moved(self, *_: object) -> None:
        index = self.view.currentIndex()
        self._row = self.view.filter.mapToSource(index).row() if index.isValid() else -1

    def _redraw(self) -> None:
        some, chosen, writable = self.model.rowCount() > 0, self._row >= 0, not self._read_only
        for widget in (self.view, self.search, self.trial):
            widget.setVisible(some)
        self._empty.setText(NO_ENTRIES if writable else "There is nothing in it.")
        self._empty.setVisible(not some)
        self._settings.setVisible(some or writable)
        self._settings_title.setVisible(some or writable)
        self.form.setVisible(chosen)
        for button, possible in ((self.duplicate_button, chosen), (self.delete_button, chosen)):
            button.setVisible(writable and some)
            button.setEnabled(possible)
        self.add_button.setVisible(writable)
        self.import_button.setVisible(writable)
        self.undo_button.setVisible(writable and bool(self.model.undo_words))
        self.undo_button.setToolTip(f"Undo: {self.model.undo_words} (Ctrl+Z)")
        self.view.fit()

    def _connect(self) -> None:
        self.search.textChanged.connect(self.view.filter.search)
        self.add_button.clicked.connect(self.add)
        self.duplicate_button.clicked.connect(self.duplicate)
        self.delete_button.clicked.connect(self.delete)
        self.undo_button.clicked.connect(self.undo)
        self.import_button.clicked.connect(self._ask)
        self.view.row_chosen.connect(self._chosen)
        self.view.delete_requested.connect(self.delete)
        self.view.undo_requested.connect(self.undo)
        self.model.edited.connect(self._entries_edited)
        self.model.rowsInserted.connect(self._rows_moved)
        self.model.rowsRemoved.connect(self._rows_moved)
        self.form.edited.connect(self._written)
        self.trial.textChanged.connect(self.trial_changed)
        for field in (self.name, self.description):
            name = "name" if field is self.name else "description"
            field.edited.connect(lambda name=name, field=field: self._change(**{name: field.value()}))
        for row in (self.scan_depth, self.token_budget, self.recursive):
            row.edited.connect(lambda row=row: self._change(**{row.field.name: row.value()}))

    def _build(self) -> None:
        self.add_button.setProperty("role", "quiet")
        self.search.setPlaceholderText("Find an entry")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Find an entry")
        self.trial.setPlaceholderText("Try it: type a sentence and see which entries it calls up")
        self.trial.setAccessibleName("A sentence to try the lorebook with")
        for label in (self.trial_result, self._empty):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setProperty("role", "caption")
            label.setWordWrap(True)
        self.trial_result.hide()
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self._problem.setProperty("role", "problem")
        self._problem.setWordWrap(True)
        self._problem.hide()
        tools = QHBoxLayout()
        tools.setSpacing(4)
        tools.addWidget(self.search, 1)
        for button in (self.duplicate_button, self.delete_button, self.undo_button, self.import_button):
            tools.addWidget(button)
        tools.addStretch()
        self._settings = settings = QFrame()
        settings.setProperty("role", "card")
        inside = QVBoxLayout(settings)
        inside.setContentsMargins(20, 18, 16, 18)
        inside.setSpacing(16)
        for widget in (self.name, self.description, self.scan_depth, self.token_budget, self.recursive):
            inside.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.words)
        column.addLayout(tools)
        for part in (self._problem, self._empty, self.view, self.trial, self.trial_result, self.form):
            column.addWidget(part)
        column.addSpacing(12)
        self._settings_title = heading = QLabel("The whole book")
        heading.setProperty("role", "heading")
        column.addWidget(heading)
        column.addWidget(settings)
