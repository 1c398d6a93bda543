"""The messages of one conversation, of which only those near the end are built until someone scrolls up."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from time import perf_counter

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import QScrollArea, QWidget

from companion.core.conversation import PathMessage
from companion.ui.chat.bubble import Look, round_avatar
from companion.ui.chat.column import column
from companion.ui.chat.dividers import Dividers, day_words, local_day
from companion.ui.chat.focus_watch import FocusWatch
from companion.ui.chat.jump_button import JumpButton
from companion.ui.chat.message_view import MessageView
from companion.ui.chat.prose_writer import ProseWriter
from companion.ui.chat.text_views import BARE_STYLE
from companion.ui.keyboard import has_keyboard
from companion.ui.theme import Theme

BUILT_AT_FIRST = 60
BUILT_IN_ADVANCE = 40
NEAR_TOP = 900
"""Pixels from the top at which earlier messages are built."""
TRIM_ABOVE = 200
"""Messages kept while the person reads at the end; the ones far above are let go."""
SLICE_SECONDS = 0.008
AT_END = 24
"""Pixels from the end that still count as being there."""
TOP, BOTTOM = 24, 8


class MessageList(QScrollArea):
    """Stays at the end while a reply grows, unless the person scrolled up."""

    action_chosen = Signal(int, object)
    text_edited = Signal(int, str)
    link_activated = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._look = Look(theme, ProseWriter(theme, "raised"), ProseWriter(theme, "surface"), "", QPixmap())
        self._path: list[PathMessage] = []
        self._first = 0
        """Index in the path of the first message that has a view."""
        self._wanted_first = 0
        self._rows: list[MessageView] = []
        self._last_row: MessageView | None = None
        """The one that Tab reaches."""
        self._tops: list[int] = []
        self._built: list[MessageView] = []
        """Earlier messages that are not placed yet, nearest first."""
        self._marker = 0
        self._failures: dict[int, str] = {}
        self._reading: float | None = None
        self._sought = 0
        """Id of the message that is scrolled to once it is built."""
        self._sticking = True
        self._placing = False
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setStyleSheet(BARE_STYLE + " QToolButton { padding: 2px; }")
        self._page = QWidget()
        self._page.setAccessibleName("Messages")
        self.setWidget(self._page)
        self.viewport().setAutoFillBackground(False)
        self._page.setAutoFillBackground(False)
        self._jump = JumpButton(theme, self)
        self._jump.clicked.connect(self.scroll_to_end)
        self._builder = QTimer(self, interval=0)
        self._builder.timeout.connect(self._build_slice)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.verticalScrollBar().setSingleStep(40)
        theme.changed.connect(self._theme_changed)
        self._watch = FocusWatch(self._page)

    @property
    def path(self) -> tuple[PathMessage, ...]:
        return tuple(self._path)

    @property
    def rows(self) -> tuple[MessageView, ...]:
        """The views that are built, in the order of the conversation."""
        return tuple(self._rows)

    def row(self, message_id: int) -> MessageView | None:
        return next((row for row in reversed(self._rows) if row.shown.message.id == message_id), None)

    def show_path(self, path: Sequence[PathMessage]) -> None:
        """Show a conversation from its end. What it shares with the one shown before is kept, so that changing to
        another version of the last reply moves nothing else."""
        common = 0
        for old, new in zip(self._path, path, strict=False):
            if old.message.id != new.message.id:
                break
            common += 1
        self._builder.stop()
        self._drop(self._built)
        self._built.clear()
        self._sticking = True
        self._sought = 0
        keep = common - self._first
        if keep <= 0 or len(path) - common > BUILT_AT_FIRST:
            keep = 0
        at = next((i for i, row in enumerate(self._rows) if i >= keep and has_keyboard(row)), -1)
        if at >= 0:
            self.setFocus()  # until another message stands there: Qt would take the next one, and scroll to it
            at += self._first
        self._drop(self._rows[keep:])
        del self._rows[keep:]
        self._path = list(path)
        for row, shown in zip(self._rows, path[self._first :], strict=False):
            if row.shown != shown:
                row.show_message(shown)
        if keep:
            self._rows += [self._made(shown) for shown in path[common:]]
            self._wanted_first = self._first
            self._arrange(max(keep - 1, 0))
        else:
            self._first = len(path)
            self._wanted_first = max(len(path) - BUILT_AT_FIRST, 0)
            self._build(height=2 * max(self.height(), 400))
            self._add_built()
            self._builder.start()
        if at >= 0 and self._rows:
            self._rows[min(max(at - self._first, 0), len(self._rows) - 1)].setFocus(Qt.FocusReason.OtherFocusReason)

    def append(self, shown: PathMessage) -> None:
        self._path.append(shown)
        self._rows.append(self._made(shown))
        if shown.message.role == "user":
            self._sticking = True  # who has just written wants to see it
        self._trim()
        self._arrange(max(len(self._rows) - 2, 0))

    def update_message(self, shown: PathMessage) -> None:
        for i in range(len(self._path) - 1, -1, -1):
            if self._path[i].message.id == shown.message.id:
                self._path[i] = shown
                break
        row = self.row(shown.message.id)
        if row is not None:
            row.show_message(shown)

    def remove_after(self, message_id: int) -> None:
        ids = [shown.message.id for shown in self._path]
        if message_id in ids:
            self.show_path(self._path[: ids.index(message_id) + 1])

    def add_piece(self, message_id: int, text: str) -> None:
        row = self.row(message_id)
        if row is not None:
            row.add_piece(text)

    def set_memory_marker(self, message_id: int) -> None:
        if message_id != self._marker:
            self._marker = message_id
            self._arrange()

    def set_failure(self, message_id: int, sentence: str) -> None:
        self._failures[message_id] = sentence
        row = self.row(message_id)
        if row is not None:
            row.set_failure(sentence)

    def set_reading(self, fraction: float | None) -> None:
        self._reading = fraction
        if self._rows:
            self._rows[-1].set_reading(fraction)

    def set_character(self, name: str, avatar: QPixmap) -> None:
        self._look.name = name
        self._look.avatar = round_avatar(avatar, self.devicePixelRatioF()) if not avatar.isNull() else QPixmap()
        for row in self._rows:
            row.describe()
            row.update()

    def set_compact(self, compact: bool) -> None:
        if compact != self._look.compact:
            self._look.compact = compact
            self._arrange()

    def set_engine(self, *, answering: bool, ready: bool) -> None:
        """Which actions make sense now."""
        if (answering, ready) != (self._look.answering, self._look.ready):
            self._look.answering, self._look.ready = answering, ready
            for row in self._rows:
                row.renew_actions()

    def begin_edit(self, message_id: int) -> None:
        row = self.row(message_id)
        if row is not None:
            row.begin_edit()
            self._show_row(row)

    def scroll_to_end(self) -> None:
        self._sticking = True
        self._stick()

    def scroll_to(self, message_id: int) -> None:
        """Bring a message into view; when it is far up, as soon as what lies between is built."""
        i = next((i for i, shown in enumerate(self._path) if shown.message.id == message_id), -1)
        row = self.row(message_id)
        if row is not None:
            self._sought = 0
            self._sticking = False
            self.verticalScrollBar().setValue(row.bubble.translated(row.pos()).top() - self.height() // 4)
            self._scrolled(self.verticalScrollBar().value())
            row.setFocus(Qt.FocusReason.OtherFocusReason)
        elif i >= 0:
            self._sought = message_id
            self._wanted_first = max(min(i - 10, self._wanted_first), 0)
            self._builder.start()

    def leave_room(self, pixels: int) -> None:
        """Show nothing in so many pixels at the bottom; the end of the conversation stays in sight."""
        if pixels != self.viewportMargins().bottom():
            self.setViewportMargins(0, 0, 0, pixels)
            self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    # Building

    def _made(self, shown: PathMessage) -> MessageView:
        row = MessageView(self._look, shown, self._page)
        failure = self._failures.get(shown.message.id)
        if failure:
            row.set_failure(failure)
        row.resized.connect(self._row_resized)
        row.action_chosen.connect(self.action_chosen)
        row.text_edited.connect(self.text_edited)
        row.link_activated.connect(self.link_activated)
        row.neighbour_wanted.connect(self._move_focus)
        return row

    def _build(self, *, height: int = 0, seconds: float = 0.0) -> None:
        """Build earlier messages, nearest first, up to a height or for some time; they are placed by `_add_built`."""
        self._look.wide = wide = column(self.width(), self._look.compact)[1]
        until = perf_counter() + seconds
        while self._first - len(self._built) > self._wanted_first:
            i = self._first - len(self._built) - 1
            row = self._made(self._path[i])
            row.set_last(i == len(self._path) - 1)
            row.set_dividers(self._dividers(i))
            row.resize(wide, row.fit(wide))
            self._built.append(row)
            height -= row.height()
            if height <= 0 and perf_counter() >= until:
                break

    def _build_slice(self) -> None:
        self._build(seconds=SLICE_SECONDS)
        complete = self._first - len(self._built) <= self._wanted_first
        # Placing moves every row below, so it is done for many at once, unless they are about to be seen.
        if complete or len(self._built) >= BUILT_IN_ADVANCE or self.verticalScrollBar().value() < self.height():
            self._add_built()
        if complete:
            self._builder.stop()
            if self._sought:
                self.scroll_to(self._sought)
            self._want_earlier()

    def _add_built(self) -> None:
        """Put what has been built above the rows that are there."""
        added, self._built = self._built[::-1], []
        self._rows[:0] = added
        self._first -= len(added)
        self._arrange(0, 0, added=len(added))

    def _want_earlier(self) -> None:
        """Near the top, go on building."""
        if self.verticalScrollBar().value() < NEAR_TOP and 0 < self._first <= self._wanted_first:
            self._wanted_first = max(self._first - BUILT_IN_ADVANCE, 0)
            self._builder.start()

    def _trim(self) -> None:
        if self._sticking and len(self._rows) > TRIM_ABOVE:
            surplus = len(self._rows) - BUILT_AT_FIRST
            self._drop(self._rows[:surplus])
            del self._rows[:surplus]
            self._first += surplus
            self._wanted_first = self._first

    def _drop(self, rows: Iterable[MessageView]) -> None:
        for row in rows:
            row.hide()
            row.deleteLater()

    # Placing

    def _arrange(self, begin: int = 0, end: int | None = None, *, added: int = 0) -> None:
        """Fit the rows from `begin` to `end` and move everything below. What the person reads stays where it is, also
        when `added` rows were built above; at the end, the end stays in sight."""
        if self._placing:
            return
        self._placing = True
        anchor = None if self._sticking else self._anchor(added)
        left, wide = column(self.width(), self._look.compact)
        self._look.wide = wide
        rows = self._rows
        end = len(rows) if end is None else min(end, len(rows))
        self._tops = [0] * added + self._tops[: len(rows) - added]
        y = rows[begin - 1].geometry().bottom() + 1 if 0 < begin <= len(rows) else TOP
        del self._tops[begin:]
        for i in range(begin, len(rows)):
            row = rows[i]
            if i < end:
                row.set_last(i == len(rows) - 1)
                row.set_dividers(self._dividers(self._first + i))
            height = row.fit(wide) if i < end else row.height()
            row.setGeometry(left, y, wide, height)
            if row.isHidden():
                row.show()
            self._tops.append(y)
            y += height
        self._page.resize(self.viewport().width(), y + BOTTOM if rows else 0)
        if anchor is not None:
            i, offset = anchor
            self.verticalScrollBar().setValue(self._tops[i] + offset if i < len(self._tops) else 0)
        elif self._sticking:
            self._stick()
        self._placing = False
        if rows and rows[-1] is not self._last_row:
            self._last_row = rows[-1]
            self._last_row.order_tabs(self._jump)
        self._show_jump()

    def _anchor(self, added: int) -> tuple[int, int] | None:
        """The row at the top of the viewport, by its index once `added` rows stand above, and how much of it is past."""
        value = self.verticalScrollBar().value()
        i = bisect_right(self._tops, value) - 1
        return (i + added, value - self._tops[i]) if i >= 0 else None

    def _dividers(self, i: int) -> Dividers:
        message, today = self._path[i].message, datetime.now().date()
        day = local_day(message.created)
        before = local_day(self._path[i - 1].message.created) if i else today
        return Dividers(day_words(day, today) if day != before else "", bool(self._marker) and message.id == self._marker)

    def _row_resized(self) -> None:
        row = self.sender()
        if not self._placing and isinstance(row, MessageView) and row in self._rows:
            i = self._rows.index(row)
            self._arrange(i, i + 1)

    # Scrolling and focus

    def _scrolled(self, value: int) -> None:
        if not self._placing:
            self._sticking = value >= self.verticalScrollBar().maximum() - AT_END
            self._show_jump()
            self._want_earlier()

    def _stick(self) -> None:
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _show_jump(self) -> None:
        bar = self.verticalScrollBar()
        self._jump.setVisible(not self._sticking and bar.maximum() - bar.value() > AT_END)
        self._jump.move((self.width() - self._jump.width()) // 2, self.height() - self._jump.height() - 12)

    def _move_focus(self, message_id: int, step: int) -> None:
        row = self.row(message_id)
        i = self._rows.index(row) + step if row is not None else -1
        if 0 <= i < len(self._rows):
            self._rows[i].setFocus(Qt.FocusReason.OtherFocusReason)
            self._show_row(self._rows[i])

    def _show_row(self, row: MessageView) -> None:
        place = row.bubble.translated(row.pos())
        bar, room = self.verticalScrollBar(), self.viewport().height()
        top, bottom = place.top() - 16, place.bottom() + 40
        if top < bar.value():
            bar.setValue(top)
        elif bottom > bar.value() + room:
            bar.setValue(min(bottom - room, top))

    def _theme_changed(self) -> None:
        self._look.hers.forget_colours()
        self._look.persons.forget_colours()
        self._placing = True
        for row in self._rows:
            row.refresh()
        self._placing = False
        self._arrange()
