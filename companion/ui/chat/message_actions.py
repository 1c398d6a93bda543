"""What a person can do with a message: a row of icon buttons, and the same as a menu."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QWidget

from companion.core.conversation import Message, PathMessage
from companion.ui.chat.dividers import local_moment, local_time
from companion.ui.chat.icon_button import IconButton
from companion.ui.icons import icon
from companion.ui.theme import Theme

HEIGHT = 26


class Action(Enum):
    """The value is the name of its icon."""

    EARLIER_ALTERNATE = "chevron-left"
    LATER_ALTERNATE = "chevron-right"
    LIKE = "thumb-up"
    DISLIKE = "thumb-down"
    COPY = "copy"
    EDIT = "edit"
    REGENERATE = "regenerate"
    CONTINUE = "continue"
    DELETE = "trash"


LABELS = {
    Action.EARLIER_ALTERNATE: "Previous version",
    Action.LATER_ALTERNATE: "Next version",
    Action.LIKE: "Good reply",
    Action.DISLIKE: "Bad reply",
    Action.COPY: "Copy",
    Action.EDIT: "Edit",
    Action.REGENERATE: "Write another reply",
    Action.CONTINUE: "Continue this reply",
    Action.DELETE: "Delete",
}


class Situation(NamedTuple):
    """What around a message decides on its actions."""

    is_last: bool = False
    answering: bool = False
    ready: bool = False


def available(shown: PathMessage, situation: Situation) -> tuple[Action, ...]:
    """The actions of a message, in the order they are offered. While she answers, the conversation stays as it is."""
    message = shown.message
    hers = message.role == "assistant"
    if message.status == "streaming":
        return ()
    actions: list[Action] = []
    if shown.alternates > 1 and not situation.answering:
        actions += [Action.EARLIER_ALTERNATE] if shown.alternate > 1 else []
        actions += [Action.LATER_ALTERNATE] if shown.alternate < shown.alternates else []
    if hers and message.text:
        actions += [Action.LIKE, Action.DISLIKE]
    if message.text:
        actions.append(Action.COPY)
    if not situation.answering:
        actions.append(Action.EDIT)
        if hers and situation.ready:
            actions += [Action.REGENERATE, Action.CONTINUE] if situation.is_last else [Action.REGENERATE]
        elif situation.ready and situation.is_last:
            actions.append(Action.REGENERATE)  # her reply was deleted
        actions.append(Action.DELETE)
    return tuple(actions)


def fill_menu(menu: QMenu, shown: PathMessage, actions: tuple[Action, ...], theme: Theme) -> None:
    """One entry per action; its data is the `Action`."""
    chosen = {1: Action.LIKE, -1: Action.DISLIKE}.get(shown.message.feedback)
    for action in actions:
        if action is Action.DELETE:
            menu.addSeparator()
        entry = menu.addAction(icon(action.value, theme), LABELS[action])
        entry.setData(action)
        entry.setCheckable(action in {Action.LIKE, Action.DISLIKE})
        entry.setChecked(action is chosen)


class MessageActions(QWidget):
    """`floating` draws it as a pill over the edge of the bubble."""

    chosen = Signal(object)
    """An `Action`."""
    more_pressed = Signal()

    def __init__(self, theme: Theme, shown: PathMessage, actions: tuple[Action, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.floating = False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for action in actions:
            if action not in {Action.EARLIER_ALTERNATE, Action.LATER_ALTERNATE, Action.DELETE}:
                button = self._add(row, action)
                if action in {Action.LIKE, Action.DISLIKE}:
                    button.setCheckable(True)
                    button.setChecked(shown.message.feedback == (1 if action is Action.LIKE else -1))
        if actions:
            more = IconButton(theme, "more", "More", side=HEIGHT, parent=self)
            more.clicked.connect(self.more_pressed)
            row.addWidget(more)
        if shown.alternates > 1 and shown.message.status != "streaming":
            self._add_alternates(row, shown, actions)  # last, so that no other button moves when there are some
        if actions:
            row.addWidget(self._time(shown.message))
        self.resize(self.sizeHint().width(), theme.grown(HEIGHT))

    def button(self, action: Action) -> IconButton | None:
        found = self.findChild(IconButton, action.name)
        return found if isinstance(found, IconButton) else None

    def tab_stops(self) -> list[QWidget]:
        """The buttons from left to right."""
        return [button for button in self.findChildren(IconButton) if isinstance(button, QWidget)]

    def focused_action(self) -> Action | None:
        focused = next((button for button in self.findChildren(IconButton) if button.hasFocus()), None)
        return Action.__members__.get(focused.objectName()) if focused is not None else None

    def focus(self, action: Action) -> None:
        """Give the keyboard to the button of an action, or to one that can be pressed when that one cannot."""
        versions = (Action.EARLIER_ALTERNATE, Action.LATER_ALTERNATE)
        near = [self.button(each) for each in versions if action in versions]
        buttons = (self.button(action), *near, *self.findChildren(IconButton))
        able = next((button for button in buttons if button is not None and button.isEnabled()), None)
        if able is not None:
            able.setFocus()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.floating:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.colour("line"), 1))
        painter.setBrush(self._theme.colour("surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 10, 10)
        painter.end()

    def _add_alternates(self, row: QHBoxLayout, shown: PathMessage, actions: tuple[Action, ...]) -> None:
        row.addSpacing(8)
        for action in (Action.EARLIER_ALTERNATE, Action.LATER_ALTERNATE):
            self._add(row, action).setEnabled(action in actions)
            if action is Action.EARLIER_ALTERNATE:
                place = QLabel(f"{shown.alternate}/{shown.alternates}", self, alignment=Qt.AlignmentFlag.AlignCenter)
                place.setProperty("role", "caption")
                place.setAccessibleName(f"Version {shown.alternate} of {shown.alternates}")
                row.addWidget(place)

    def _time(self, message: Message) -> QLabel:
        time = QLabel(local_time(message.created), self)
        time.setProperty("role", "caption")
        time.setContentsMargins(6, 0, 10, 0)
        speed = f"{message.tokens} tokens, {message.tokens_per_second:.3g} tokens per second" if message.tokens_per_second else ""
        time.setToolTip("\n".join(filter(None, (local_moment(message.created), message.model, speed))))
        return time

    def _add(self, row: QHBoxLayout, action: Action) -> IconButton:
        button = IconButton(self._theme, action.value, LABELS[action], side=HEIGHT, parent=self)
        button.setObjectName(action.name)
        button.clicked.connect(lambda: self.chosen.emit(action))
        row.addWidget(button)
        return button
