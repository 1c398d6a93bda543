"""The fields of the character editor: words above, what is typed below, and how many tokens it takes.

A field gives back exactly what it was given until the person changes it: Qt's own text fields turn no-break spaces into
spaces, and a card that is only looked at must not come out different.
"""

from __future__ import annotations

import re
from typing import Any

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from companion.ui.characters.editor_macros import MacroButton
from companion.ui.characters.token_counts import TokenCounts
from companion.ui.chat.growing_edit import GrowingEdit
from companion.ui.theme import Theme

PADDING = 20
"""What the style sheet puts above and below the lines of a text field, with its border."""
LONGEST_LINE = 2000
LONGEST_TEXT = 200_000
"""Characters. Qt takes a third of a second over a key in a megabyte, and longer over more."""
LONGEST_WORD = 20_000
"""Without a space: Qt takes a minute to wrap a word of a megabyte."""
SHOWN_OF_TOO_LONG = 4000
GAP = 10
LEAST_WIDTH = 120


class CardField(QWidget):
    """Holds one value of the card; `edited` comes only from the person."""

    edited = Signal()

    def value(self) -> Any:
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        raise NotImplementedError

    def set_read_only(self, read_only: bool) -> None:
        raise NotImplementedError

    def texts(self) -> tuple[str, ...]:
        """What of it the model reads and is worth counting."""
        return ()

    def show_counts(self, counts: TokenCounts) -> None:
        """Write the counts beside the titles."""


class FieldWords(QWidget):
    """The title of a field with a count behind it and a button at the right, and a sentence below.

    When there is little room the button shows only its icon, then the count goes.
    """

    def __init__(self, title: str, sentence: str = "", extra: QPushButton | None = None) -> None:
        super().__init__()
        self._extra = extra
        self.title, self.count = QLabel(title), QLabel()
        self.count.setProperty("role", "caption")
        row = QHBoxLayout()
        row.setSpacing(GAP)
        row.addWidget(self.title)
        row.addWidget(self.count)
        row.addStretch()
        if extra is not None:
            row.addWidget(extra)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        self.sentence = QLabel(sentence)
        self.sentence.setProperty("role", "caption")
        self.sentence.setWordWrap(True)
        if not sentence:  # shown before it has a parent, it would be a window for a moment and take the keyboard away
            self.sentence.hide()
        column.addWidget(self.sentence)

    def show_count(self, words: str) -> None:
        self.count.setText(words)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_WIDTH, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        left = self.width() - self.title.sizeHint().width() - self.count.sizeHint().width() - 2 * GAP
        if isinstance(self._extra, MacroButton):
            self._extra.set_compact(left < self._extra.full_width())
        if self._extra is not None and not self._extra.isHidden():
            left -= self._extra.sizeHint().width()
        self.count.setVisible(left >= 0)


class CardText(GrowingEdit):
    """Grows with its text between a least and a most number of lines; the wheel turns the page until it has the focus."""

    def __init__(self, theme: Theme, least_lines: int, most_lines: int) -> None:
        super().__init__(theme, most_lines=most_lines, around=PADDING)
        self._least_lines = least_lines
        self.grew.connect(self._fit)
        theme.changed.connect(self._fit)
        self._fit()

    def text(self) -> str:
        """As typed; `toPlainText` would turn no-break spaces into spaces."""
        return self.document().toRawText().replace("\u2029", "\n")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def insertFromMimeData(self, source: QMimeData) -> None:
        if is_too_long(self.text() + source.text()):
            self.refused.emit(f"That is more than {LONGEST_TEXT:,} characters; paste a shorter part.")
        else:
            super().insertFromMimeData(source)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _fit(self) -> None:
        least = self._least_lines * self.fontMetrics().lineSpacing() + PADDING
        self.setFixedHeight(max(self.wanted_height(self.width()), least))


