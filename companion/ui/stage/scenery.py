"""The hill with the observatory behind the character, as it looks at this hour."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QRadialGradient

from companion.ui.palette import Palette, mix

if TYPE_CHECKING:
    from datetime import datetime


class Sky(NamedTuple):
    """Colours of one hour, from the zenith down to the hill the character stands on."""

    zenith: str
    middle: str
    horizon: str
    far_hill: str
    near_hill: str
    stars: float
    """Opacity of the stars, 0 to 1."""

    @property
    def colours(self) -> tuple[str, str, str, str, str]:
        return self.zenith, self.middle, self.horizon, self.far_hill, self.near_hill


_NIGHT = Sky("#0E0D20", "#211D45", "#463A72", "#221C42", "#15122B", 1.0)
_DAWN = Sky("#1D2149", "#5A4B86", "#E49C9A", "#3A2F5E", "#231D40", 0.35)
_DAY = Sky("#22305F", "#4A5C9B", "#9DA7D6", "#3C4577", "#262B52", 0.0)
_DUSK = Sky("#1B1A3B", "#4A3768", "#C57A92", "#34285A", "#1E1838", 0.7)
_DARK = ((0.0, _NIGHT), (5.0, _NIGHT), (7.0, _DAWN), (9.0, _DAY), (16.0, _DAY), (19.0, _DUSK), (22.0, _NIGHT), (24.0, _NIGHT))

_PALE_NIGHT = Sky("#7E84BF", "#B3AEDD", "#E6D3E8", "#9A93C6", "#7E78B0", 0.9)
_PALE_DAWN = Sky("#B9C4EC", "#E3D3EC", "#FFDCD2", "#C6B8DC", "#A99CC9", 0.15)
_PALE_DAY = Sky("#B4D1F4", "#D6E3FA", "#F6EEF8", "#BFC9E6", "#A0ABD2", 0.0)
_PALE_DUSK = Sky("#A9A6DB", "#DDBEDF", "#FFD3C2", "#B9A2CC", "#9785B8", 0.4)
_LIGHT = (
    (0.0, _PALE_NIGHT),
    (5.0, _PALE_NIGHT),
    (7.0, _PALE_DAWN),
    (9.0, _PALE_DAY),
    (16.0, _PALE_DAY),
    (19.0, _PALE_DUSK),
    (22.0, _PALE_NIGHT),
    (24.0, _PALE_NIGHT),
)


def sky_at(hour: float, theme: str) -> Sky:
    """The sky at an hour (0 to 24) for the "dark" or the "light" theme, blended between the times we have drawn."""
    times = _LIGHT if theme == "light" else _DARK
    for (start, first), (end, second) in pairwise(times):
        if hour <= end:
            share = (hour - start) / (end - start)
            zenith, middle, horizon, far, near = (mix(a, b, share) for a, b in zip(first.colours, second.colours, strict=True))
            return Sky(zenith, middle, horizon, far, near, first.stars + (second.stars - first.stars) * share)
    return times[-1][1]


def hour_of(now: datetime) -> float:
    """The hour a sky is painted for: the sky moves every quarter of it."""
    return now.hour + now.minute // 15 / 4


def paint_scenery(painter: QPainter, area: QRectF, sky: Sky) -> None:
    """Sky, stars, two hills and the dome with its lit slit, fitted to any area."""
    painter.save()
    painter.setClipRect(area)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    # The dome stands beside her face: both are measured from the bottom, in widths.
    unit = min(area.width(), area.height() * 0.6)
    ridge, ground = area.bottom() - unit * 0.98, area.bottom() - unit * 0.55
    air = QLinearGradient(0, area.top(), 0, ground)
    for place, colour in ((0, sky.zenith), (0.55, sky.middle), (1, sky.horizon)):
        air.setColorAt(place, QColor(colour))
    painter.fillRect(area, air)
    _paint_stars(painter, area, sky)
    _paint_dome(painter, QPointF(area.left() + area.width() * 0.13, ridge), unit * 0.25, sky)
    painter.fillPath(_hill(area, ridge, unit * 0.16), _fading(sky.far_hill, sky.near_hill, ridge, ground))
    painter.fillPath(_hill(area, ground, unit * 0.10), QColor(sky.near_hill))
    painter.restore()


def paint_veil(painter: QPainter, area: QRectF, palette: Palette) -> None:
    """End the sky of the narrow window's strip before the words begin, and draw the line below it."""
    clear, solid = QColor(palette.bg), QColor(palette.bg)
    clear.setAlphaF(0)
    veil = QLinearGradient(area.left() + 64, 0, area.left() + 176, 0)
    veil.setColorAt(0, clear)
    veil.setColorAt(0.5, solid)
    painter.fillRect(area, veil)
    painter.fillRect(QRectF(area.left(), area.bottom() - 1, area.width(), 1), QColor(palette.line))


