"""The page of the library: what there is at the left, everything about one item at the right, and the catalog."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from companion.app.downloads import Downloads
from companion.app.library.library import Library
from companion.core.amounts import bytes_text
from companion.core.errors import ModelError
from companion.core.hardware import probe
from companion.core.library.catalog import Offer, outlook, read_catalog
from companion.core.library.collection import Collection
from companion.core.library.item import Item
from companion.core.measured_here import runs_here, writing_pace
from companion.ui.flow_layout import FlowLayout
from companion.ui.invitation import Invitation
from companion.ui.theme import BODY, Theme
from companion.ui.workshop.library.catalog_view import CatalogView
from companion.ui.workshop.library.found_view import FoundView
from companion.ui.workshop.library.item_details import ItemDetails
from companion.ui.workshop.library.library_tree import LibraryTree
from companion.ui.workshop.library.words import total

STACK_BELOW = 640
"""A narrower page has the list above the details."""
HEADER_BELOW, NARROWEST = 500, 320
QWIDGETSIZE_MAX = (1 << 24) - 1
"""Qt's word for no limit; PySide6 does not have it."""
LOW, LEAST_LIST = 640, 76
"""Pixels of a page in which the list needs the room of the hint, and of a list in which a model and a half are seen."""
NARROWEST_LIST, WIDEST_LIST, LIST_SHARE = 230, 400, 0.34


