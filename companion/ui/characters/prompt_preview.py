"""What the model will read, part by part, as it stands while the card is being written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import (
    QFont,
    QPainter,
    QPaintEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFrame,
    QTextFrameFormat,
)
from PySide6.QtWidgets import QFrame, QLabel, QTextEdit, QVBoxLayout, QWidget

from companion.ui.theme import Theme

LONGEST_PART: Final = 20_000
"""Characters of one part that are shown; nobody reads on, and Qt would take a second to lay out a megabyte."""
MOST_PARTS: Final = 300
SPEAKERS: Final = {"system": "Instruction", "user": "You", "assistant": "She"}


class Part(NamedTuple):
    """A piece of the prompt: who says it (a role of the chat template), what it is, and the words."""

    role: str
    title: str
    text: str


class PromptPreview(QWidget):
    """Headings by role over the parts; everything can be selected and copied, nothing can be changed."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._parts: tuple[Part, ...] = ()
        self.text = _Parts(theme)
        self.text.setAccessibleName("What the model will read")
        heading, sentence = QLabel("What she is told"), QLabel("With its macros filled, before the conversation goes on.")
        heading.setProperty("role", "heading")
        sentence.setProperty("role", "caption")
        sentence.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 4, 8, 0)
        column.setSpacing(2)
        column.addWidget(heading)
        column.addWidget(sentence)
        column.addSpacing(8)
        column.addWidget(self.text, 1)
        theme.changed.connect(self._write)

    @property
    def parts(self) -> tuple[Part, ...]:
        return self._parts

    def show_parts(self, parts: Sequence[Part]) -> None:
        """Keeps the place that was being read. The same parts again cost nothing."""
        if tuple(parts) != self._parts:
            self._parts = tuple(parts)
            self._write()

    def _write(self) -> None:
        bar = self.text.verticalScrollBar()
        place = bar.value()
        self.text.setUpdatesEnabled(False)
        self.text.clear()
        cursor = QTextCursor(self.text.document())
        cursor.beginEditBlock()
        role = ""
        for part in self._parts[:MOST_PARTS]:
            if part.role != role:
                self._write_role(cursor, part.role)
                role = part.role
            self._write_part(cursor, part)
        if len(self._parts) > MOST_PARTS:
            cursor.insertText(f"{len(self._parts) - MOST_PARTS} more parts are not shown.", self._format("muted", 12))
        cursor.endEditBlock()
        self.text.setUpdatesEnabled(True)
        bar.setValue(place)

    def _write_role(self, cursor: QTextCursor, role: str) -> None:
        block = QTextBlockFormat()
        block.setTopMargin(10)
        block.setBottomMargin(2)
        block.setLeftMargin(1)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.setBlockFormat(block)
        cursor.insertText(SPEAKERS.get(role, role), self._format("accent", 12, QFont.Weight.DemiBold))

    def _write_part(self, cursor: QTextCursor, part: Part) -> None:
        frame = QTextFrameFormat()
        frame.setPadding(10)
        frame.setTopMargin(3)
        frame.setBottomMargin(3)
        frame.setProperty(_Parts.RAISED, part.role == "user")
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertFrame(frame)
        behind = QTextCursor(self.text.document())
        behind.movePosition(QTextCursor.MoveOperation.End)
        behind.setBlockFormat(_thin())  # Qt wants a line of text between two frames
        shown = part.text[:LONGEST_PART]
        if part.title:
            cursor.insertText(part.title, self._format("muted", 12))
            cursor.insertBlock()
        cursor.insertText(shown, self._format("text"))
        if len(part.text) > LONGEST_PART:
            cursor.insertText(f"\n… {len(part.text) - LONGEST_PART:,} more characters", self._format("muted", 12))

    def _format(self, colour: str, size: int = 14, weight: QFont.Weight = QFont.Weight.Normal) -> QTextCharFormat:
        made = QTextCharFormat()
        made.setFont(self._theme.font(size, int(weight)))
        made.setForeground(self._theme.colour(colour))
        return made


def _thin() -> QTextBlockFormat:
    made = QTextBlockFormat()
    made.setLineHeight(1, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
    return made


class _Parts(QTextEdit):
    """Text whose frames stand on grounds with round corners, which Qt's own frames cannot have."""

    RAISED: Final = 0x100000 + 1  # the first number Qt leaves to programs is QTextFormat.UserProperty

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setStyleSheet("QTextEdit { background: transparent; padding: 0; }")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        layout, up = self.document().documentLayout(), self.verticalScrollBar().value()
        for frame in self.document().rootFrame().childFrames():
            place = layout.frameBoundingRect(frame).translated(0, -up)
            if place.bottom() < 0 or place.top() > self.viewport().height():
                continue
            painter.setBrush(self._theme.colour("raised" if _is_raised(frame) else "surface"))
            painter.drawRoundedRect(QRectF(place).adjusted(1, 3, -1, -3), 10, 10)
        painter.end()
        super().paintEvent(event)


def _is_raised(frame: QTextFrame) -> bool:
    return frame.frameFormat().boolProperty(_Parts.RAISED)
