"""The veil over a page while files are dragged over it, which says that they may be dropped."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from companion.ui.icons import pixmap
from companion.ui.theme import Theme

MARGIN = 12


class DropVeil(QWidget):
    """Lets every event through."""

    def __init__(self, theme: Theme, page: QWidget) -> None:
        super().__init__(page)
        self._theme, self._page = theme, page
        self._words = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_words(self, words: str) -> None:
        self._words = words
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
