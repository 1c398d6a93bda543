"""One persona as it can be changed: picture, name and description."""

from __future__ import annotations

from pathlib import Path

import msgspec
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QIcon, QPixmap
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLineEdit, QPlainTextEdit, QToolButton, QVBoxLayout

from companion.core.character import Card, Character
from companion.core.persona import Persona
from companion.ui.chat.icon_button import IconButton
from companion.ui.stage.avatar import avatar
from companion.ui.stage.sprites import PICTURE_TYPES
from companion.ui.theme import Theme

PICTURE = 64
DESCRIPTION_HEIGHT = 84
MOST_NAME, MOST_DESCRIPTION = 60, 4000
SAVE_MS = 600


class PersonaCard(QFrame):
    """Tells every change shortly after it was made, and at once when asked with `flush`."""

    changed = Signal(object)
    """A Persona."""
    picture_requested = Signal(int)
    picture_dropped = Signal(int, str)
    default_requested = Signal(int)
    """Id of the persona for new conversations, 0 when the tick was taken away."""
    delete_requested = Signal(int)

    def __init__(self, theme: Theme, persona: Persona, *, is_default: bool) -> None:
        super().__init__()
        self._persona = persona
        self.setProperty("role", "card")
        self.setAcceptDrops(True)
        self.picture = QToolButton()
        self.name, self.description = QLineEdit(persona.name), QPlainTextEdit(persona.description)
        self.default = QCheckBox("For new conversations")
        self.default.setChecked(is_default)
        self.delete_button = IconButton(theme, "trash", f"Delete {persona.name}")
        self._saver = QTimer(self, singleShot=True, interval=SAVE_MS)
        self._build()
        self.name.textChanged.connect(self._saver.start)
        self.description.textChanged.connect(self._saver.start)
        self._saver.timeout.connect(self.flush)
        self.picture.clicked.connect(lambda: self.picture_requested.emit(persona.id))
        self.default.clicked.connect(lambda on: self.default_requested.emit(persona.id if on else 0))
        self.delete_button.clicked.connect(self.flush)  # what was written last is there again when it comes back
        self.delete_button.clicked.connect(lambda: self.delete_requested.emit(persona.id))

    @property
    def identifier(self) -> int:
        """Id of the persona."""
        return self._persona.id

    @property
    def portrait(self) -> str:
        return self._persona.portrait

    def flush(self) -> None:
        """Tell what was changed and not yet told; a name that was emptied stays as it was."""
        self._saver.stop()
        name = " ".join(self.name.text().split()) or self._persona.name
        description = self.description.toPlainText().strip()[:MOST_DESCRIPTION]
        now = msgspec.structs.replace(self._persona, name=name, description=description)
        if now != self._persona:
            self._persona = now
            self.picture.setIcon(QIcon(self._face()))
            self.delete_button.setToolTip(f"Delete {name}")
            self.delete_button.setAccessibleName(f"Delete {name}")
            self.changed.emit(now)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if path := self._dropped(event):
            event.acceptProposedAction()
            self.picture_dropped.emit(self._persona.id, path)

    def _dropped(self, event: QDropEvent) -> str:
        paths = (url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile())
        return next((path for path in paths if Path(path).suffix.lower() in PICTURE_TYPES), "")

    def _build(self) -> None:
        self.picture.setIcon(QIcon(self._face()))
        self.picture.setIconSize(QSize(PICTURE, PICTURE))
        self.picture.setFixedSize(PICTURE + 8, PICTURE + 8)
        self.picture.setToolTip("Choose a picture, or drop one here")
        self.picture.setAccessibleName("Choose a picture")
        self.name.setMaxLength(MOST_NAME)
        self.name.setPlaceholderText("Name")
        self.name.setAccessibleName("Name")
        self.description.setPlaceholderText("Captain of a small ship, tired, fond of riddles.")
        self.description.setAccessibleName("Description")
        self.description.setFixedHeight(DESCRIPTION_HEIGHT)
        self.description.setTabChangesFocus(True)
        self.default.setToolTip("New conversations begin with you as this persona")
        fields = QVBoxLayout()
        fields.setSpacing(8)
        fields.addWidget(self.name)
        fields.addWidget(self.description)
        end = QHBoxLayout()
        end.addWidget(self.default)
        end.addStretch(1)
        end.addWidget(self.delete_button)
        fields.addLayout(end)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 16, 16, 12)
        row.setSpacing(16)
        row.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(fields, 1)

    def _face(self) -> QPixmap:
        shown = Character(identifier="persona", card=Card(name=self._persona.name or "?"), portrait=self._persona.portrait)
        return avatar(shown, PICTURE, self.devicePixelRatioF())
