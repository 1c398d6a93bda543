"""The list at the left: every model and adapter below what it was made of."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPen, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView

from companion.core.library.collection import Collection
from companion.core.library.family import Member
from companion.core.library.health import overall
from companion.core.library.item import Item
from companion.ui.icons import pixmap
from companion.ui.palette import mix
from companion.ui.theme import BODY, Theme
from companion.ui.workshop.library.words import caption

Index = QModelIndex | QPersistentModelIndex
PADDING, GAP, ICON, ARROW = 10, 4, 16, 14
INDENT = 18
DEEPEST = 12
"""Levels that are shown: families of files can claim any depth."""


class Role(IntEnum):
    KEY = Qt.ItemDataRole.UserRole.value + 1
    CAPTION = Qt.ItemDataRole.UserRole.value + 2
    STATE = Qt.ItemDataRole.UserRole.value + 3
    """ "good", "unknown", "bad" or "missing"."""


class LibraryTree(QTreeView):
    """Emits the key of an item when the person chooses it; what is not here cannot be chosen."""

    chosen = Signal(str)
    delete_pressed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows = QStandardItemModel(self)
        self.setModel(self._rows)
        self.setItemDelegate(_Delegate(theme, self))
        self.setHeaderHidden(True)
        self.setProperty("role", "cards")  # the row with the cursor is framed, the list need not be
        ground = self.palette()
        ground.setColor(QPalette.ColorRole.Highlight, Qt.GlobalColor.transparent)  # the ground of a row is the delegate's
        self.setPalette(ground)
        self.setIndentation(INDENT)
        self.setAnimated(not theme.reduce_motion)
        self.setUniformRowHeights(True)
        self.setExpandsOnDoubleClick(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setFrameShape(QTreeView.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setAccessibleName("Models and adapters")
        self.selectionModel().currentChanged.connect(self._current_changed)
        theme.changed.connect(self._theme_changed)

    def show_collection(self, collection: Collection, selected: str) -> None:
        """Everything anew; `selected` keeps the cursor, and what was folded stays so."""
        folded = {index.data(Role.KEY) for index in self._all() if self._rows.hasChildren(index) and not self.isExpanded(index)}
        scrolled = self.verticalScrollBar().value()
        self.selectionModel().blockSignals(True)
        self._rows.clear()
        for root in sorted(collection.family.roots, key=lambda member: _rank(member, collection)):
            self._rows.appendRow(_row(root, collection, 0))
        self.selectionModel().blockSignals(False)
        for index in self._all():
            self.setExpanded(index, index.data(Role.KEY) not in folded)
        self.select(selected)
        self.verticalScrollBar().setValue(scrolled)

    def select(self, key: str) -> None:
        """Put the cursor on an item; emits nothing."""
        found = next((index for index in self._all() if index.data(Role.KEY) == key), QModelIndex())
        self.selectionModel().blockSignals(True)
        self.setCurrentIndex(found)
        self.selectionModel().blockSignals(False)
        self.viewport().update()
        if found.isValid():
            self.scrollTo(found)

    def drawBranches(self, painter: QPainter, rect: QRect, index: Index) -> None:
        """Only the arrow."""
        if self._rows.hasChildren(index):
            name = "chevron-down" if self.isExpanded(index) else "chevron-right"
            size = round(ARROW * self._theme.font_size / BODY)
            drawn = pixmap(name, self._theme, "muted", size, self.devicePixelRatioF())
            painter.drawPixmap(rect.right() - (INDENT + size) // 2, rect.center().y() - size // 2, drawn)

    def keyPressEvent(self, event: Any) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    def _all(self) -> list[QModelIndex]:
        found, waiting = [], [QModelIndex()]
        while waiting:
            parent = waiting.pop()
            below = [self._rows.index(row, 0, parent) for row in range(self._rows.rowCount(parent))]
            found += below
            waiting += below
        return found

    def _current_changed(self, current: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(current.data(Role.KEY))

    def _theme_changed(self) -> None:
        self.setAnimated(not self._theme.reduce_motion)
        self.scheduleDelayedItemsLayout()


def _rank(member: Member, collection: Collection) -> int:
    """What everybody thinks with comes first, what cannot be used last; between them names decide."""
    if not isinstance(member, Item):
        return 2
    if member.what:
        return 3
    return 0 if any(use.character is None for use in collection.uses.get(member.key, ())) else 1


def _row(member: Member, collection: Collection, depth: int) -> QStandardItem:
    row = QStandardItem(member.name)
    row.setData(member.key, Role.KEY)
    if isinstance(member, Item):
        said = caption(member, collection.family.link(member), collection.uses.get(member.key, ()))
        row.setData(overall(collection.health.get(member.key, ())), Role.STATE)
    else:
        said = "Not on this computer"
        row.setData("missing", Role.STATE)
        row.setSelectable(False)
    row.setData(said, Role.CAPTION)
    row.setData(f"{member.name}, {said}", Qt.ItemDataRole.AccessibleTextRole)
    row.setData(f"{member.name}\n{said}", Qt.ItemDataRole.ToolTipRole)
    if depth < DEEPEST:
        for child in collection.family.children(member):
            row.appendRow(_row(child, collection, depth + 1))
    return row


class _Delegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, view: LibraryTree) -> None:
        super().__init__(view)
        self._theme = theme
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        name, small = (QFontMetrics(self._theme.font(size)).height() for size in (14, 12))
        return QSize(80, name + small + 2 * PADDING + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        state, palette = index.data(Role.STATE), self._theme.palette
        card: QRect = option.rect.adjusted(0, 1, -2, -GAP + 1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if selected or hovered:
            painter.setBrush(QColor(palette.raised if selected else mix(palette.bg, palette.raised, 0.5)))
            ring = selected and self._view.hasFocus()
            painter.setPen(QPen(self._theme.colour("accent"), 2) if ring else Qt.PenStyle.NoPen)
            painter.drawRoundedRect(QRectF(card).adjusted(1, 1, -1, -1), 10, 10)
        inner = card.adjusted(PADDING, PADDING - 2, -PADDING, -PADDING + 2)
        if state == "bad":
            mark = round(ICON * self._theme.font_size / BODY)
            drawn = pixmap("error", self._theme, "bad", mark, painter.device().devicePixelRatioF())
            painter.drawPixmap(inner.right() - mark, inner.center().y() - mark // 2, drawn)
            inner.adjust(0, 0, -mark - 6, 0)
        lines = (
            (index.data(), 14, 600 if selected else 400, "muted" if state == "missing" else "text", Qt.AlignmentFlag.AlignTop),
            (index.data(Role.CAPTION), 12, 400, "bad" if state == "bad" else "muted", Qt.AlignmentFlag.AlignBottom),
        )
        for text, size, weight, colour, where in lines:
            painter.setFont(self._theme.font(size, weight))
            painter.setPen(self._theme.colour(colour))
            cut = Qt.TextElideMode.ElideMiddle if where is Qt.AlignmentFlag.AlignTop else Qt.TextElideMode.ElideRight
            words = painter.fontMetrics().elidedText(text, cut, inner.width())
            painter.drawText(inner, int(Qt.AlignmentFlag.AlignLeft) | int(where), words)
        painter.restore()
