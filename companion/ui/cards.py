"""What pages are made of: plain words that can be selected, and a frame with a heading around some of them."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QLayout, QPushButton, QVBoxLayout, QWidget

_LONG_WORD, _BREAKS = re.compile(r"\S{24,}"), re.compile(r"[/\\_.\-]|\w{20}")


def breakable(text: str) -> str:
    """With places in paths and file names where a line may end: they would make a label wider than the window."""
    return _LONG_WORD.sub(lambda word: _BREAKS.sub("\\g<0>\u200b", word[0]), text)


def plain_label(role: str = "", words: str = "", *, is_selectable: bool = True) -> QLabel:
    """Wraps, and shows what somebody wrote as it is; `role` is one of the style sheet's, or empty.

    What can be selected keeps clicks to itself: where the whole card is pressed, its words are not selectable. A problem
    is hidden until there is one.
    """
    label = QLabel(words)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if is_selectable:
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if role == "problem" and not words:
        label.hide()
    return label


def say(label: QLabel, *sentences: str) -> None:
    """Show them one after the other; without any there is no label."""
    text = " ".join(filter(None, sentences))
    label.setText(text)
    label.setVisible(bool(text))


def card(heading: str, *contents: QWidget | QLayout) -> QFrame:
    """A frame around some things below one another; `heading` may be empty."""
    frame = QFrame()
    fill_card(frame, heading, *contents)
    return frame


def fill_card(frame: QFrame, heading: str, *contents: QWidget | QLayout) -> None:
    """As `card`, for a frame that is there already. A button is as wide as its words."""
    frame.setProperty("role", "card")
    column = QVBoxLayout(frame)
    column.setContentsMargins(20, 16, 20, 16)
    column.setSpacing(8)
    if heading:
        column.addWidget(plain_label("heading", heading))
    for each in contents:
        if isinstance(each, QPushButton):
            column.addWidget(each, 0, Qt.AlignmentFlag.AlignLeft)
        elif isinstance(each, QWidget):
            column.addWidget(each)
        else:
            column.addLayout(each)


def empty(layout: QLayout) -> None:
    """Take everything out of it."""
    while (old := layout.takeAt(0)) is not None:
        if (widget := old.widget()) is not None:
            widget.hide()
            widget.deleteLater()
