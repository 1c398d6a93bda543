"""How a memory is drawn, the buttons that appear on it, and the field in which it is changed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QPlainTextEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from companion.core.memory import Memory
from companion.ui.icons import pixmap
from companion.ui.memory.memory_model import Index, MemoryModel, Role
from companion.ui.palette import mix
from companion.ui.theme import Theme

PADDING, GAP = 14, 6
BUTTON = 28
ACTIONS = {"pin": "Tell her always", "open": "Show where it was said", "edit": "Change", "trash": "Delete"}
"""Icon and meaning of the buttons on a row, from the left."""
_WRAP = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignLeft)


class MemoryDelegate(QStyledItemDelegate):
    action_chosen = Signal(object, str)
    """A Memory and one of ACTIONS."""

    def __init__(self, theme: Theme, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._theme = theme
        self._view = view
        self._heights: dict[str, int] = {}
        self._measured_for = (0, "")

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        width = self._view.viewport().width()
        text = self._text_height(index.data(Qt.ItemDataRole.DisplayRole) or "", width)
        caption = QFontMetrics(self._theme.font(12)).height()
        return QSize(80, text + caption + 26 + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        memory: Memory = index.data(Role.MEMORY)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        card = option.rect.adjusted(0, 0, 0, -GAP)
        palette = self._theme.palette
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(palette.raised if selected else mix(palette.surface, palette.raised, 0.4 if hovered else 0)))
        focused = selected and self._view.hasFocus()
        painter.setPen(QPen(self._theme.colour("accent" if focused else "line"), 2 if focused else 1))
        painter.drawRoundedRect(QRectF(card).adjusted(1, 1, -1, -1), 12, 12)
        self._draw_words(painter, card, index.data(Qt.ItemDataRole.DisplayRole), index.data(Role.SOURCE))
        if hovered or selected:
            for name, place in self.places(option.rect, memory).items():
                colour = "accent" if name == "pin" and memory.pinned else "muted"
                drawn = pixmap(name, self._theme, colour, 18, painter.device().devicePixelRatioF())
                painter.drawPixmap(place.center() - QPoint(8, 8), drawn)
        elif memory.pinned:
            place = self.places(option.rect, memory)["trash"]
            drawn = pixmap("pin", self._theme, "accent", 18, painter.device().devicePixelRatioF())
            painter.drawPixmap(place.center() - QPoint(8, 8), drawn)
        painter.restore()

    def places(self, row: QRect, memory: Memory) -> dict[str, QRect]:
        """Where the buttons of a row are, in the view's coordinates."""
        names = [name for name in ACTIONS if name != "open" or memory.message is not None]
        card = row.adjusted(0, 0, 0, -GAP)
        left = card.right() - PADDING // 2 - BUTTON * len(names)
        top = card.bottom() - BUTTON - 5
        return {name: QRect(left + i * BUTTON, top, BUTTON, BUTTON) for i, name in enumerate(names)}

    def editorEvent(self, event: QEvent, model: object, option: QStyleOptionViewItem, index: Index) -> bool:
        if isinstance(event, QMouseEvent) and event.type() is QEvent.Type.MouseButtonRelease:
            memory: Memory = index.data(Role.MEMORY)
            for name, place in self.places(option.rect, memory).items():
                if place.contains(event.position().toPoint()):
                    self.action_chosen.emit(memory, name)
                    return True
        return False

    def action_at(self, position: QPoint, row: QRect, memory: Memory) -> str:
        """Icon name of the button under the pointer, empty for none."""
        return next((name for name, place in self.places(row, memory).items() if place.contains(position)), "")

    # The field

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QPlainTextEdit(parent)
        editor.setAccessibleName("Memory")
        editor.setTabChangesFocus(True)
        editor.installEventFilter(self)
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        assert isinstance(editor, QPlainTextEdit)  # noqa: S101 - made above
        editor.setPlainText(index.data(Qt.ItemDataRole.EditRole))
        editor.selectAll()

    def setModelData(self, editor: QWidget, model: object, index: Index) -> None:
        if isinstance(editor, QPlainTextEdit) and isinstance(model, MemoryModel):
            model.setData(index, editor.toPlainText())

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        editor.setGeometry(option.rect.adjusted(2, 2, -2, -GAP - 2))

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            breaks_line = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not breaks_line:
                self.commitData.emit(editor)
                self.closeEditor.emit(editor)
                return True
        return super().eventFilter(editor, event)

    def _text_height(self, text: str, width: int) -> int:
        """Kept: each new list asks for all of them again, and measuring thousands holds the page up."""
        font = self._theme.font()
        if self._measured_for != (width, font.key()):
            self._measured_for = (width, font.key())
            self._heights.clear()
        height = self._heights.get(text)
        if height is None:
            room = QRect(0, 0, max(width - 2 * PADDING, 60), 100_000)
            height = self._heights[text] = QFontMetrics(font).boundingRect(room, _WRAP, text).height()
        return height

    def _draw_words(self, painter: QPainter, card: QRect, text: str, source: str) -> None:
        inner = card.adjusted(PADDING, 10, -PADDING, -9)
        caption = QFontMetrics(self._theme.font(12)).height()
        painter.setFont(self._theme.font())
        painter.setPen(self._theme.colour("text"))
        painter.drawText(inner.adjusted(0, 0, 0, -caption), _WRAP, text)
        painter.setFont(self._theme.font(12))
        painter.setPen(self._theme.colour("muted"))
        room = inner.adjusted(0, 0, -BUTTON * len(ACTIONS), 0)
        words = painter.fontMetrics().elidedText(source, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft) | int(Qt.AlignmentFlag.AlignBottom), words)
