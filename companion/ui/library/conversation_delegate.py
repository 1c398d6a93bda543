"""How a row of the conversation list is drawn, and the field in which its title is changed."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from companion.core.conversation import Conversation
from companion.ui.icons import pixmap
from companion.ui.library.conversation_model import ConversationModel, Heading, Index, Role, Row, texts_of
from companion.ui.library.emphasis import pieces, shortened
from companion.ui.palette import mix
from companion.ui.theme import Theme

PADDING = 12
GAP = 4
"""Between two rows."""
MORE = 28


class ConversationDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, model: ConversationModel, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self._model = model
        self.searched: tuple[str, ...] = ()
        """The folded words of the search whose hits are shown."""
        self.shows_cursor = False
        """Whether the row with the keyboard's cursor is framed: not while the mouse is used."""
        self._heights: tuple[int, int] | None = None

    def forget_sizes(self) -> None:
        """Call when the theme has changed."""
        self._heights = None

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        title, detail = self._line_heights()
        return QSize(80, detail + 22 if isinstance(index.data(Role.ROW), Heading) else title + detail + 18 + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(Role.ROW)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setLayoutDirection(Qt.LayoutDirection.LayoutDirectionAuto)  # by the letters of each line
        if isinstance(row, Heading):
            self._draw_heading(painter, option.rect, row)
        elif row is not None:
            self._draw_row(painter, option, row)
        painter.restore()

    def has_more(self, row: object) -> bool:
        """Whether a row has a menu."""
        return isinstance(row, Conversation)

    def more_place(self, row: QRect) -> QRect:
        """Where the "more" button of a row is."""
        card = row.adjusted(0, 0, 0, -GAP)
        return QRect(card.right() - MORE - 4, card.center().y() - MORE // 2, MORE, MORE)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setAccessibleName("New title")
        editor.setMaxLength(200)
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        editor.setGeometry(option.rect.adjusted(0, 4, 0, -GAP - 4))

    def _line_heights(self) -> tuple[int, int]:
        """Of the title and the line below it."""
        if self._heights is None:
            title, detail = QFontMetrics(self._theme.font(14, 600)), QFontMetrics(self._theme.font(12))
            self._heights = title.height(), detail.height()
        return self._heights

    def _draw_heading(self, painter: QPainter, place: QRect, row: Heading) -> None:
        painter.setFont(self._theme.font(12))
        painter.setPen(self._theme.colour("muted"))
        inner = place.adjusted(PADDING, 0, -PADDING, -6)
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, row.words)

    def _draw_row(self, painter: QPainter, option: QStyleOptionViewItem, row: Row) -> None:
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        has_cursor = self.shows_cursor and bool(option.state & QStyle.StateFlag.State_HasFocus)
        card = option.rect.adjusted(0, 0, 0, -GAP)
        self._draw_card(painter, card, is_open=_is_open(row, self._model), hovered=hovered, has_cursor=has_cursor)
        inner = card.adjusted(PADDING, 8, -PADDING, -8)
        if isinstance(row, Conversation) and (hovered or has_cursor):
            more = self.more_place(option.rect)
            drawn = pixmap("more", self._theme, "muted", 18, painter.device().devicePixelRatioF())
            painter.drawPixmap(more.center() - QPoint(8, 8), drawn)
            inner.setRight(more.left() - 4)
        title, detail = texts_of(row)
        title_height, detail_height = self._line_heights()
        top = inner.top() if detail else inner.center().y() - title_height // 2
        place = QRect(inner.left(), top, inner.width(), title_height)
        self._draw_line(painter, place, title, self._theme.font(14, 600), "text")
        place = QRect(inner.left(), inner.bottom() - detail_height + 1, inner.width(), detail_height)
        self._draw_line(painter, place, detail, self._theme.font(12), "muted")

    def _draw_card(self, painter: QPainter, card: QRect, *, is_open: bool, hovered: bool, has_cursor: bool) -> None:
        if not (is_open or hovered or has_cursor):
            return
        palette = self._theme.palette
        ground = palette.raised if is_open else mix(palette.surface, palette.raised, 0.55 if hovered else 0)
        painter.setBrush(QColor(ground))
        painter.setPen(QPen(self._theme.colour("accent"), 2) if has_cursor else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRectF(card).adjusted(1, 1, -1, -1), 10, 10)

    def _draw_line(self, painter: QPainter, place: QRect, words: str, font: QFont, colour: str) -> None:
        """One line, cut at its end; what was searched for stands out by weight and colour."""
        metrics = QFontMetrics(font)
        if not self.searched:
            painter.setFont(font)
            painter.setPen(self._theme.colour(colour))
            painter.drawText(place, _LEFT, metrics.elidedText(words, _RIGHT, place.width()))
            return
        strong = QFont(font)
        strong.setWeight(QFont.Weight.DemiBold)
        left = place.left()
        for piece in pieces(shortened(words, self.searched, metrics, place.width()), self.searched):
            painter.setFont(strong if piece.found else font)
            room = QRect(left, place.top(), place.right() - left + 1, place.height())
            used = painter.fontMetrics()
            shown = used.elidedText(piece.words, _RIGHT, room.width())
            painter.setPen(self._theme.colour("accent2" if piece.found and shown != "…" else colour))
            painter.drawText(room, _LEFT, shown)
            left += used.horizontalAdvance(piece.words)
            if left >= place.right():
                break


_RIGHT = Qt.TextElideMode.ElideRight
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter


def _is_open(row: Row, model: ConversationModel) -> bool:
    return isinstance(row, Conversation) and row.id == model.current
