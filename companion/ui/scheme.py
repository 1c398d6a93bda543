"""Which of the two palettes is wanted: the person's choice, or what the system says."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from companion.ui.palette import DARK, LIGHT, Palette


def request_scheme(app: QGuiApplication, choice: str) -> None:
    """Windows and macOS colour title bars and native dialogs by this."""
    schemes = {"dark": Qt.ColorScheme.Dark, "light": Qt.ColorScheme.Light}
    app.styleHints().setColorScheme(schemes.get(choice, Qt.ColorScheme.Unknown))


def wanted_palette(app: QGuiApplication, choice: str) -> Palette:
    """The palette of "dark", "light" or "system"."""
    if choice != "system":
        return LIGHT if choice == "light" else DARK
    # A desktop that does not say (Unknown) gets the night: it is what the character is drawn for.
    return LIGHT if app.styleHints().colorScheme() is Qt.ColorScheme.Light else DARK
