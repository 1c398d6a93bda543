"""Editors for what a recipe works with: a model, a character, and what is learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QFocusEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from companion.app.datasets import Datasets
from companion.core.amounts import counted
from companion.core.dataset import CONVERSATION_PREFIX
from companion.core.fields import Field
from companion.ui.chat.icon_button import IconButton
from companion.ui.flow_layout import FlowLayout
from companion.ui.keyboard import show_some
from companion.ui.settings.editors import WIDTH, ChoiceEditor, Editor
from companion.ui.theme import Theme

LETTERS = 40
"""A file's name has so much room at most."""
_ANOTHER = "?"
"""No file is called so where recipes name files by their whole path."""


class FileChoiceEditor(ChoiceEditor):
    """One of the known files, or any other that the person looks for: the last choice asks for it."""

    def __init__(self, field: Field, known: Mapping[str, str], ask: Callable[[QWidget], Path | None]) -> None:
        super().__init__(field)
        self._ask = ask
        self._value = ""
        self._known = dict(known)
        self.box.elide, self.box.letters = Qt.TextElideMode.ElideMiddle, LETTERS  # builds of one model differ at their ends
        self.box.activated.disconnect(self.edited)
        self.box.activated.connect(self._activated)
        self.set_value("")

    def value(self) -> str:
        return self._value

    def set_value(self, value: str) -> None:
        self._value = value
        known = self._known if value in self._known else self._known | {value: Path(value).stem}
        self.box.clear()
        for path, words in known.items():
            self.box.addItem(words, path)
            self.box.setItemData(self.box.count() - 1, path, Qt.ItemDataRole.ToolTipRole)
        self.box.addItem("Another file…", _ANOTHER)
        self.box.setCurrentIndex(self.box.findData(value))
        self.box.setToolTip(value)
        self.box.updateGeometry()

    def offer(self, choices: Mapping[str, str]) -> None:
        """Other files, each with its words; the value stays, whether or not it is one of them."""
        self._known = dict(choices)
        self.set_value(self._value)

    def choose(self) -> None:
        """Ask for another file."""
        path = self._ask(self)
        if path is None:
            self.set_value(self._value)
        else:
            self._take(str(path))

    def _activated(self) -> None:
        chosen = self.box.currentData()
        if chosen == _ANOTHER:
            self.choose()
        else:
            self._take(chosen)

    def _take(self, path: str) -> None:
        self.set_value(path)
        self.edited.emit()


class SourcesEditor(Editor):
    """Files, dataset folders and conversations, one below the other; files may be dropped here."""

    def __init__(
        self,
        field: Field,
        theme: Theme,
        datasets: Datasets,
        titles: Callable[[], Mapping[str, str]],
        ask_for_files: Callable[[QWidget], Sequence[Path]],
        ask_for_conversations: Callable[[QWidget, Sequence[str]], Sequence[str] | None],
    ) -> None:
        """`titles` names the conversations there are, by their sources."""
        super().__init__()
        self._theme, self._datasets, self._titles = theme, datasets, titles
        self._ask_for_files, self._ask_for_conversations = ask_for_files, ask_for_conversations
        self._value: tuple[str, ...] = ()
        self._names: dict[str, str] = {}
        """Of the person's datasets, by their folders."""
        self.setMinimumWidth(WIDTH)
        self.setAcceptDrops(True)
        self.setAccessibleName(field.title)
        self.add_files = QPushButton("Add files…")
        self.add_conversations = QPushButton("Add conversations…")
        self.add_datasets = QPushButton("Add datasets…")
        self.add_datasets.setToolTip("Those of the Data page")
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.add_datasets.setMenu(self._menu)
        self.add_files.clicked.connect(self._choose_files)
        self.add_conversations.clicked.connect(self._choose_conversations)
        self.remove_buttons: list[IconButton] = []
        self._rows = QWidget()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._column.addWidget(self._rows)
        buttons = QWidget()
        flow = FlowLayout()
        flow.setContentsMargins(0, 0, 0, 0)
        buttons.setLayout(flow)
        flow.addWidget(self.add_files)
        flow.addWidget(self.add_conversations)
        flow.addWidget(self.add_datasets)
        self._column.addWidget(buttons)
        self._show_rows()
        datasets.changed.connect(self._follow_datasets)
        self._follow_datasets()

    def value(self) -> tuple[str, ...]:
        return self._value

    def set_value(self, value: tuple[str, ...]) -> None:
        if value != self._value:
            self._value = tuple(value)
            self._show_rows()

    def add(self, sources: Sequence[str]) -> None:
        """Those that are not there yet."""
        new = [source for source in dict.fromkeys(sources) if source not in self._value]
        if new:
            self.set_value((*self._value, *new))
            self.edited.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Hands the keyboard on; a focus proxy would cut the chain of Tab each time rows come and go."""
        self.add_files.setFocus(event.reason())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._datasets.refresh()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.add([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])

    def _follow_datasets(self) -> None:
        show_some({self.add_datasets: bool(self._datasets.own)}, self.add_files)
        names = {str(own.folder): own.source.name for own in self._datasets.own}
        if names != self._names:
            self._names = names
            self._show_rows()

    def _fill_menu(self) -> None:
        self._menu.clear()
        for own in self._datasets.own:
            words = f"{own.source.name} · {counted(own.source.dialogues, 'dialogue')}".replace("&", "&&")
            action = self._menu.addAction(words)
            action.setEnabled(str(own.folder) not in self._value)
            action.triggered.connect(lambda _checked=False, folder=str(own.folder): self.add([folder]))

    def _remove(self, source: str) -> None:
        self.set_value(tuple(known for known in self._value if known != source))
        self.add_files.setFocus()
        self.edited.emit()

    def _choose_files(self) -> None:
        self.add([str(path) for path in self._ask_for_files(self)])

    def _choose_conversations(self) -> None:
        chosen = self._ask_for_conversations(self, [source for source in self._value if source.startswith(CONVERSATION_PREFIX)])
        if chosen is not None:
            files = [source for source in self._value if not source.startswith(CONVERSATION_PREFIX)]
            if (*files, *chosen) != self._value:
                self.set_value((*files, *chosen))
                self.edited.emit()

    def _show_rows(self) -> None:
        rows = QWidget()
        column = QVBoxLayout(rows)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self.remove_buttons = []
        titles = {**self._titles(), **self._names} if self._value else {}
        for source in self._value:
            name = titles.get(source, Path(source).name or source)
            label = QLabel(name)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setToolTip(source)
            button = IconButton(self._theme, "close", f"Take “{name}” off the list", size=14)
            button.clicked.connect(lambda _checked=False, source=source: self._remove(source))
            row = QHBoxLayout()
            row.addWidget(label, 1)
            row.addWidget(button)
            column.addLayout(row)
            self.remove_buttons.append(button)
        self._column.replaceWidget(self._rows, rows)
        self._rows.hide()
        self._rows.deleteLater()
        self._rows = rows
        rows.setVisible(bool(self._value))
