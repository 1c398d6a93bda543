"""The page of data: datasets, and what waits to be added, at the left, one of them at the right; files are dropped anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import asdict, replace
from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import (
    QDesktopServices,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from companion.app.job_needs import titles_needing
from companion.app.notices import Notice, Tone
from companion.core.amounts import counted
from companion.core.dataset_folder import OwnDataset
from companion.core.dataset_messages import DatasetRequest, ExportData, Written
from companion.core.errors import DatasetError
from companion.ui.card_list import CardList
from companion.ui.drop_veil import DropVeil
from companion.ui.invitation import Invitation
from companion.ui.workshop.data.dataset_details import DatasetDetails
from companion.ui.workshop.data.import_sheet import ImportSheet
from companion.ui.workshop.data.part import hand
from companion.ui.workshop.data.source_form import Described
from companion.ui.workshop.data.words import dataset_row
from companion.ui.workshop.data.work_row import WorkRow
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.foot import Foot
from companion.ui.workshop.list_beside import ListBeside
from companion.ui.workshop.recipe.known_choices import conversation_titles

LIST_WIDTH: Final = 258
BOTH_FROM: Final = 660
"""A narrower page shows either the list or a dataset, at the usual size of letters."""
NARROWEST: Final = 320
WIDEST_FOOT: Final = 1400
IMPORT: Final = "?"
"""Key of what waits to be added, which stands above the datasets; no folder is called so by its whole path."""
TEACH: Final = "Datasets are dialogues that she can learn from. Drop files or folders here, or take conversations of yours."


class DataPage(QWidget):
    """Reads the folder of datasets when it is shown, and when something was written."""

    listed = Signal()
    """The list was read anew."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk, self._datasets = desk, desk.datasets
        self._before = ""
        """What was looked at when something was to be added."""
        self._written_for: str | tuple[str, ...] = ""
        """What was looked at when writing began."""
        self.list = CardList(desk.theme, "Datasets", has_always_one=True)
        self.details, self.sheet = DatasetDetails(desk), ImportSheet(desk)
        self.empty, self.add_button, self.add_menu = Invitation(), hand(QPushButton("Add…")), QMenu(self)
        self.writing = WorkRow(desk.datasets, tells=False)
        written = QHBoxLayout()
        written.addWidget(self.writing)
        self.foot = Foot(desk.theme, written, WIDEST_FOOT)
        """Shows what is being written, and is not to be covered."""
        self._right, self._pages, self._left = QStackedWidget(), QStackedWidget(), QWidget()
        self._both = ListBeside(desk.theme, self._left, self._right, list_width=LIST_WIDTH, both_from=BOTH_FROM)
        self._veil = DropVeil(desk.theme, self)
        self._build()
        self._connect()
        self.setAcceptDrops(True)
        self.setMinimumWidth(NARROWEST)  # what stands side by side is shown one by one before it asks for more

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._datasets.refresh()

    # What is shown

    def _show_list(self) -> None:
        own = self._datasets.own
        self._show_rows()
        self._show_chosen()
        self._pages.setCurrentWidget(self._both if own or self.sheet.is_open else self.empty)
        self.listed.emit()

    def _show_rows(self) -> None:
        waiting = [self.sheet.card_row(IMPORT)] if self.sheet.is_open else []
        self.list.show_rows([*waiting, *(dataset_row(each) for each in self._datasets.own)])

    def _show_chosen(self) -> None:
        dataset = self._chosen()
        if self._is_adding:
            self._right.setCurrentWidget(self.sheet)
        elif dataset is not None:
            self.details.show_dataset(dataset)
            self._right.setCurrentWidget(self.details)

    @property
    def _is_adding(self) -> bool:
        """Whether what waits to be added is looked at."""
        return self.sheet.is_open and self.list.key == IMPORT

    def _chosen(self) -> OwnDataset | None:
        return next((each for each in self._datasets.own if str(each.folder) == self.list.key), None)

    # Adding

    def add(self, paths: Sequence[Path]) -> None:
        """Look into files and folders, and ask what is said of them."""
        name = paths[0].name if len(paths) == 1 and paths[0].is_dir() else ""
        self._datasets.gather(paths, lambda found: self._gathered(found, name))

    def add_sources(self, sources: Sequence[str], titles: Mapping[str, str] | None = None, name: str = "") -> None:
        """As `add`, for sources that are known to be there, conversations among them; `name` is suggested for all of them."""
        if not self._is_adding:
            self._before = self.list.key
        self.sheet.show_files(sources, titles or {}, name)
        self._pages.setCurrentWidget(self._both)
        self.list.choose(IMPORT)
        self._show_rows()
        self._show_chosen()
        self._both.show_chosen()

    def _gathered(self, found: tuple[str, ...] | DatasetError, name: str) -> None:
        if isinstance(found, DatasetError):
            self._desk.notices.error(found.what, found.remedy)
        else:
            self.add_sources(found, name=name)

    def _ask_for_files(self) -> None:
        from companion.ui.file_dialogs import ask_for_dialogues

        if paths := ask_for_dialogues(self):
            self.add(paths)

    def _ask_for_folder(self) -> None:
        from companion.ui.file_dialogs import ask_for_folder_of_dialogues

        if (path := ask_for_folder_of_dialogues(self)) is not None:
            self.add([path])

    def _ask_for_conversations(self) -> None:
        from companion.ui.workshop.recipe.conversation_choice import ask_for_conversations

        titles = conversation_titles(self._desk)
        if chosen := ask_for_conversations(self, titles, ()):
            self.add_sources(chosen, titles)

    def _sheet_left(self) -> None:
        self.list.choose(self._before if self.list.rows.place(self._before) >= 0 else "")
        self._both.show_list()
        self._show_list()

    # Writing

    def write(self, request: DatasetRequest, words: str) -> None:
        """Begin to write a dataset or a file; it goes on whatever is looked at meanwhile."""
        self._written_for = self._looked_at()
        self.writing.begin(request, words)

    def _written(self, event: Written) -> None:
        told = counted(event.dialogues, "dialogue")
        if not event.sources:
            self._desk.notices.raise_notice(Notice(Tone.SUCCESS, f"{told} were exported."))
            return
        first = next(iter(event.sources))
        names = " and ".join(f"“{source.name}”" for source in event.sources.values())
        if len(event.sources) > 2:
            names = f"{len(event.sources)} parts"
        added = f", {counted(event.made, 'version')} among them" if event.made else ""
        has = "has" if len(event.sources) == 1 else "have"
        self._desk.notices.raise_notice(Notice(Tone.SUCCESS, f"{names} {has} {told}{added}."))
        is_looked_at = self._written_for == self._looked_at()
        if self._written_for == self.sheet.files:
            self.sheet.forget()
        if is_looked_at:  # whoever has gone on is not led away
            self.list.choose(first)
            self._both.show_chosen()
        self._show_rows()
        self._show_chosen()

    def _looked_at(self) -> str | tuple[str, ...]:
        """A dataset's folder, or the files that are to be added."""
        return self.sheet.files if self._is_adding else self.list.key

    def _set_writing(self, is_writing: bool) -> None:
        self.foot.setVisible(is_writing)
        self.details.set_writing(is_writing)
        self.sheet.set_writing(is_writing)

    # What the person wants of a dataset

    def _act(self, what: str) -> None:
        dataset = self._chosen()
        if dataset is None:
            return
        if what == "teach":
            self._desk.learn_from(str(dataset.folder))
        elif what == "reveal":
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(dataset.folder)))
        elif what == "export":
            self._ask_where_to_export(dataset)
        elif what == "delete":
            self.delete()

    def delete(self) -> None:
        """The one that is chosen, with a way back."""
        dataset = self._chosen()
        if dataset is None:
            return
        with self._desk.notices.telling(DatasetError):
            place = self._datasets.delete(dataset)
            needed = "".join(f" “{title}” still needs it." for title in titles_needing(self._desk.jobs, str(dataset.folder)))
            told = f"“{dataset.source.name}” was deleted.{needed}"
            self._desk.notices.undoable(told, lambda: self._bring_back(dataset, place), waits=True)
            self._both.show_list()

    def export(self, dataset: OwnDataset, path: Path) -> None:
        """One file, which other programs read."""
        self.write(ExportData(files=(str(dataset.folder),), output=str(path)), f"Exporting “{dataset.source.name}”")

    def _bring_back(self, dataset: OwnDataset, place: Path) -> None:
        with self._desk.notices.telling(DatasetError):
            self._datasets.bring_back(dataset, place)
            self.list.choose(str(dataset.folder))

    def _ask_where_to_export(self, dataset: OwnDataset) -> None:
        from companion.ui.file_dialogs import ask_where_to_export_dialogues

        if (path := ask_where_to_export_dialogues(self, dataset.source.name)) is not None:
            self.export(dataset, path)

    def _describe(self, said: Described) -> None:
        dataset = self._chosen()
        if dataset is not None:
            with self._desk.notices.telling(DatasetError):
                self._datasets.describe(dataset, replace(dataset.source, **asdict(said)))

    # Dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if count := sum(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._veil.show_words("Drop it to look into it" if count == 1 else f"Drop {count} files to look into them")

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._veil.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self._veil.hide()
        event.acceptProposedAction()
        if paths := [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]:
            self.add(paths)

    # Layout

    def _connect(self) -> None:
        self._datasets.changed.connect(self._show_list)
        self.list.chosen.connect(lambda _key: self._show_chosen())
        self.list.clicked.connect(self._both.show_chosen)
        self.list.activated.connect(self._both.show_chosen)
        self.list.delete_pressed.connect(self.delete)
        self.details.back_requested.connect(self._both.show_list)
        for page in (self.details, self.sheet):
            self._both.folded.connect(page.set_compact)
        self.details.wanted.connect(self._act)
        self.details.write_requested.connect(self.write)
        self.details.description_changed.connect(self._describe)
        self.sheet.write_requested.connect(self.write)
        self.sheet.left.connect(self._sheet_left)
        self.sheet.changed.connect(self._show_rows)
        self.sheet.back_requested.connect(self._both.show_list)
        self.writing.done.connect(self._written)
        self.writing.failed.connect(self._desk.notices.error)
        self.writing.changed.connect(self._set_writing)
        self.add_menu.addAction("Files…").triggered.connect(self._ask_for_files)
        self.add_menu.addAction("A folder…").triggered.connect(self._ask_for_folder)
        self.add_menu.addAction("Conversations…").triggered.connect(self._ask_for_conversations)

    def _build(self) -> None:
        self.empty.sentence.setText(TEACH)
        self.empty.button.setText("Add dialogues…")
        self.empty.button.setProperty("role", "primary")
        for button in (self.empty.button, self.add_button):
            button.setMenu(self.add_menu)
        title = QLabel("Data")
        title.setProperty("role", "heading")
        title.setContentsMargins(12, 0, 0, 0)
        top = QHBoxLayout()
        top.addWidget(title, 1)
        top.addWidget(self.add_button)
        left = QVBoxLayout(self._left)
        left.setContentsMargins(12, 16, 12, 8)
        left.setSpacing(8)
        left.addLayout(top)
        left.addWidget(self.list, 1)
        for each in (self.details, self.sheet):
            self._right.addWidget(each)
        self.foot.hide()
        self._pages.addWidget(self._both)
        self._pages.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._pages, 1)
        column.addWidget(self.foot)
        self._pages.setCurrentWidget(self.empty)
