"""Our icons: one family on a 24 grid, drawn in whatever colour the theme asks for."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton

from companion.core.paths import assets_folder
from companion.ui.theme import BODY, Theme

DISABLED_OPACITY = 0.4
GAP = 0.25
"""Between an icon and the words after it, as a share of the icon."""


def icon(name: str, theme: Theme, colour_token: str = "muted", size: int = 20, *, checked_token: str = "") -> QIcon:  # noqa: S107
    """The icon of assets/icons/<name>.svg in a theme colour; `checked_token` colours the On state of a checkable button.

    It is drawn at the first request and kept. A theme switch does not recolour an icon already handed out:
    ask again on `Theme.changed`. Raises FileNotFoundError for a name we have not drawn.
    """
    normal = getattr(theme.palette, colour_token)
    checked = getattr(theme.palette, checked_token) if checked_token else normal
    key = (name, normal, checked, size)
    if key not in theme.icons:
        theme.icons[key] = _draw(name, normal, checked, size)
    return theme.icons[key]


def lead_with_icon(button: QAbstractButton, name: str, theme: Theme, colour_token: str = "muted", size: int = 16) -> None:  # noqa: S107
    """Put an icon before the words of a button: it grows with them and keeps off them. Ask again on `Theme.changed`."""
    grown = round(size * theme.font_size / BODY)
    gap = round(grown * GAP)
    colour = getattr(theme.palette, colour_token)
    key = (name, colour, f"+{gap}", grown)
    if key not in theme.icons:
        theme.icons[key] = _draw(name, colour, colour, grown, gap)
    button.setIcon(theme.icons[key])
    button.setIconSize(QSize(grown + gap, grown))


def pixmap(name: str, theme: Theme, colour_token: str = "muted", size: int = 20, dpr: float = 1.0) -> QPixmap:  # noqa: S107
    """One icon as a pixmap of `size` device-independent pixels, for labels and painters."""
    return _render(name, getattr(theme.palette, colour_token), size, dpr)


def logo(size: int, dpr: float) -> QPixmap:
    """The icon of the program at one size, for a label."""
    return _paint(QSvgRenderer(str(assets_folder() / "icon.svg")), size, dpr)


def _draw(name: str, normal: str, checked: str, size: int, gap: int = 0) -> QIcon:
    app = QGuiApplication.instance()
    screens = app.screens() if isinstance(app, QGuiApplication) else []
    drawn = QIcon()
    for dpr in sorted({1.0, 2.0, *(screen.devicePixelRatio() for screen in screens)}):
        plain = _render(name, normal, size, dpr, gap)
        drawn.addPixmap(plain, QIcon.Mode.Normal, QIcon.State.Off)
        drawn.addPixmap(_faded(plain), QIcon.Mode.Disabled, QIcon.State.Off)
        if checked != normal:
            drawn.addPixmap(_render(name, checked, size, dpr, gap), QIcon.Mode.Normal, QIcon.State.On)
    return drawn


def _render(name: str, colour: str, size: int, dpr: float, gap: int = 0) -> QPixmap:
    svg = _source(name).replace("currentColor", colour)
    return _paint(QSvgRenderer(QByteArray(svg.encode())), size, dpr, gap)


def _paint(renderer: QSvgRenderer, size: int, dpr: float, gap: int = 0) -> QPixmap:
    drawn = QPixmap(round((size + gap) * dpr), round(size * dpr))
    drawn.setDevicePixelRatio(dpr)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return drawn


def _faded(plain: QPixmap) -> QPixmap:
    faded = QPixmap(plain.size())
    faded.setDevicePixelRatio(plain.devicePixelRatio())
    faded.fill(Qt.GlobalColor.transparent)
    painter = QPainter(faded)
    painter.setOpacity(DISABLED_OPACITY)
    painter.drawPixmap(0, 0, plain)
    painter.end()
    return faded


@lru_cache(maxsize=64)
def _source(name: str) -> str:
    return (assets_folder() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
