"""Light, dark, text size and motion: chosen once here, followed by every widget."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from companion.ui.palette import DARK, LIGHT, Palette, mix
from companion.ui.scheme import request_scheme, wanted_palette
from companion.ui.style_sheet import style_sheet

__all__ = ["DARK", "LIGHT", "Palette", "Theme"]

BODY = 14
"""Size of body text in look.md; every other size keeps its ratio to it when the person changes the text size."""

MOST_GROWN = 1.4


class Theme(QObject):
    """Widgets read colours and fonts from it and repaint what they painted themselves on `changed`.

    The application palette and style sheet are already replaced when `changed` arrives.
    """

    changed = Signal()
    palette: Palette

    def __init__(self, app: QApplication, choice: str = "system", font_size: int = BODY, reduce_motion: bool = False) -> None:
        super().__init__(app)
        self._app = app
        self._family = app.font().family()
        self._choice = choice
        self.font_size = font_size
        self.reduce_motion = reduce_motion
        self.icons: dict[tuple[str, str, str, int], QIcon] = {}
        """What `icons.icon` has drawn so far; it lives here so that no pixmap outlives the application."""
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._system_changed)
        request_scheme(self._app, self._choice)
        self._apply()

    def choose(self, choice: str) -> None:
        """Take "dark" or "light", or follow the system with "system"."""
        if choice == self._choice:
            return
        self._choice = choice
        request_scheme(self._app, self._choice)
        self._refresh()

    def set_font_size(self, font_size: int) -> None:
        """Size of body text in device-independent pixels."""
        if font_size != self.font_size:
            self.font_size = font_size
            self._refresh()

    def set_reduce_motion(self, reduce_motion: bool) -> None:
        if reduce_motion != self.reduce_motion:
            self.reduce_motion = reduce_motion
            self.changed.emit()

    def colour(self, token: str) -> QColor:
        """The colour of a token such as "muted"."""
        return QColor(getattr(self.palette, token))

    def font(self, size: int = BODY, weight: int = 400, mono: bool = False) -> QFont:
        """The interface font (or the monospaced one) at a size of look.md, scaled by the person's text size."""
        family = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family() if mono else self._family
        font = QFont(family)
        font.setPixelSize(round(size * self.font_size / BODY))
        font.setWeight(QFont.Weight(weight))
        return font

    def grown(self, pixels: int) -> int:
        """A mark or a button beside words: larger with larger letters, but never smaller than with the usual ones, and not
        so large that a row of them has no room."""
        return round(pixels * min(max(self.font_size / BODY, 1.0), MOST_GROWN))

    def duration(self, ms: int) -> int:
        """Length of an animation in milliseconds: 0 when the person asked for no motion."""
        return 0 if self.reduce_motion else ms

    def _system_changed(self) -> None:
        if self._choice == "system" and wanted_palette(self._app, self._choice) is not self.palette:
            self._refresh()

    def _refresh(self) -> None:
        self._apply()
        self.changed.emit()

    def _apply(self) -> None:
        self.palette = wanted_palette(self._app, self._choice)
        self._app.setPalette(_qt_palette(self.palette))
        self._app.setFont(self.font())
        self._app.setStyleSheet(style_sheet(self.palette, self.font_size))


def _qt_palette(palette: Palette) -> QPalette:
    """Qt's own roles in our tokens, for everything the style sheet leaves to Fusion."""
    role = QPalette.ColorRole
    tokens = {
        role.Window: palette.bg,
        role.WindowText: palette.text,
        role.Base: palette.surface,
        role.AlternateBase: palette.raised,
        role.Text: palette.text,
        role.Button: palette.raised,
        role.ButtonText: palette.text,
        role.BrightText: palette.bad,
        role.Highlight: mix(palette.surface, palette.accent, 0.32),
        role.HighlightedText: palette.text,
        role.PlaceholderText: palette.muted,
        role.ToolTipBase: palette.raised,
        role.ToolTipText: palette.text,
        role.Link: palette.accent2,
        role.LinkVisited: palette.accent2,
        role.Accent: palette.accent,
        role.Mid: palette.line,
        role.Dark: palette.line,
        role.Light: palette.raised,
        role.Midlight: palette.raised,
        role.Shadow: palette.bg,
    }
    made = QPalette()
    for name, colour in tokens.items():
        made.setColor(name, QColor(colour))
    faded = QColor(mix(palette.surface, palette.muted, 0.6))
    for name in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText):
        made.setColor(QPalette.ColorGroup.Disabled, name, faded)
    return made
