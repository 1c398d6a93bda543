"""The page of characters: whom to talk with, and where cards come in and go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from companion.core.character_library import CharacterSummary
from companion.core.paths import cache_folder
from companion.ui.characters.gallery_drop import cards_in, drop_words
from companion.ui.characters.gallery_header import GalleryHeader
from companion.ui.characters.gallery_model import GalleryModel
from companion.ui.characters.gallery_view import GalleryView
from companion.ui.characters.thumbnails import Thumbnails
from companion.ui.drop_veil import DropVeil
from companion.ui.invitation import Invitation
from companion.ui.theme import Theme

MARGIN, NARROW_MARGIN, NARROW_BELOW = 24, 16, 480
HINT_FROM = 680
"""A lower page has no room for it below a whole tile."""
TEACH = "Characters that others have made come as cards: drop a .png, .json or .charx file anywhere on this page."


class Gallery(QWidget):
    """Shows summaries and emits what the person wants; reads no file but portraits, and those in threads."""

    talk_requested = Signal(str)
    edit_requested = Signal(str)
    new_requested = Signal()
    import_requested = Signal(object)
    """Paths to import; an empty list asks for the file dialog."""
    stop_requested = Signal()
    duplicate_requested = Signal(str)
    delete_requested = Signal(str)
    export_requested = Signal(str, str)
    """Identifier and form: "png", "v3", "v2" or "charx"."""

    def __init__(self, theme: Theme, thumbnails: Thumbnails | None = None) -> None:
        super().__init__()
        self._theme = theme
        self.model = GalleryModel(self)
        self.thumbnails = thumbnails or Thumbnails(cache_folder() / "thumbnails", self)
        self.header = GalleryHeader(theme)
        self.view = GalleryView(theme, self.model, self.thumbnails)
        self.hint = Invitation()
        self.nothing = Invitation()
        self._veil = DropVeil(theme, self)
        self._pages = QStackedWidget()
        self._arrange()
        self._connect()
        self.setAcceptDrops(True)
        self.setFocusProxy(self.view)

    # What is shown

    def show_characters(
        self, summaries: Sequence[CharacterSummary], chosen: str, used: Mapping[str, float] | None = None
    ) -> None:
        """All there are; `used` says when each was last talked with, in seconds since the epoch."""
        scrolled = self.view.verticalScrollBar().value()
        self.model.set_chosen(chosen)
        self.model.show_characters(summaries, used or {})
        if not self.view.currentIndex().isValid():
            self.view.put_cursor_on(chosen)
        else:
            self.view.verticalScrollBar().setValue(scrolled)
        self._show_counts()

    def set_chosen(self, identifier: str) -> None:
        """Mark the one whom new conversations are with."""
        self.model.set_chosen(identifier)

    def put_cursor_on(self, identifier: str) -> None:
        """Bring a character into sight, such as the one just imported; a search that hides it ends."""
        if not self.model.index_of(identifier).isValid():
            self.header.search.clear()
        self.view.put_cursor_on(identifier)

    def show_progress(self, done: int, total: int) -> None:
        """An import is under way; it has ended when `done` is `total`."""
        self.header.progress.show_progress(done, total)

    def focus_search(self) -> None:
        self.header.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.header.search.selectAll()

    def _show_counts(self) -> None:
        shown, total = self.model.rowCount(), self.model.total
        self.header.show_count(shown, total)
        self._pages.setCurrentWidget(self.view if shown or not total else self.nothing)
        self._show_hint()
        searched = self.header.search.text().strip()
        self.nothing.sentence.setText(f"Nobody here matches “{searched}”.")

    def _show_hint(self) -> None:
        self.hint.setVisible(self.model.total == 1 and self.height() >= HINT_FROM)

    # Layout

    def _arrange(self) -> None:
        self.hint.sentence.setText(TEACH)
        self.hint.button.setText("Import cards")
        self.nothing.button.setText("Clear the search")
        self._pages.addWidget(self.view)
        self._pages.addWidget(self.nothing)
        self._column = QVBoxLayout(self)
        self._column.setSpacing(16)
        self._column.addWidget(self.header)
        self._column.addWidget(self._pages, 1)
        self._column.addWidget(self.hint)
        self.hint.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        margin = NARROW_MARGIN if self.width() < NARROW_BELOW else MARGIN
        self._column.setContentsMargins(margin - 8, 24, 0, 0)
        self.header.setContentsMargins(8, 0, margin, 0)
        self._show_hint()
        super().resizeEvent(event)

    def _connect(self) -> None:
        header = self.header
        header.search.textChanged.connect(self._search)
        header.search.left_down.connect(self._enter_tiles)
        header.search.returnPressed.connect(self._enter_tiles)
        header.order_chosen.connect(self.model.sort_by)
        header.new_requested.connect(self.new_requested)
        header.import_requested.connect(lambda: self.import_requested.emit([]))
        header.stop_requested.connect(self.stop_requested)
        self.hint.button.clicked.connect(lambda: self.import_requested.emit([]))
        self.nothing.button.clicked.connect(self._end_search)
        self.view.asked.connect(self._ask)

    # What the person does

    def _search(self, text: str) -> None:
        self.model.search(text)
        self._show_counts()

    def _end_search(self) -> None:
        self.header.search.clear()
        self.header.search.setFocus(Qt.FocusReason.OtherFocusReason)

    def _enter_tiles(self) -> None:
        if self.model.rowCount():
            self.view.setCurrentIndex(self.view.currentIndex() if self.view.currentIndex().isValid() else self.model.index(0))
            self.view.setFocus(Qt.FocusReason.TabFocusReason)

    def _ask(self, deed: str, identifier: str) -> None:
        name, _, form = deed.partition(":")
        match name:
            case "talk":
                self.talk_requested.emit(identifier)
            case "edit":
                self.edit_requested.emit(identifier)
            case "duplicate":
                self.duplicate_requested.emit(identifier)
            case "export":
                self.export_requested.emit(identifier, form)
            case "delete" if identifier:
                self.delete_requested.emit(identifier)

    # Dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if cards := cards_in(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self._veil.show_words(drop_words(len(cards)))

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if cards_in(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._veil.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self._veil.hide()
        if cards := cards_in(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.import_requested.emit(cards)