class LibraryPage(QWidget):
    """Reads when it is shown, and whenever something was adopted, deleted or downloaded."""

    def __init__(
        self, theme: Theme, library: Library, downloads: Downloads, needing: Callable[[str], tuple[str, ...]] = lambda _file: ()
    ) -> None:
        """`needing` gives the titles of the jobs that still need a file."""
        super().__init__()
        self._theme = theme
        self._library = library
        self._downloads = downloads
        self._offers: dict[str, Offer] = {}
        self._selected = self._wanted = ""
        """Keys of items: the one that is looked at, and one that is to be as soon as it is listed."""
        self.title, self.total, self.note = QLabel("Library"), QLabel(), QLabel()
        self.here_button, self.catalog_button = QPushButton("On this computer"), QPushButton("Catalog")
        self.roll_back_button, self.trash_button = QPushButton("Roll back"), QPushButton()
        self.trash_menu = QMenu(self.trash_button)
        self.tree = LibraryTree(theme)
        self.details = ItemDetails(theme, needing)
        self.invitation = Invitation()
        self.catalog = CatalogView(theme)
        self.found = FoundView()
        self.look_button, self.hint = QPushButton("Look for models"), QLabel()
        self._right, self._pages = QStackedWidget(), QStackedWidget()
        self._header = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._halves = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._left = QWidget()
        self.setMinimumWidth(NARROWEST)  # what stands side by side goes below one another before it asks for more
        self._build()
        self._connect()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._library.refresh()
        if self.focusWidget() is None:
            self.tree.setFocus()

    def show_item(self, key: str) -> None:
        """Bring one item to the front."""
        self.show_here()
        self._selected = self._wanted = key
        self.tree.select(key)
        self._show_details()

    def show_here(self) -> None:
        """What is on this computer."""
        self._pages.setCurrentIndex(0)
        self._mark()

    def show_catalog(self) -> None:
        """What can be had. The catalog is read, and the machine looked at, when it is first asked for."""
        if not self._offers:
            self._read_catalog()
        pace, machine = writing_pace(runs_here()), probe()
        outlooks = {key: outlook(offer, machine, pace) for key, offer in self._offers.items()}
        self.catalog.show_outlooks(outlooks, pace.judged_by if pace is not None else "")
        for key, offer in self._offers.items():
            self.catalog.show_download(key, self._downloads.of(offer))
        self._pages.setCurrentIndex(1)
        self._mark()

    def look_for_models(self) -> None:
        """Those in other programs' folders, to choose from."""
        self.found.show_looking()
        self._pages.setCurrentWidget(self.found)
        self._mark()
        self._library.look_elsewhere()

    # What is shown

    def _show_collection(self, collection: Collection) -> None:
        self.total.setText(total(collection))
        known = {item.key for item in collection.items}
        if self._wanted in known:
            self._selected, self._wanted = self._wanted, ""
        if self._selected not in known:
            used = next((key for key, uses in collection.uses.items() if any(use.character is None for use in uses)), "")
            self._selected = used or next(iter(known), "")
        self.tree.show_collection(collection, self._selected)
        self._show_details()
        last = self._library.adoption.history.last()
        self.roll_back_button.setEnabled(last is not None)
        who = "everybody" if last is None or last.character is None else last.name
        self.roll_back_button.setToolTip(f"Take back the last change, for {who}" if last is not None else "Nothing was changed")
        self.hint.setVisible(all(item.place in ("starter", "shipped") for item in collection.items))
        self.trash_button.setVisible(bool(collection.deleted))
        self.trash_button.setText(f"Trash, {bytes_text(sum(each.bytes for each in collection.deleted))}")

    def _show_details(self) -> None:
        collection = self._library.collection
        item = collection.family.item(self._selected) if collection is not None else None
        if item is None or collection is None:
            self._right.setCurrentWidget(self.invitation)
            return
        can_roll_back = self._library.adoption.history.last(item.key) is not None
        self.details.show_item(item, collection, can_roll_back=can_roll_back)
        self._right.setCurrentWidget(self.details)

    def _show_hashing(self, name: str) -> None:
        self.note.setText(f"Reading “{name}” to see where it belongs…" if name else "")
        self.note.setVisible(bool(name))

    def _mark(self) -> None:
        self.here_button.setChecked(self._pages.currentIndex() == 0)
        self.catalog_button.setChecked(self._pages.currentWidget() is self.catalog)

    def _read_catalog(self) -> None:
        try:
            offers = read_catalog()
        except ModelError as error:
            self.catalog.show_trouble(f"{error.what} {error.remedy}")
            return
        self._offers = {offer.key: offer for offer in offers}
        self.catalog.show_offers(offers, self._downloads.host)

    # What the person does

    def _item(self) -> Item | None:
        collection = self._library.collection
        return collection.family.item(self._selected) if collection is not None else None

    def _choose(self, key: str) -> None:
        self._selected, self._wanted = key, ""
        self._show_details()

    def _use_for_everybody(self) -> None:
        if (item := self._item()) is not None:
            self._library.adoption.use_for_everybody(item)

    def _use_for(self, character: str, on: bool) -> None:
        if (item := self._item()) is not None:
            (self._library.adoption.use_for if on else self._library.adoption.stop_using)(character, item)

    def _roll_back_item(self) -> None:
        if (item := self._item()) is not None:
            self._library.adoption.roll_back(self._library.adoption.history.last(item.key))

    def _reveal(self) -> None:
        if (item := self._item()) is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(item.path.parent)))

    def _open_report(self, page: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(page))

    def _remove(self) -> None:
        item = self._item()
        if item is not None and item.is_ours:
            self._library.delete(item)
        elif item is not None and item.place == "linked":
            self._library.unlink(item)

    def _fill_trash(self) -> None:
        self.trash_menu.clear()
        collection = self._library.collection
        for deleted in collection.deleted if collection is not None else ():
            action = self.trash_menu.addAction(f"Bring back “{deleted.name}” ({bytes_text(deleted.bytes)})")
            action.triggered.connect(lambda _on=False, deleted=deleted: self._library.restore(deleted))
        self.trash_menu.addSeparator()
        self.trash_menu.addAction("Empty the trash").triggered.connect(lambda: self._library.empty_trash())  # noqa: PLW0108

    def _show_downloaded(self, key: str) -> None:
        self.show_item(self._downloads.of(self._offers[key]).path)

    def _link(self, paths: list[Path]) -> None:
        self._library.link(paths)
        if paths:
            self._selected = str(paths[0])
        self.show_here()

    def _arrived(self, path: Path) -> None:
        self._selected = str(path)
        self._library.refresh()

    def _put_back(self, path: Path) -> None:
        self._selected = str(path)

    # Layout

    def _connect(self) -> None:
        library, downloads = self._library, self._downloads
        library.changed.connect(self._show_collection)
        library.hashing.connect(self._show_hashing)
        library.restored.connect(self._put_back)
        downloads.changed.connect(self.catalog.show_download)
        downloads.finished.connect(self._arrived)
        self.here_button.clicked.connect(self.show_here)
        self.catalog_button.clicked.connect(self.show_catalog)
        self.invitation.button.clicked.connect(self.show_catalog)
        self.roll_back_button.clicked.connect(lambda: library.adoption.roll_back())  # noqa: PLW0108 (clicked has an argument)
        self.look_button.clicked.connect(self.look_for_models)
        library.found_elsewhere.connect(self.found.show_found)
        self.found.link_requested.connect(self._link)
        self.found.left.connect(self.show_here)
        self.trash_menu.aboutToShow.connect(self._fill_trash)
        self.tree.chosen.connect(self._choose)
        self.tree.delete_pressed.connect(self.details.ask_to_remove)
        self.details.member_chosen.connect(self.show_item)
        self.details.everybody_chosen.connect(self._use_for_everybody)
        self.details.character_chosen.connect(self._use_for)
        self.details.roll_back_requested.connect(self._roll_back_item)
        self.details.reveal_requested.connect(self._reveal)
        self.details.report_requested.connect(self._open_report)
        self.details.removal_requested.connect(self._remove)
        self.catalog.start_requested.connect(lambda key: downloads.start(self._offers[key]))
        self.catalog.stop_requested.connect(lambda key: downloads.stop(self._offers[key]))
        self.catalog.discard_requested.connect(lambda key: downloads.discard(self._offers[key]))
        self.catalog.show_requested.connect(self._show_downloaded)
        self._theme.changed.connect(self.update)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        scale = self._theme.font_size / BODY
        narrow = self.width() < STACK_BELOW * min(scale, 1.4)
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._halves.setDirection(down if narrow else across)
        self._header.setDirection(down if self.width() < HEADER_BELOW * scale else across)
        self._give_room(is_low=narrow and self.height() < LOW * scale)
        self.tree.setMinimumHeight(round(LEAST_LIST * scale))
        self.title.setMinimumHeight(self.here_button.sizeHint().height())  # on one line with them
        if narrow:
            self._left.setFixedWidth(self.width())
            self._left.setMaximumHeight(max(round(self.height() * 0.42), round((LEAST_LIST + 12) * scale)))
        else:
            wanted = max(min(self.width() * LIST_SHARE, WIDEST_LIST * scale), NARROWEST_LIST * min(scale, 1.3))
            self._left.setFixedWidth(round(wanted))
            self._left.setMaximumHeight(QWIDGETSIZE_MAX)

    def _give_room(self, *, is_low: bool) -> None:
        """In a low page the list and the details keep their room; what stands beside the list moves up or goes."""
        for label in (self.total, self.note, self.hint):
            label.setMaximumHeight(0 if is_low else QWIDGETSIZE_MAX)
        if is_low:
            self._beside_names.insertWidget(1, self.look_button)
        else:
            self._column.addWidget(self.look_button, 0, Qt.AlignmentFlag.AlignLeft)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._pages.currentIndex() == 0 and self._halves.direction() is QBoxLayout.Direction.LeftToRight:
            top = self._pages.y()
            painter.fillRect(self._left.width(), top, 1, self.height() - top, self._theme.colour("line"))
        painter.end()

    def _build(self) -> None:
        self.title.setProperty("role", "title")
        for label in (self.total, self.note, self.hint):
            label.setProperty("role", "caption")
            label.setWordWrap(True)
            label.setContentsMargins(10, 4, 8, 4)
        self.note.hide()
        self.hint.hide()
        self.hint.setText("Only what comes along so far. The catalog has larger models that talk better.")
        self.look_button.setToolTip("Of LM Studio, GPT4All, Ollama and the Hugging Face cache; they stay where they are")
        self.trash_button.setMenu(self.trash_menu)
        self.trash_button.hide()
        self.roll_back_button.setEnabled(False)
        for button in (self.here_button, self.catalog_button):
            button.setCheckable(True)
        for button in (self.here_button, self.catalog_button, self.roll_back_button, self.trash_button):
            button.setProperty("role", "quiet")
        for button in (self.here_button, self.catalog_button, self.roll_back_button, self.trash_button, self.look_button):
            button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.invitation.sentence.setText(
            "Models, and the adapters that give a character her voice, are kept here. Download one to begin with."
        )
        self.invitation.button.setText("Open the catalog")
        self.invitation.button.setProperty("role", "primary")
        self._header.setContentsMargins(24, 16, 24, 8)
        self._header.setSpacing(8)
        names = FlowLayout(8, 0)
        for widget in (self.title, self.here_button, self.catalog_button):
            names.addWidget(widget)
        self._header.addLayout(names, 1)
        self._beside_names = _row(None, self.trash_button, self.roll_back_button)
        self._header.addLayout(self._beside_names)
        left = self._column = QVBoxLayout(self._left)
        left.setContentsMargins(16, 4, 8, 8)
        left.setSpacing(4)
        left.addWidget(self.total)
        left.addWidget(self.tree, 1)
        for each in (self.note, self.hint):
            left.addWidget(each)
        self._give_room(is_low=False)
        self._right.addWidget(self.invitation)
        self._right.addWidget(self.details)
        here = QWidget()
        self._halves.setContentsMargins(0, 0, 0, 0)
        self._halves.setSpacing(1)
        self._halves.addWidget(self._left)
        self._halves.addWidget(self._right, 1)
        here.setLayout(self._halves)
        self._pages.addWidget(here)
        self._pages.addWidget(self.catalog)
        self._pages.addWidget(self.found)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._header)
        column.addWidget(self._pages, 1)
        self._mark()


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """None stands for the space that grows."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        else:
            row.addWidget(widget)
    return row
