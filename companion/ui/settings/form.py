"""A form made from a struct: every field with its title, its sentence, its bounds and the way back to its default."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_type_hints

import msgspec
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from companion.core.fields import Field, fields_of
from companion.ui.icons import icon
from companion.ui.keyboard import show_some
from companion.ui.settings.editors import Editor, editor_for
from companion.ui.theme import BODY, Theme

STACK_BELOW = 460
"""A row narrower than this puts its editor below the words; at the usual size of letters."""
LEAST_WORDS = 160
"""So much is left for the words beside an editor that wants to be wide."""


class FieldRow(QWidget):
    """One field: words at the left, editor and reset at the right, or below when there is little room."""

    edited = Signal()

    def __init__(self, field: Field, editor: Editor, theme: Theme) -> None:
        super().__init__()
        self.field, self.editor = field, editor
        self._theme = theme
        self.reset_button = QToolButton()
        self.reset_button.setFixedSize(28, 28)
        self.reset_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.reset_button.setToolTip(f"Back to the default ({_in_words(field.default)})")
        self.reset_button.setAccessibleName(f"Reset {field.title}")
        kept = self.reset_button.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # the editors stay in one column whether or not they can be reset
        self.reset_button.setSizePolicy(kept)
        self.reset_button.clicked.connect(self.reset)
        editor.edited.connect(self._changed)
        self._build()
        theme.changed.connect(self._redraw)
        self._redraw()
        self.set_value(field.default)

    def value(self) -> Any:
        return self.editor.value()

    def set_value(self, value: Any) -> None:
        """Show a value; emits nothing."""
        self.editor.set_value(value)
        self._show_reset()

    def reset(self) -> None:
        self.set_value(self.field.default)
        self.edited.emit()

    def minimumSizeHint(self) -> QSize:
        """As narrow as with the editor below, where `resizeEvent` puts it: else a page that is made narrow at once would stay
        as wide as with both side by side."""
        narrow = max(self._words.minimumSize().width(), self._controls.minimumSize().width())
        return QSize(narrow, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        if event.size().width() != event.oldSize().width():
            self._fold()
        super().resizeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        self._fold()  # not while the text size is changed: the field in which it is would leave the pointer
        super().showEvent(event)

    def _fold(self) -> None:
        scale = max(self._theme.font_size / BODY, 1.0)
        narrow = self.width() < max(STACK_BELOW * scale, self.editor.sizeHint().width() + LEAST_WORDS * scale)
        self._row.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)

    def _build(self) -> None:
        title, sentence = QLabel(self.field.title), QLabel(self.field.sentence)
        title.setBuddy(self.editor)
        sentence.setProperty("role", "caption")
        sentence.setWordWrap(True)
        self.editor.setAccessibleDescription(self.field.sentence)
        self._words = words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(title)
        words.addWidget(sentence)
        words.addStretch()
        self._controls = controls = QHBoxLayout()
        controls.setSpacing(4)
        controls.addWidget(self.editor)
        controls.addWidget(self.reset_button, 0, Qt.AlignmentFlag.AlignVCenter)
        controls.addStretch()
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._row.addLayout(words, 1)
        self._row.addLayout(controls)

    def _changed(self) -> None:
        self._show_reset()
        self.edited.emit()

    def _show_reset(self) -> None:
        show_some({self.reset_button: self.value() != self.field.default}, self.editor)

    def _redraw(self) -> None:
        size = self._theme.grown(16)  # in a button that stays as it is: the editor beside it must not move
        self.reset_button.setIconSize(QSize(size, size))
        self.reset_button.setIcon(icon("undo", self._theme, "muted", size))


class Form(QWidget):
    """The rows of some fields of a struct, in the order they are given."""

    edited = Signal(str)
    """Name of the field that the person changed."""

    def __init__(
        self,
        struct: type[msgspec.Struct],
        theme: Theme,
        names: Iterable[str] | None = None,
        editors: dict[str, Editor] | None = None,
        defaults: msgspec.Struct | None = None,
    ) -> None:
        """`names` None means every field with a title; `editors` replaces the usual editor of a field, and `defaults` what
        each is reset to."""
        super().__init__()
        known = {field.name: field for field in fields_of(struct)}
        if defaults is not None:
            known = {name: msgspec.structs.replace(field, default=getattr(defaults, name)) for name, field in known.items()}
        longest = longest_texts(struct)
        self.rows: dict[str, FieldRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(20)
        for name in known if names is None else names:
            editor = (editors or {}).get(name) or editor_for(known[name], longest.get(name))
            row = FieldRow(known[name], editor, theme)
            row.edited.connect(lambda name=name: self.edited.emit(name))
            self.rows[name] = row
            column.addWidget(row)

    def values(self) -> dict[str, Any]:
        return {name: row.value() for name, row in self.rows.items()}

    def load(self, values: msgspec.Struct) -> None:
        """Show the values of a struct; emits nothing."""
        for name, row in self.rows.items():
            row.set_value(getattr(values, name))


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple) and value:
        return ", ".join(map(str, value))
    return "automatic" if value is None else str(value) if value not in ("", ()) else "empty"


def longest_texts(struct: type[msgspec.Struct]) -> dict[str, int]:
    """Most characters of each text field that has a limit."""
    hints = get_type_hints(struct, include_extras=True)
    metas = {name: meta for name, hint in hints.items() for meta in getattr(hint, "__metadata__", ())}
    return {name: meta.max_length for name, meta in metas.items() if meta.max_length is not None}