def _paint_stars(painter: QPainter, area: QRectF, sky: Sky) -> None:
    if sky.stars <= 0:
        return
    # One star for so many square pixels looks alike in a narrow strip and on a large stage; the seed keeps them still.
    count = round(area.width() * area.height() / 5200)
    draw = random.Random(1610)
    for _ in range(count):
        height = draw.random() ** 1.4
        place = QPointF(area.left() + draw.random() * area.width(), area.top() + height * area.height() * 0.66)
        radius = 0.5 + draw.random() ** 3 * 1.1
        colour = QColor(draw.choice(("#FFFFFF", "#DCE8FF", "#FFF0D6")))
        colour.setAlphaF(sky.stars * (1 - height * 0.75) * (0.45 + 0.55 * draw.random()))
        painter.setBrush(colour)
        if radius > 1.25:
            painter.drawPath(_sparkle(place, radius * 2.6))
        else:
            painter.drawEllipse(place, radius, radius)


def _sparkle(centre: QPointF, radius: float) -> QPainterPath:
    path = QPainterPath()
    for corner in range(8):
        reach = radius if corner % 2 == 0 else radius * 0.26
        angle = corner * math.pi / 4
        point = centre + QPointF(math.sin(angle), -math.cos(angle)) * reach
        if corner:
            path.lineTo(point)
        else:
            path.moveTo(point)
    path.closeSubpath()
    return path


def _fading(upper: str, lower: str, top: float, bottom: float) -> QLinearGradient:
    fading = QLinearGradient(0, top, 0, bottom)
    fading.setColorAt(0, QColor(upper))
    fading.setColorAt(1, QColor(mix(upper, lower, 0.6)))
    return fading


def _hill(area: QRectF, top: float, rise: float) -> QPainterPath:
    """A ridge that is highest a little right of the left edge, where the dome stands."""
    path = QPainterPath(QPointF(area.left(), top + rise * 0.05))
    width = area.width()
    path.cubicTo(
        QPointF(area.left() + width * 0.30, top - rise * 0.35),
        QPointF(area.left() + width * 0.60, top + rise * 1.5),
        QPointF(area.right(), top + rise * 0.75),
    )
    path.lineTo(area.right(), area.bottom() + 1)
    path.lineTo(area.left(), area.bottom() + 1)
    path.closeSubpath()
    return path


def _paint_dome(painter: QPainter, foot: QPointF, width: float, sky: Sky) -> None:
    """The observatory, `width` wide, standing on its foot; warm light falls out of the open slit."""
    lit = mix(sky.far_hill, sky.horizon, 0.35)
    shade = mix(sky.far_hill, sky.near_hill, 0.7)
    left, wall = foot.x() - width / 2, width * 0.26
    base = foot.y() - wall
    glow = QRadialGradient(QPointF(foot.x() + width * 0.12, base - width * 0.42), width * 0.9)
    warm = QColor("#FFD98A")
    warm.setAlphaF(0.16 + 0.22 * sky.stars)
    glow.setColorAt(0, warm)
    glow.setColorAt(1, QColor(255, 217, 138, 0))
    painter.setBrush(glow)
    painter.drawEllipse(QPointF(foot.x() + width * 0.12, base - width * 0.42), width * 0.9, width * 0.9)
    painter.fillRect(QRectF(left + width * 0.05, base, width * 0.9, wall * 1.6), QColor(shade))
    dome = QPainterPath(QPointF(left, base))
    dome.arcTo(QRectF(left, base - width * 0.5, width, width), 180, -180)
    dome.closeSubpath()
    round_light = QLinearGradient(left, 0, left + width, 0)
    round_light.setColorAt(0, QColor(lit))
    round_light.setColorAt(1, QColor(shade))
    painter.fillPath(dome, round_light)
    slit = QPainterPath(QPointF(foot.x() + width * 0.02, base))
    slit.quadTo(QPointF(foot.x() + width * 0.02, base - width * 0.34), QPointF(foot.x() + width * 0.10, base - width * 0.52))
    slit.lineTo(foot.x() + width * 0.26, base - width * 0.46)
    slit.quadTo(QPointF(foot.x() + width * 0.18, base - width * 0.3), QPointF(foot.x() + width * 0.18, base))
    slit.closeSubpath()
    warm.setAlphaF(0.55 + 0.4 * sky.stars)
    painter.fillPath(slit.intersected(dome), warm)
    painter.fillRect(QRectF(left - width * 0.03, base - width * 0.03, width * 1.06, width * 0.06), QColor(sky.near_hill))
