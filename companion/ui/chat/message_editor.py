"""A message being rewritten in its own place."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from companion.ui.chat.growing_edit import GrowingEdit
from companion.ui.theme import Theme

GAP = 8
MOST_LINES = 16
AROUND = 20
"""Border and padding of the field, above and below together."""


class MessageEditor(QWidget):
    """Ctrl+Enter saves, Esc cancels. `fit(width)` places everything, as in the body it stands for."""

    saved = Signal(str)
    cancelled = Signal()
    grew = Signal()

    def __init__(self, theme: Theme, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.edit = GrowingEdit(theme, most_lines=MOST_LINES, around=AROUND, parent=self)
        self.edit.setPlainText(text)
        self.edit.moveCursor(QTextCursor.MoveOperation.End)
        self.edit.setAccessibleName("Edit message")
        self.edit.grew.connect(self.grew)
        self.edit.textChanged.connect(self._allow_saving)
        self._hint = QLabel("Ctrl+Enter saves, Esc cancels", self)
        self._hint.setProperty("role", "caption")
        self._save = QPushButton("Save", self)
        self._save.setProperty("role", "primary")
        self._save.clicked.connect(self._emit_saved)
        self._cancel = QPushButton("Cancel", self)
        self._cancel.setProperty("role", "quiet")
        self._cancel.clicked.connect(self.cancelled)
        self.setFocusProxy(self.edit)
        self._style()
        theme.changed.connect(self._style)
        for before, after in ((self.edit, self._save), (self._save, self._cancel)):
            QWidget.setTabOrder(before, after)

    def fit(self, width: int) -> QSize:
        height = self.edit.wanted_height(width)
        self.edit.setGeometry(0, 0, width, height)
        right = width
        for button in (self._save, self._cancel):
            hint = button.sizeHint()
            right -= hint.width()
            button.setGeometry(right, height + GAP, hint.width(), hint.height())
            right -= GAP
        row = self._save.sizeHint().height()
        self._hint.setGeometry(0, height + GAP, max(right, 0), row)
        self._hint.setVisible(self._hint.sizeHint().width() <= right)
        return QSize(width, height + GAP + row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        elif enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier and self._save.isEnabled():
            self._emit_saved()
        else:
            super().keyPressEvent(event)

    def _style(self) -> None:
        # On the person's bubble the usual ground of a field could not be seen.
        self.edit.setStyleSheet(f"QPlainTextEdit {{ background: {self._theme.palette.bg}; padding: 8px; }}")

    def _emit_saved(self) -> None:
        self.saved.emit(self.edit.toPlainText().strip())

    def _allow_saving(self) -> None:
        self._save.setEnabled(bool(self.edit.toPlainText().strip()))
