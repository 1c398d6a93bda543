"""One message: avatar, bubble, what became of it, and what can be done with it.

Placed by hand, without layouts: a conversation has thousands of messages, and as a rule only the one that is being
written changes its height.
"""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from companion.core.conversation import PathMessage
from companion.ui.chat import message_actions
from companion.ui.chat.action_slot import ActionSlot
from companion.ui.chat.bubble import AVATAR, Look, Status, draw_avatar, draw_bubble, status_of
from companion.ui.chat.dividers import Dividers, draw_dividers, local_time
from companion.ui.chat.message_actions import Action, MessageActions
from companion.ui.chat.message_body import MessageBody
from companion.ui.chat.message_editor import MessageEditor
from companion.ui.chat.waiting import Waiting
from companion.ui.keyboard import pass_on

AVATAR_GAP = 12
PADDING_X, PADDING_Y = 16, 12
FREE_SIDE = 24
PERSONS_SHARE = 0.82
"""How much of the column the person's own messages may take."""
GAP = 16
BESIDE = 12
"""Between the status and the buttons beside it."""
FOOTER_GAP = 4
NO_WORDS = "(no words)"


class MessageView(QWidget):
    """`fit(width)` places everything and returns the height, the gap below included."""

    action_chosen = Signal(int, object)
    """Message id and an `Action`; copying and beginning to edit are done here."""
    text_edited = Signal(int, str)
    link_activated = Signal(str)
    resized = Signal()
    """Another height is wanted: the owner calls `fit`."""
    neighbour_wanted = Signal(int, int)
    """Message id and -1 or 1: the keyboard moves to the message above or below."""

    def __init__(self, look: Look, shown: PathMessage, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._shown = shown
        self._dividers = Dividers()
        self._failure = ""
        self._ringed = False
        self._bubble = QRect()
        self._status_place = QRect()
        self._slot = ActionSlot(look, shown, self)
        self._slot.chosen.connect(self._act)
        self._slot.more_pressed.connect(self._open_menu)
        self._slot.made.connect(self._show_actions)
        self._editor: MessageEditor | None = None
        self._waiting: Waiting | None = None
        self.body = MessageBody(look.theme, look.hers if self.is_hers else look.persons, self)
        self.body.expect_width(self._text_width(look.wide))
        if shown.message.text:
            self.body.set_text(shown.message.text)
        self.body.grew.connect(self.resized)
        self.body.link_activated.connect(self.link_activated)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.describe()

    @property
    def shown(self) -> PathMessage:
        return self._shown

    @property
    def is_hers(self) -> bool:
        return self._shown.message.role == "assistant"

    @property
    def editor(self) -> MessageEditor | None:
        return self._editor

    @property
    def action_row(self) -> MessageActions | None:
        return self._slot.row

    @property
    def bubble(self) -> QRect:
        """Where the bubble is, in the coordinates of this widget."""
        return self._bubble

    @property
    def status(self) -> Status:
        return status_of(self._shown.message, self._failure)

    def show_message(self, shown: PathMessage) -> None:
        """The same message, changed: its words, state, or place among its alternates."""
        self._shown = shown
        if shown.message.status != "streaming":
            self.body.settle(shown.message.text)
        elif not self.body.text.startswith(shown.message.text):  # what is stored may lag behind what is shown
            self.body.set_text(shown.message.text)
        self.describe()
        self._slot.show_message(shown)
        self.resized.emit()

    def add_piece(self, text: str) -> None:
        self.body.add_piece(text)

    def set_reading(self, fraction: float | None) -> None:
        """How much of the prompt has been read; shown only until the first word."""
        if self._waits:
            self._dots().set_reading(fraction)
            self.resized.emit()

    def set_last(self, is_last: bool) -> None:
        """The last message keeps its actions in sight, and Tab stops there; the arrow keys reach the others."""
        if is_last != self._slot.is_last:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if is_last else Qt.FocusPolicy.ClickFocus)
            self._slot.set_last(is_last)
            self.body.set_reachable(self._slot.is_reachable)
            self.resized.emit()

    def set_dividers(self, dividers: Dividers) -> None:
        if dividers != self._dividers:
            self._dividers = dividers
            self.describe()
            self.resized.emit()

    def set_failure(self, sentence: str) -> None:
        """Why this message failed."""
        self._failure = sentence
        self.describe()
        self.resized.emit()

    def set_focused(self, focused: bool) -> None:
        """Whether the keyboard is somewhere in this message."""
        self._slot.set_focused(focused)
        self.body.set_reachable(self._slot.is_reachable)

    def describe(self) -> None:
        """What a screen reader says."""
        message = self._shown.message
        who = self._look.name if self.is_hers else "You"
        words = self.body.text[:1_000] or NO_WORDS
        self.setAccessibleName(f"{who}, {local_time(message.created)}: {words}")
        self.setAccessibleDescription(" ".join(filter(None, (self._dividers.day, self.status.words))))

    def refresh(self) -> None:
        """Draw again in the colours, sizes and name of today."""
        self.body.refresh()
        self.describe()
        self._slot.renew()
        self.update()

    def order_tabs(self, after: QWidget | None = None) -> None:
        """Let Tab come here from `after`, and go on from the code to the actions."""
        actions = self._slot.row.tab_stops() if self._slot.row is not None else []
        stops = [*([after] if after is not None else []), self, *self.body.tab_stops(), *actions]
        for before, following in pairwise(stops):
            self.setTabOrder(before, following)

    def renew_actions(self) -> None:
        """What can be done has changed."""
        self._slot.renew()

    def begin_edit(self) -> None:
        """Put a plain editor in the place of the words."""
        if self._editor is not None:
            self._editor.setFocus()
            return
        self._editor = MessageEditor(self._look.theme, self._shown.message.text, self)
        self._editor.saved.connect(self._save)
        self._editor.cancelled.connect(self.end_edit)
        self._editor.grew.connect(self.resized)
        self._editor.show()
        self._editor.setFocus()
        self._slot.put_away(True)
        self.resized.emit()

    def end_edit(self) -> None:
        if self._editor is not None:
            pass_on(self._editor, self)
            self._editor.hide()
            self._editor.deleteLater()
            self._editor = None
            self._slot.put_away(False)
            self.resized.emit()

    def menu(self) -> QMenu:
        """Everything that can be done with this message, links included."""
        menu = QMenu(self)
        selected = self.body.selected_text()
        if selected:
            menu.addAction("Copy selection", lambda: QGuiApplication.clipboard().setText(selected))
        message_actions.fill_menu(menu, self._shown, self._slot.available(), self._look.theme)
        for address in self.body.links():
            menu.addAction(f"Open {address[:60].replace('&', '&&')}").setData(address)
        menu.triggered.connect(self._menu_chosen)
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    def fit(self, width: int) -> int:
        before = AVATAR + AVATAR_GAP if self.is_hers and not self._look.compact else 0
        content, size = self._content(self._text_width(width))
        bubble = QSize(size.width() + 2 * PADDING_X, size.height() + 2 * PADDING_Y)
        left = before if self.is_hers else width - bubble.width()
        self._bubble = QRect(QPoint(left, self._dividers.height), bubble)
        for widget in (self.body, self._waiting, self._editor):
            if widget is not None:
                widget.setVisible(widget is content)
        if content is not None:
            content.setGeometry(QRect(self._bubble.topLeft() + QPoint(PADDING_X, PADDING_Y), size))
        bottom = self._place_footer(before, width)
        self.update()
        return bottom + GAP

    # What happens to it

    def enterEvent(self, event: QEnterEvent) -> None:
        self._slot.set_hovered(True)

    def leaveEvent(self, event: QEvent) -> None:
        self._slot.set_hovered(False)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._ringed = event.reason() != Qt.FocusReason.MouseFocusReason
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._ringed = False
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up.value: -1, Qt.Key.Key_Down.value: 1}.get(event.key())
        if step is None or self._editor is not None:
            event.ignore()
        else:
            self.neighbour_wanted.emit(self._shown.message.id, step)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._editor is None:
            by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
            self.menu().popup(self.mapToGlobal(self._bubble.center()) if by_key else event.globalPos())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._look.theme
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        draw_dividers(painter, theme, self._dividers, self.width())
        if self.is_hers and not self._look.compact:
            draw_avatar(painter, self._look, QPoint(0, self._bubble.top()))
        draw_bubble(painter, theme, self._bubble, hers=self.is_hers, ringed=self._ringed)
        if self._is_blank:
            painter.setPen(theme.colour("muted"))
            painter.setFont(theme.font())
            painter.drawText(self._bubble, Qt.AlignmentFlag.AlignCenter, NO_WORDS)
        if self.status.words:
            self.status.draw(painter, theme, self._status_place)
        painter.end()

    # How it works

    @property
    def _waits(self) -> bool:
        return self._shown.message.status == "streaming" and not self.body.text

    @property
    def _is_blank(self) -> bool:
        return self._editor is None and not self._waits and not self.body.text

    def _text_width(self, width: int) -> int:
        """How wide the words may be in a column of this width."""
        beside = 0 if self._look.compact else AVATAR + AVATAR_GAP + FREE_SIDE
        most = width - beside if self.is_hers else round(width * PERSONS_SHARE)
        return max(most - 2 * PADDING_X, 0)

    def _dots(self) -> Waiting:
        if self._waiting is None:
            self._waiting = Waiting(self._look.theme, self)
        return self._waiting

    def _content(self, width: int) -> tuple[QWidget | None, QSize]:
        """What fills the bubble, and how large it is within `width`."""
        if self._editor is not None:
            return self._editor, self._editor.fit(width)
        if self._waits:
            return self._dots(), self._dots().fit()
        if self._is_blank:
            words = QFontMetrics(self._look.theme.font()).horizontalAdvance(NO_WORDS)
            return None, QSize(words + 2, self._look.theme.font(20).pixelSize())
        return self.body, self.body.fit(width)

    def _place_footer(self, before: int, width: int) -> int:
        """Status and, below the last message, the actions; returns where it ends."""
        bottom = self._bubble.bottom() + 1
        status = self.status
        room = width - before
        size = status.size(self._look.theme, room) if status.words else QSize(0, 0)
        row = QRect(before, bottom + FOOTER_GAP, room, max(size.height(), self._look.theme.grown(message_actions.HEIGHT)))
        actions = self._slot.row
        if status.words:
            # Below the last message its buttons come first, so that none moves under the mouse as the status changes.
            stays = actions is not None and not actions.floating and actions.width() + BESIDE + size.width() <= room
            aside = actions.width() + BESIDE if stays and actions is not None else 0
            top = row.top() + (row.height() - size.height()) // 2
            left = before + aside if self.is_hers else width - size.width() - aside
            self._status_place = QRect(QPoint(left, top), size)
            bottom = row.bottom() + 1
        if actions is not None:
            beside = size.width() + BESIDE if status.words and actions.floating else 0
            if status.words and size.width() + BESIDE + actions.width() > room:
                row.translate(0, row.height())
                beside = 0
            left, top = before + beside if self.is_hers else width - actions.width() - beside, row.top()
            if actions.floating and not status.words:  # over the edge of the bubble and the gap below it
                top = self._bubble.bottom() + 1 + GAP - self._look.theme.grown(message_actions.HEIGHT)
                left += PADDING_X if self.is_hers else -PADDING_X
            actions.move(max(left, 0), top)
            actions.raise_()
            bottom = bottom if actions.floating else top + self._look.theme.grown(message_actions.HEIGHT)
        elif self._slot.is_last:  # the room is kept, so that nothing moves when the reply is complete
            bottom = row.bottom() + 1
        return bottom

    def _show_actions(self) -> None:
        if self._slot.row is not None:
            self.order_tabs()
            self._place_footer(self._bubble.left() if self.is_hers else 0, self.width())
            self._slot.row.show()
            self.update()  # what is said beside it has moved with its width

    def _open_menu(self) -> None:
        if self._slot.row is not None:
            self.menu().popup(self._slot.row.mapToGlobal(self._slot.row.rect().bottomRight()))

    def _menu_chosen(self, entry: QAction) -> None:
        if isinstance(entry.data(), Action):
            self._act(entry.data())
        elif isinstance(entry.data(), str):
            self.link_activated.emit(entry.data())

    def _act(self, action: Action) -> None:
        if action is Action.COPY:
            QGuiApplication.clipboard().setText(self._shown.message.text)
            self._slot.show_copied()
        elif action is Action.EDIT:
            self.begin_edit()
        else:
            self.action_chosen.emit(self._shown.message.id, action)

    def _save(self, text: str) -> None:
        self.end_edit()
        if text != self._shown.message.text:
            self.text_edited.emit(self._shown.message.id, text)
