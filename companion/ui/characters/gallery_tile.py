"""How one character of the gallery is drawn: portrait, name, who made it, and what it is about while it is pointed at."""

from __future__ import annotations

from time import monotonic

from PySide6.QtCore import QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QLinearGradient, QPainter, QPen, QPixmap, QTransform
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from companion.core.character_library import CharacterSummary
from companion.ui.characters.gallery_actions import ACTIONS_HEIGHT
from companion.ui.characters.gallery_model import GalleryModel, Index, Role
from companion.ui.characters.grounds import ground
from companion.ui.characters.thumbnails import Thumbnails
from companion.ui.icons import pixmap
from companion.ui.palette import mix
from companion.ui.stage.portrait import initial_of, paint_initial
from companion.ui.theme import Theme

GAP = 12
"""Between two tiles."""
PADDING = 8
RADIUS = 16
WIDEST, NARROWEST = 232, 168
"""Of a tile; the columns share what room there is."""
BADGE = 26
CHIP_GAP, CHIP_ROWS, MOST_CHIPS = 4, 3, 12
LONGEST = 200
"""Of a text that is measured: a card may bring a name of a million letters."""
FADE_MS = 160


class TileDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, model: GalleryModel, thumbnails: Thumbnails, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self._model = model
        self._thumbnails = thumbnails
        self.active: str | None = None
        """Identifier of the one that is pointed at or has the keyboard's cursor: it shows its tags."""
        self.shows_cursor = False
        """Whether the active one is framed: not while the mouse is used."""
        self.arrivals: dict[tuple[str, float], float] = {}
        """When the pictures that fade in arrived, on the monotonic clock."""
        self._heights: tuple[int, int] | None = None
        self._cell = QSize(NARROWEST + GAP, 2 * NARROWEST)

    def forget_sizes(self) -> None:
        """Call when the theme has changed."""
        self._heights = None

    def share_room(self, room: int) -> QSize:
        """Size of a tile and the gap after it, from now on, when the columns share `room` pixels."""
        columns = max(room // (NARROWEST + GAP), 1)
        width = min(room // columns, WIDEST + GAP)
        height = self.picture_place(QRect(0, 0, width, 0)).bottom() + 1 + self._words_height() + PADDING + GAP
        self._cell = QSize(width, height)
        return self._cell

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self._cell

    def picture_place(self, cell: QRect) -> QRect:
        """The portrait in a cell: three to four."""
        width = cell.width() - GAP - 2 * PADDING
        return QRect(cell.left() + PADDING, cell.top() + PADDING, width, width * 4 // 3)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        summary = index.data(Role.SUMMARY)
        if summary is None:
            return
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setLayoutDirection(Qt.LayoutDirection.LayoutDirectionAuto)  # by the letters of each line
        is_active, is_chosen = summary.identifier == self.active, summary.identifier == self._model.chosen
        if is_active:
            self._draw_card(painter, option.rect.adjusted(0, 0, -GAP, -GAP))
        place = self.picture_place(option.rect)
        self._draw_picture(painter, place, summary)
        if is_active:
            self._draw_tags(painter, place, summary.tags)
        if is_chosen:
            self._draw_mark(painter, place)
        self._draw_words(painter, place, summary)
        painter.restore()

    def _draw_card(self, painter: QPainter, card: QRect) -> None:
        painter.setBrush(self._theme.colour("surface" if self._theme.palette.name == "light" else "raised"))
        painter.setPen(QPen(self._theme.colour("accent"), 2) if self.shows_cursor else QPen(self._theme.colour("line"), 1))
        painter.drawRoundedRect(QRectF(card).adjusted(1, 1, -1, -1), RADIUS + 6, RADIUS + 6)

    def _draw_picture(self, painter: QPainter, place: QRect, summary: CharacterSummary) -> None:
        key = (summary.portrait, summary.modified)
        picture = self._thumbnails.find(*key, painter.device().devicePixelRatioF())
        shown = 0.0 if picture is None else self._opacity(key)
        painter.setPen(Qt.PenStyle.NoPen)
        if picture is None or shown < 1 or picture.hasAlphaChannel():
            painter.setBrush(ground(place, summary.name))
            painter.drawRoundedRect(QRectF(place), RADIUS, RADIUS)
        if picture is None:
            painter.setOpacity(0.85)
            paint_initial(
                painter,
                QRectF(place).adjusted(0, place.height() / 4, 0, -place.height() / 4),
                initial_of(summary.name),
                "#FFFFFF",
            )
            painter.setOpacity(1)
            return
        painter.setOpacity(shown)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_stretched(picture, place))
        painter.drawRoundedRect(QRectF(place), RADIUS, RADIUS)
        painter.setOpacity(1)

    def _opacity(self, key: tuple[str, float]) -> float:
        arrived = self.arrivals.get(key)
        share = 1.0 if arrived is None else min((monotonic() - arrived) * 1000 / FADE_MS, 1.0)
        return 1 - (1 - share) ** 3

    def _draw_tags(self, painter: QPainter, place: QRect, tags: tuple[str, ...]) -> None:
        """Chips above the buttons, on a shade that keeps them apart from any picture."""
        shade = QLinearGradient(place.topLeft(), place.bottomLeft())
        shade.setColorAt(0.25, QColor(12, 10, 24, 0))
        shade.setColorAt(1, QColor(12, 10, 24, 190))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawRoundedRect(QRectF(place), RADIUS, RADIUS)
        font = self._theme.font(12)
        chips = chip_places(tags[:MOST_CHIPS], font, place.width() - 2 * PADDING)
        bottom = place.bottom() - ACTIONS_HEIGHT - 2 * PADDING
        first = bottom - (max((chip.bottom() for chip, _ in chips), default=0))
        painter.setFont(font)
        for chip, words in chips:
            at = chip.translated(place.left() + PADDING, first)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(mix(self._theme.palette.surface, self._theme.palette.raised, 0.5)))
            painter.drawRoundedRect(QRectF(at), at.height() / 2, at.height() / 2)
            painter.setPen(self._theme.colour("text"))
            painter.drawText(at, Qt.AlignmentFlag.AlignCenter, words)

    def _draw_mark(self, painter: QPainter, place: QRect) -> None:
        """A ring and a check: the one whom new conversations are with."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._theme.colour("accent"), 3))
        painter.drawRoundedRect(QRectF(place).adjusted(-1.5, -1.5, 1.5, 1.5), RADIUS + 1.5, RADIUS + 1.5)
        badge = QRectF(place.right() - BADGE - 7, place.top() + 8, BADGE, BADGE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("accent"))
        painter.drawEllipse(badge)
        check = pixmap("check", self._theme, "on_accent", 16, painter.device().devicePixelRatioF())
        painter.drawPixmap(badge.center().toPoint().x() - 8, badge.center().toPoint().y() - 8, check)

    def _draw_words(self, painter: QPainter, place: QRect, summary: CharacterSummary) -> None:
        name_height, line_height = self._line_heights()
        second = self._model.second_line(summary)
        lines = ((summary.name, self._theme.font(14, 600), "text"), (second, self._theme.font(12), "muted"))
        left, top = place.left() + 2, place.bottom() + 1 + PADDING
        for (words, font, colour), height in zip(lines, (name_height, line_height), strict=True):
            room = QRect(left, top, place.width() - 4, height)
            painter.setFont(font)
            painter.setPen(self._theme.colour(colour))
            shown = painter.fontMetrics().elidedText(words[:LONGEST], Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, _LEFT, shown)
            top += height + 2

    def _words_height(self) -> int:
        return PADDING + sum(self._line_heights()) + 2

    def _line_heights(self) -> tuple[int, int]:
        """Of the name and the line below it."""
        if self._heights is None:
            name, line = QFontMetrics(self._theme.font(14, 600)), QFontMetrics(self._theme.font(12))
            self._heights = name.height(), line.height()
        return self._heights


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter


def _stretched(picture: QPixmap, place: QRect) -> QBrush:
    """Paint in which the picture fills the place."""
    brush = QBrush(picture)
    share = place.width() / picture.width(), place.height() / picture.height()
    brush.setTransform(QTransform.fromScale(*share) * QTransform.fromTranslate(place.left(), place.top()))
    return brush


def chip_places(tags: tuple[str, ...], font: QFont, width: int) -> list[tuple[QRect, str]]:
    """Where each tag goes in rows of `width`, from the top left; what has no room any more is left out."""
    metrics = QFontMetrics(font)
    height = metrics.height() + 5
    placed: list[tuple[QRect, str]] = []
    left = top = 0
    for tag in tags:
        words = metrics.elidedText(tag[:LONGEST], Qt.TextElideMode.ElideRight, width - 16)
        wide = min(metrics.horizontalAdvance(words) + 16, width)
        if left and left + wide > width:
            left, top = 0, top + height + CHIP_GAP
        if top >= CHIP_ROWS * (height + CHIP_GAP):
            break
        placed.append((QRect(left, top, wide, height), words))
        left += wide + CHIP_GAP
    return placed
