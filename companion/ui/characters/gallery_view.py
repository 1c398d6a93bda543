"""The tiles: arrow keys move, Enter talks, F2 or E edits, Ctrl+D duplicates, Del deletes, the pointer brings the buttons."""

from __future__ import annotations

from functools import partial
from time import monotonic

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QListView, QStyle, QWidget

from companion.ui.characters.gallery_actions import TileActions, TileMenu
from companion.ui.characters.gallery_model import GalleryModel, Index
from companion.ui.characters.gallery_tile import FADE_MS, TileDelegate
from companion.ui.characters.thumbnails import Key, Thumbnails
from companion.ui.theme import Theme

FRAME_MS = 16
KEYS = {
    Qt.Key.Key_Return: "talk",
    Qt.Key.Key_Enter: "talk",
    Qt.Key.Key_F2: "edit",
    Qt.Key.Key_E: "edit",
    Qt.Key.Key_Delete: "delete",
}

BY_KEYBOARD = {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason}


class GalleryView(QListView):
    asked = Signal(str, str)
    """Name of a deed (with a form: "export:png") and identifier of the character."""

    def __init__(self, theme: Theme, model: GalleryModel, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._model = model
        self._delegate = TileDelegate(theme, model, thumbnails, self)
        self._hovered: str | None = None
        self._kept: tuple[str | None, int] = (None, 0)
        """Identifier and row of the cursor while the rows are exchanged."""
        self._fading = QTimer(self, interval=FRAME_MS)
        self._fading.timeout.connect(self._fade)
        self.buttons = TileActions(theme, self.viewport())
        self.buttons.asked.connect(lambda deed: self._ask(deed, self._active_index()))
        self.buttons.menu_wanted.connect(lambda place: self.open_menu(self._active_index(), place))
        self._set_up()
        thumbnails.arrived.connect(self._picture_arrived)
        model.modelAboutToBeReset.connect(self._remember_cursor)
        model.modelReset.connect(self._restore_cursor)
        theme.changed.connect(self._theme_changed)

    def _set_up(self) -> None:
        self.setAccessibleName("Characters")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSelectionRectVisible(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().setSingleStep(32)
        # The tile with the cursor shows where the keyboard is; a frame around all of them would say it twice.
        self.setStyleSheet("QListView, QListView:focus { border: none; border-radius: 0; }")
        self.setModel(self._model)
        self.setItemDelegate(self._delegate)

    # What is shown

    def put_cursor_on(self, identifier: str | None) -> None:
        """Move the keyboard's cursor to a character, and scroll to it."""
        index = self._model.index_of(identifier)
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def picture_place(self, index: Index) -> QRect:
        """Where a portrait is in the viewport."""
        return self._delegate.picture_place(self.visualRect(index))

    def open_menu(self, index: Index, place: QPoint) -> None:
        summary = self._model.summary_at(index)
        if summary is not None:
            menu = TileMenu(self._theme, summary, self)
            menu.asked.connect(partial(self._ask_for, summary.identifier))
            menu.popup(place)

    # Events

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._share_room()
        super().resizeEvent(event)
        QTimer.singleShot(0, self, self._follow)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        if not self._delegate.shows_cursor:
            self._point_at(self.viewport().mapFromGlobal(self.cursor().pos()))
        self._follow()

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        self._follow()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in BY_KEYBOARD:
            if not self.currentIndex().isValid():
                self.setCurrentIndex(self._model.index(0))
            self._use_keyboard(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        QTimer.singleShot(0, self, self._follow)  # it may have gone on to the buttons of the tile

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self._use_keyboard(True)
        plain = event.modifiers() in {Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier}
        if plain and event.key() in KEYS:
            self._ask(KEYS[Qt.Key(event.key())], self.currentIndex())
        elif event.modifiers() == Qt.KeyboardModifier.ControlModifier and event.key() == Qt.Key.Key_D:
            self._ask("duplicate", self.currentIndex())
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._use_keyboard(False)
        self._point_at(event.position().toPoint())
        super().mouseMoveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._use_keyboard(False)
        self._point_at(event.position().toPoint())
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._ask("talk", self.indexAt(event.position().toPoint()))

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._hovered = None
            self._follow()
        return super().viewportEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        if index.isValid():
            place = self.viewport().mapToGlobal(self.picture_place(index).center()) if by_key else event.globalPos()
            self.open_menu(index, place)

    # The active tile: the one with the buttons

    def _active_index(self) -> QModelIndex:
        return self._model.index_of(self._delegate.active)

    def _use_keyboard(self, used: bool) -> None:
        if self._delegate.shows_cursor != used:
            self._delegate.shows_cursor = used
            self._follow()
            self.viewport().update()

    def _point_at(self, place: QPoint) -> None:
        inside = self.viewport().rect().contains(place)
        summary = self._model.summary_at(self.indexAt(place)) if inside else None
        hovered = summary.identifier if summary is not None else None
        if hovered != self._hovered:
            self._hovered = hovered
            self._follow()

    def _follow(self) -> None:
        """Bring the buttons to the active tile, or away."""
        delegate = self._delegate
        active = self._with_cursor() if delegate.shows_cursor else self._hovered
        if active != delegate.active:
            delegate.active = active
            self.viewport().update()
        index = self._active_index()
        summary = self._model.summary_at(index)
        if summary is None:
            self.buttons.hide()
        else:
            self.buttons.show_for(summary, self.picture_place(index))

    def _with_cursor(self) -> str | None:
        current = self._model.summary_at(self.currentIndex())
        focused = self.hasFocus() or self.buttons.isAncestorOf(QApplication.focusWidget() or self)
        return current.identifier if current is not None and focused else None

    def _remember_cursor(self) -> None:
        index = self.currentIndex()
        summary = self._model.summary_at(index)
        self._kept = (summary.identifier, index.row()) if summary is not None else (None, 0)

    def _restore_cursor(self) -> None:
        """On the same one, else on whoever stands in that place now."""
        identifier, row = self._kept
        index = self._model.index_of(identifier)
        if not index.isValid() and identifier is not None:
            index = self._model.index(min(row, self._model.rowCount() - 1))
        self.setCurrentIndex(index)
        self._follow()

    # Answers

    def _ask(self, deed: str, index: Index) -> None:
        summary = self._model.summary_at(index)
        if summary is not None:
            self.asked.emit(deed, summary.identifier)

    def _ask_for(self, identifier: str, deed: str) -> None:
        self.asked.emit(deed, identifier)

    def _share_room(self) -> None:
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent, None, self.verticalScrollBar())
        # Qt breaks a row that is as wide as its room.
        self.setGridSize(self._delegate.share_room(self.maximumViewportSize().width() - bar - 1))

    def _theme_changed(self) -> None:
        self._delegate.forget_sizes()
        self._share_room()
        self.viewport().update()
        QTimer.singleShot(0, self, self._follow)

    # Pictures that arrive

    def _picture_arrived(self, key: Key) -> None:
        if self._theme.duration(FADE_MS):
            self._delegate.arrivals[key] = monotonic()
            self._fading.start()
        self._update_picture(key)

    def _fade(self) -> None:
        arrivals = self._delegate.arrivals
        late = monotonic() - FADE_MS / 1000
        for key, arrived in list(arrivals.items()):
            if arrived < late:
                del arrivals[key]
            self._update_picture(key)
        if not arrivals:
            self._fading.stop()

    def _update_picture(self, key: Key) -> None:
        index = self._model.index_of_picture(key)
        if index.isValid():
            self.viewport().update(self.visualRect(index))
