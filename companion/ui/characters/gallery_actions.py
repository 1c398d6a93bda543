"""What can be done with one character: as buttons over its portrait, and as a menu."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from companion.core.character import BUILT_IN
from companion.core.character_library import CharacterSummary
from companion.ui.chat.icon_button import IconButton
from companion.ui.icons import icon
from companion.ui.palette import mix
from companion.ui.theme import Theme

FORMS = {"png": "Card as PNG picture…", "v3": "JSON, version 3…", "v2": "JSON, version 2…", "charx": "CHARX, with all files…"}
"""Forms of a card by what the menu calls them."""
ACTIONS_HEIGHT = 40
"""What the buttons over the lower edge of a portrait take."""
LONGEST = 80
"""Letters of a name that a screen reader says with a button."""


class Deed(NamedTuple):
    """One thing to do, by the name that `asked` says."""

    name: str
    words: str
    keys: str
    icon: str


DEEDS = (
    Deed("talk", "Talk", "Enter", "chat"),
    Deed("edit", "Edit", "F2", "edit"),
    Deed("duplicate", "Duplicate", "Ctrl+D", "duplicate"),
    Deed("export", "Export", "", "download"),
    Deed("delete", "Delete", "Del", "trash"),
)


class TileActions(QWidget):
    """Talk, Edit and the menu, over the lower edge of the portrait that is pointed at or has the keyboard's cursor."""

    asked = Signal(str)
    """Name of a deed."""
    menu_wanted = Signal(QPoint)
    """Where on the screen it belongs."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.talk = QPushButton("Talk")
        self.talk.setProperty("role", "primary")
        self.talk.setStyleSheet("QPushButton { padding: 2px 8px; }")
        self.talk.setCursor(Qt.CursorShape.PointingHandCursor)
        self.edit = IconButton(theme, "edit", "Edit")
        self.more = IconButton(theme, "more", "More")
        for button in (self.talk, self.edit, self.more):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(5, 4, 5, 4)
        row.setSpacing(2)
        row.addWidget(self.talk, 1)
        row.addWidget(self.edit)
        row.addWidget(self.more)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.talk.clicked.connect(partial(self.asked.emit, "talk"))
        self.edit.clicked.connect(partial(self.asked.emit, "edit"))
        self.more.clicked.connect(lambda: self.menu_wanted.emit(self.more.mapToGlobal(self.more.rect().bottomLeft())))
        theme.changed.connect(self.update)
        self.hide()

    def show_for(self, summary: CharacterSummary, picture: QRect) -> None:
        """Stand over the lower edge of a portrait, in the coordinates of the parent."""
        self.setGeometry(picture.left() + 6, picture.bottom() - ACTIONS_HEIGHT - 5, picture.width() - 12, ACTIONS_HEIGHT)
        name = summary.name[:LONGEST]
        self.talk.setAccessibleName(f"Talk with {name}")
        self.edit.setAccessibleName(f"{edit_words(summary)}: {name}")
        self.edit.setToolTip(edit_words(summary))
        self.more.setAccessibleName(f"More for {name}")
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        palette = self._theme.palette
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(mix(palette.surface, palette.raised, 0.5)))
        painter.drawRoundedRect(QRectF(self.rect()), 12, 12)
        painter.end()


def edit_words(summary: CharacterSummary) -> str:
    """What the editor is for: the built-in card can only be read in it."""
    return "View" if summary.identifier == BUILT_IN else "Edit"


class TileMenu(QMenu):
    """All that can be done with one character."""

    asked = Signal(str)
    """Name of a deed, with the form after a colon: "export:png"."""

    def __init__(self, theme: Theme, summary: CharacterSummary, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAccessibleName(f"Actions for {summary.name[:LONGEST]}")
        for deed in DEEDS:
            if deed.name == "export":
                self._add_forms(deed)
                continue
            if deed.name == "delete":
                self.addSeparator()
            entry = self._entry(self, deed.name, edit_words(summary) if deed.name == "edit" else deed.words)
            entry.setIcon(icon(deed.icon, theme))
            entry.setShortcut(deed.keys)
            entry.setShortcutVisibleInContextMenu(True)
            entry.setEnabled(deed.name != "delete" or summary.identifier != BUILT_IN)
        self.aboutToHide.connect(self.deleteLater)

    def _add_forms(self, deed: Deed) -> None:
        forms = self.addMenu(icon(deed.icon, self._theme), deed.words)
        for form, words in FORMS.items():
            self._entry(forms, f"{deed.name}:{form}", words)

    def _entry(self, menu: QMenu, name: str, words: str) -> QAction:
        entry = QAction(words, menu)
        entry.triggered.connect(partial(self.asked.emit, name))
        menu.addAction(entry)
        return entry
