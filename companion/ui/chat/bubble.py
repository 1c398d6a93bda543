"""How a message is drawn: avatar, bubble, focus ring, and the words about what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPainterPath, QPen, QPixmap

from companion.core.conversation import Message
from companion.ui.chat.prose_writer import ProseWriter
from companion.ui.icons import pixmap
from companion.ui.theme import Theme

AVATAR = 36
RADIUS, OWN_CORNER = 16, 4
STATUS_ICON = 14


@dataclass
class Look:
    """What all messages of a list share. The list changes it and tells its messages."""

    theme: Theme
    hers: ProseWriter
    persons: ProseWriter
    name: str
    avatar: QPixmap
    compact: bool = False
    answering: bool = False
    ready: bool = False
    wide: int = 0
    """Width of the column."""


class Status(NamedTuple):
    """What became of a message, in words; a colour never says it alone."""

    words: str = ""
    colour: str = "muted"
    icon: str = ""

    def size(self, theme: Theme, width: int) -> QSize:
        """Room the words take, wrapped at `width`."""
        beside = STATUS_ICON + 6 if self.icon else 0
        room = QRect(0, 0, max(width - beside, 40), 10_000)
        text = QFontMetrics(theme.font(12)).boundingRect(room, Qt.TextFlag.TextWordWrap, self.words)
        return QSize(text.width() + beside + 2, text.height())

    def draw(self, painter: QPainter, theme: Theme, place: QRect) -> None:
        left = place.left()
        if self.icon:
            line = QFontMetrics(theme.font(12)).height()
            drawn = pixmap(self.icon, theme, self.colour, STATUS_ICON, painter.device().devicePixelRatioF())
            painter.drawPixmap(QPoint(left, place.top() + (line - STATUS_ICON) // 2), drawn)
            left += STATUS_ICON + 6
        painter.setPen(theme.colour(self.colour))
        painter.setFont(theme.font(12))
        painter.drawText(QRect(left, place.top(), place.right() - left + 1, place.height()), Qt.TextFlag.TextWordWrap, self.words)


def status_of(message: Message, failure: str) -> Status:
    """`failure` is the sentence about a failed message, when one is known."""
    edited = "edited" if message.edited else ""
    match message.status:
        case "stopped":
            return Status(" · ".join(filter(None, (edited, "stopped"))))
        case "interrupted":
            return Status("interrupted", "warn", "warning")
        case "failed":
            return Status(f"failed: {failure}" if failure else "failed", "bad", "warning")
    return Status(edited)


def round_avatar(picture: QPixmap, dpr: float) -> QPixmap:
    """The middle of a picture, cut to a disc of 36 device-independent pixels."""
    side = round(AVATAR * dpr)
    disc = QPixmap(side, side)
    disc.fill(Qt.GlobalColor.transparent)
    if not picture.isNull():
        plain = picture.copy()
        plain.setDevicePixelRatio(1.0)
        fill = Qt.AspectRatioMode.KeepAspectRatioByExpanding
        scaled = plain.scaled(side, side, fill, Qt.TransformationMode.SmoothTransformation)
        painter = QPainter(disc)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        path.addEllipse(0, 0, side, side)
        painter.setClipPath(path)
        painter.drawPixmap((side - scaled.width()) // 2, (side - scaled.height()) // 2, scaled)
        painter.end()
    disc.setDevicePixelRatio(dpr)
    return disc


def draw_avatar(painter: QPainter, look: Look, place: QPoint) -> None:
    """Without a picture: her initial on a disc."""
    if not look.avatar.isNull():
        painter.drawPixmap(place, look.avatar)
        return
    disc = QRect(place, QSize(AVATAR, AVATAR))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.theme.colour("raised"))
    painter.drawEllipse(disc)
    painter.setPen(look.theme.colour("muted"))
    painter.setFont(look.theme.font(14, 600))
    painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, look.name[:1])


def draw_bubble(painter: QPainter, theme: Theme, place: QRect, *, hers: bool, ringed: bool) -> None:
    """Hers on `surface` with its own corner at the top left, the person's on `raised` with it at the top right."""
    painter.setBrush(theme.colour("surface" if hers else "raised"))
    # In the light theme her white bubble needs an edge to stand out from the page.
    edge = QPen(theme.colour("line"), 1) if hers and theme.palette.name == "light" else QPen(Qt.PenStyle.NoPen)
    painter.setPen(QPen(theme.colour("accent"), 2) if ringed else edge)
    inset = 1.0 if ringed else 0.5
    frame = QRectF(place).adjusted(inset, inset, -inset, -inset)
    corners = [RADIUS] * 4
    corners[0 if hers else 1] = OWN_CORNER
    painter.drawPath(_rounded(frame, *corners))


def _rounded(r: QRectF, top_left: float, top_right: float, bottom_right: float, bottom_left: float) -> QPainterPath:
    path = QPainterPath()
    path.moveTo(r.left() + top_left, r.top())
    path.lineTo(r.right() - top_right, r.top())
    path.arcTo(r.right() - 2 * top_right, r.top(), 2 * top_right, 2 * top_right, 90, -90)
    path.lineTo(r.right(), r.bottom() - bottom_right)
    path.arcTo(r.right() - 2 * bottom_right, r.bottom() - 2 * bottom_right, 2 * bottom_right, 2 * bottom_right, 0, -90)
    path.lineTo(r.left() + bottom_left, r.bottom())
    path.arcTo(r.left(), r.bottom() - 2 * bottom_left, 2 * bottom_left, 2 * bottom_left, 270, -90)
    path.lineTo(r.left(), r.top() + top_left)
    path.arcTo(r.left(), r.top(), 2 * top_left, 2 * top_left, 180, -90)
    path.closeSubpath()
    return path