class TextField(CardField):
    """A text of several lines, told to the model."""

    def __init__(
        self,
        theme: Theme,
        title: str,
        sentence: str = "",
        *,
        macros: bool = True,
        original: bool = False,
        counted: bool = True,
        least_lines: int = 3,
        most_lines: int = 14,
    ) -> None:
        super().__init__()
        self._given, self._changed, self._quiet, self._counted = "", False, False, counted
        self._read_only = self._is_too_long = False
        self.macros = MacroButton(theme, with_original=original) if macros else None
        self.words = FieldWords(title, sentence, self.macros)
        self.edit = CardText(theme, least_lines, most_lines)
        self.problem = QLabel()
        self.problem.setProperty("role", "problem")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.words.title.setBuddy(self.edit)
        self.edit.setAccessibleName(title)
        self.edit.setAccessibleDescription(sentence)
        self.setFocusProxy(self.edit)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for widget in (self.words, self.edit, self.problem):
            column.addWidget(widget)
        self.edit.textChanged.connect(self._typed)
        self.edit.refused.connect(self.say)
        if self.macros is not None:
            self.macros.chosen.connect(self._insert)

    def value(self) -> str:
        return self.edit.text() if self._changed else self._given

    def set_value(self, value: str) -> None:
        self._given, self._changed = value, False
        self._is_too_long = is_too_long(value)
        shown = f"{value[:SHOWN_OF_TOO_LONG]}…" if self._is_too_long else value
        self.say("This text is too long to be changed here; it is kept as it is." if self._is_too_long else "")
        self.edit.setReadOnly(self._read_only or self._is_too_long)
        if self.edit.text() != shown:
            self._quiet = True
            self.edit.setPlainText(shown)
            self._quiet = False

    def set_read_only(self, read_only: bool) -> None:
        self._read_only = read_only
        self.edit.setReadOnly(read_only or self._is_too_long)
        if self.macros is not None:
            self.macros.setVisible(not read_only)

    def texts(self) -> tuple[str, ...]:
        return (self.value(),) if self._counted else ()

    def show_counts(self, counts: TokenCounts) -> None:
        self.words.show_count(counts.words(*self.texts()))

    def say(self, problem: str) -> None:
        """What is wrong with it, as a sentence; empty for nothing."""
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))

    def _typed(self) -> None:
        if not self._quiet:
            self._changed = True
            self.say("")
            self.edited.emit()

    def _insert(self, macro: str) -> None:
        if self.edit.isReadOnly():
            return  # a text too long to be changed: the cursor writes whatever the field allows
        self.edit.insertPlainText(macro)
        self.edit.setFocus()


class LineField(CardField):
    """One line of text."""

    def __init__(self, title: str, sentence: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._given: Any = ""
        self._changed = False
        self.words = FieldWords(title, sentence)
        self.line = QLineEdit()
        self.line.setMaxLength(LONGEST_LINE)
        self.line.setPlaceholderText(placeholder)
        self.line.setAccessibleName(title)
        self.line.setAccessibleDescription(sentence)
        self.words.title.setBuddy(self.line)
        self.setFocusProxy(self.line)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.words)
        column.addWidget(self.line)
        column.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.line.textEdited.connect(self._typed)

    def value(self) -> Any:
        return self._read(self.line.text()) if self._changed else self._given

    def set_value(self, value: Any) -> None:
        shown = self._shown(value)
        if shown != self.line.text():
            self.line.setText(shown)
            self.line.setCursorPosition(0)
        fits = len(shown) <= LONGEST_LINE
        self.line.setEnabled(fits)
        self.line.setToolTip("" if fits else "Too long to be changed here; it is kept as it is.")
        self._given, self._changed = value, False

    def set_read_only(self, read_only: bool) -> None:
        self.line.setReadOnly(read_only)

    def _read(self, text: str) -> Any:
        return " ".join(text.split())

    def _shown(self, value: Any) -> str:
        return str(value)

    def _typed(self) -> None:
        self._changed = True
        self.edited.emit()


class WordsField(LineField):
    r"""Several words or phrases with commas between them; a comma inside one is written \,."""

    def _read(self, text: str) -> tuple[str, ...]:
        return split_words(text)

    def _shown(self, value: tuple[str, ...]) -> str:
        return join_words(value)


def is_too_long(text: str) -> bool:
    """Whether the window would stand still over it."""
    return len(text) > LONGEST_TEXT or _LONG_WORD.search(text) is not None


def split_words(text: str) -> tuple[str, ...]:
    r"""The parts between commas, without the space around them; `\,` is a comma that belongs to its part."""
    parts = text.replace("\\,", "\x00").split(",")
    return tuple(part.strip().replace("\x00", ",") for part in parts if part.strip())


def join_words(words: tuple[str, ...]) -> str:
    """The way back."""
    parts = [word.replace(",", "\\,") for word in words]
    return ", ".join(f"{part} " if part.endswith("\\") else part for part in parts)


_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD}}}")
