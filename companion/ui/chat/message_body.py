"""The words of one message: paragraphs, tables and code below one another, also while they are being written."""

from __future__ import annotations

from itertools import groupby
from time import perf_counter
from typing import NamedTuple, TypeVar

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from companion.ui.chat.blocks import Block, BlockReader, Code, Prose, Table
from companion.ui.chat.code_view import CodeView
from companion.ui.chat.prose_writer import ProseWriter
from companion.ui.chat.text_views import ProseView, TableView, TextView
from companion.ui.theme import Theme

GAP = 12
PAINT_PAUSE = 33
"""Least milliseconds between two paintings of a reply that is being written."""
PATIENCE = 3
"""A painting that took t is followed by a pause of at least this many t, so that the window keeps most of its time."""
SHOWN_AT_ONCE, LONGEST_SHOWN = 12_000, 40_000
"""Characters of a message that are shown at once, and those shown before the person asks for all of it."""
SLICE = 6_000
"""Characters that are added at a time between the two."""

Part = ProseView | TableView | CodeView
P = TypeVar("P", ProseView, TableView, CodeView)


class _Pending(NamedTuple):
    block: Block
    finished: bool


class MessageBody(QWidget):
    """`fit(width)` places everything and says how much room it takes; `grew` asks the owner to call it again."""

    grew = Signal()
    link_activated = Signal(str)

    def __init__(self, theme: Theme, writer: ProseWriter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._writer = writer
        self._reader = BlockReader()
        self._parts: list[Part] = []
        self._live = 0
        """The first part that may still change; what is before it is left alone."""
        self._text = ""
        self._width = 0
        self._reachable = False
        self._held_back = 0
        """Where the part of a very long text begins that is not shown yet; 0 when everything is."""
        self._goal = 0
        """How far a very long text is to be shown."""
        self._pieces: list[str] = []
        self._painting = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._painting.timeout.connect(self._paint_pieces)
        self._show_all = QPushButton(self)
        self._show_all.hide()
        self._show_all.setProperty("role", "quiet")
        self._show_all.clicked.connect(self.show_all)
        self._revealing = QTimer(self, interval=0)
        self._revealing.timeout.connect(self._reveal)

    @property
    def text(self) -> str:
        return self._text + "".join(self._pieces)

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(self._parts)

    def expect_width(self, width: int) -> None:
        """What `fit` will say: text that is wrapped where it belongs from the beginning is laid out only once."""
        self._width = width

    def set_text(self, text: str) -> None:
        """Show another text, from its beginning."""
        self._clear()
        self._text = text
        self._goal = LONGEST_SHOWN if len(text) > LONGEST_SHOWN * 1.1 else len(text)
        self._begin_reading()
        self.grew.emit()

    def settle(self, text: str) -> None:
        """The message has ended with `text`, which as a rule is what its pieces said."""
        self._paint_pieces()
        self.set_caret(False)
        if text.rstrip() == self._text.rstrip():  # blanks at the end are not stored, and are not seen
            self._text = text
        else:
            self.set_text(text)

    def add_piece(self, text: str) -> None:
        """Cheap: the piece is shown with the next painting."""
        self._pieces.append(text)
        if not self._painting.isActive():
            self._painting.start(PAINT_PAUSE)

    def set_caret(self, shown: bool) -> None:
        """A caret after the last word tells that more is coming."""
        for part in self._parts:
            if isinstance(part, ProseView):
                part.set_caret(shown and part is self._parts[-1])

    def refresh(self) -> None:
        """Draw everything again, in the colours and sizes of today."""
        text, goal = self.text, self._goal
        self._clear()
        self._text, self._goal = text, max(goal, LONGEST_SHOWN)
        self._begin_reading()

    def show_all(self) -> None:
        """Show the rest of a very long text, a slice at a time."""
        self._show_all.setText("Showing the rest…")
        self._show_all.setEnabled(False)
        self._goal = len(self._text)
        self._revealing.start()

    def tab_stops(self) -> list[QWidget]:
        """What Tab stops at, from top to bottom."""
        return [part.copy_button for part in self._parts if isinstance(part, CodeView)] + [self._show_all]

    def set_reachable(self, reachable: bool) -> None:
        """Whether Tab stops at the buttons of code: not in each of a thousand messages."""
        self._reachable = reachable
        for part in self._parts:
            if isinstance(part, CodeView):
                part.set_reachable(reachable)

    def selected_text(self) -> str:
        views = (part.text_view if isinstance(part, CodeView) else part for part in self._parts)
        return next((v.createMimeDataFromSelection().text() for v in views if v.textCursor().hasSelection()), "")

    def links(self) -> tuple[str, ...]:
        """Every address that can be opened, in order, once each."""
        found: dict[str, None] = {}
        for part in self._parts:
            if isinstance(part, TextView):
                found.update(dict.fromkeys(part.links()))
        return tuple(found)

    def fit(self, width: int) -> QSize:
        """Place everything within `width`; returns the room it takes, which may be narrower."""
        self._width = width
        y = widest = 0
        for part in self._parts:
            size = part.fit(width)
            y += GAP if y else 0
            # Text keeps the width it is wrapped at, else it could be scrolled sideways; what hangs over is empty.
            part.setGeometry(0, y, width, size.height())
            y += size.height()
            widest = max(widest, size.width())
        for part in self._parts:
            if isinstance(part, CodeView):
                part.spread(widest)
        if not self._show_all.isHidden():
            hint = self._show_all.sizeHint()
            self._show_all.setGeometry(0, y + GAP, min(hint.width(), width), hint.height())
            y, widest = y + GAP + hint.height(), max(widest, hint.width())
        return QSize(min(widest, width), y)

    def _clear(self) -> None:
        self._painting.stop()
        self._revealing.stop()
        self._pieces.clear()
        self._reader = BlockReader()
        self._live = 0
        self._drop_parts(0)

    def _paint_pieces(self) -> None:
        if not self._pieces:
            return
        began = perf_counter()
        text = "".join(self._pieces)
        self._pieces.clear()
        self._text += text
        if self._held_back:  # it goes on behind what is not shown
            self._offer_rest()
        else:
            self._read(text)
        self.set_caret(True)
        self.grew.emit()
        pause = max(PAINT_PAUSE, round((perf_counter() - began) * 1000) * PATIENCE)
        self._painting.start(pause)

    def _begin_reading(self) -> None:
        self._held_back = SHOWN_AT_ONCE if len(self._text) > SHOWN_AT_ONCE * 1.1 else 0
        self._read(self._text[: self._held_back or None])
        self._offer_rest()
        if self._held_back:
            self._revealing.start()

    def _reveal(self) -> None:
        """Show one more slice, up to the goal."""
        begin, end = self._held_back, min(self._held_back + SLICE, self._goal)
        self._read(self._text[begin:end])
        self._held_back = end if end < len(self._text) else 0
        if end >= self._goal:
            self._revealing.stop()
            self._offer_rest()
        self.grew.emit()

    def _offer_rest(self) -> None:
        left = len(self._text) - self._goal if self._held_back else 0
        self._show_all.setText(f"Show all, {left // 1000:,} thousand more characters")
        self._show_all.setEnabled(True)
        self._show_all.setVisible(left > 0)

    def _read(self, text: str) -> None:
        """Feed the reader and bring the parts from the first live one up to date."""
        reading = self._reader.feed(text)
        pending = [_Pending(b, True) for b in reading.finished] + [_Pending(b, False) for b in reading.tail]
        i = self._live
        continued = self._parts[i] if i < len(self._parts) else None
        if isinstance(continued, ProseView) and continued.has_settled and not (pending and isinstance(pending[0].block, Prose)):
            continued.extend((), ())
            i += 1
        live = self._live
        for place, group in groupby(enumerate(pending), key=_run_of_prose):
            run = [item for _, item in group]
            self._show(i, run)
            if run[0].finished:
                live = i if place == "prose" else i + 1
            i += 1
        self._live = live
        self._drop_parts(i)

    def _show(self, i: int, run: list[_Pending]) -> None:
        """Make part `i` show a run of paragraphs, one table or one listing."""
        there = self._parts[i] if i < len(self._parts) else None
        match run[0].block:
            case Prose():
                prose = there if isinstance(there, ProseView) else self._put(i, ProseView(self._theme, self._writer, self))
                finished = [item.block for item in run if item.finished and isinstance(item.block, Prose)]
                prose.extend(finished, [item.block for item in run if not item.finished and isinstance(item.block, Prose)])
            case Table() as block:
                table = there if isinstance(there, TableView) else self._put(i, TableView(self._theme, self._writer, self))
                table.show_table(block)
            case Code() as block:
                code = there if isinstance(there, CodeView) else self._put(i, CodeView(self._theme, self))
                code.show_code(block)

    def _put(self, i: int, part: P) -> P:
        self._drop_parts(i)
        if isinstance(part, TextView):
            part.link_activated.connect(self.link_activated)
            if self._width:
                part.setLineWrapColumnOrWidth(self._width)
        elif isinstance(part, CodeView):
            part.set_reachable(self._reachable)
        part.show()
        self._parts.append(part)
        return part

    def _drop_parts(self, first: int) -> None:
        for part in self._parts[first:]:
            part.hide()
            part.deleteLater()
        del self._parts[first:]


def _run_of_prose(item: tuple[int, _Pending]) -> object:
    """Paragraphs that follow one another share a view, so that they can be selected together."""
    return "prose" if isinstance(item[1].block, Prose) else item[0]
