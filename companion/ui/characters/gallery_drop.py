"""Cards that are dragged over the gallery: which files count, and the veil that says they may be dropped."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from companion.app.characters import CARD_ENDINGS
from companion.ui.icons import pixmap
from companion.ui.theme import Theme

MARGIN = 12


def cards_in(dragged: QMimeData) -> list[Path]:
    """Files on this computer that may be cards; the reader looks inside them later."""
    files = [Path(url.toLocalFile()) for url in dragged.urls() if url.isLocalFile()] if dragged.hasUrls() else []
    return [file for file in files if file.suffix.lower() in CARD_ENDINGS]


class DropVeil(QWidget):
    """Lies over the page while cards are dragged, and lets every event through."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._page = theme, parent
        self._words = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_for(self, cards: int) -> None:
        self._words = "Drop the card to import it" if cards == 1 else f"Drop {cards} cards to import them"
        self.setGeometry(self._page.rect())
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = QColor(theme.palette.bg)
        veil.setAlpha(215)
        painter.fillRect(self.rect(), veil)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("accent"), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN), 16, 16)
        middle = self.rect().center()
        drawn = pixmap("download", theme, "accent", 40, self.devicePixelRatioF())
        painter.drawPixmap(middle.x() - 20, middle.y() - 44, drawn)
        painter.setPen(theme.colour("text"))
        painter.setFont(theme.font(20, 600))
        place = self.rect().adjusted(2 * MARGIN, middle.y() + 8, -2 * MARGIN, 0)
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(place, flags, self._words)
        painter.end()
