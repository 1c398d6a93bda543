"""Where the keyboard goes when what has it is about to go: Qt would take whatever Tab leads to next, and scroll there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

_W = TypeVar("_W", bound=QWidget)


def has_keyboard(widget: QWidget) -> bool:
    """Whether it or something in it has the keyboard."""
    focused = QApplication.focusWidget()
    return focused is not None and (focused is widget or widget.isAncestorOf(focused))


def pass_on(going: QWidget, *heirs: QWidget) -> None:
    """To be called before `going` is hidden or disabled: if it has the keyboard, the first heir that can take it gets it.
    Without any, what it stands in: no key presses anything there, and Tab goes on from there."""
    if not has_keyboard(going):
        return
    outside = [heir for heir in heirs if heir is not going and not going.isAncestorOf(heir)]
    heir = next((heir for heir in outside if heir.isVisible() and heir.isEnabled()), None) or going.parentWidget()
    if heir is not None:
        heir.setFocus(Qt.FocusReason.OtherFocusReason)


def show_some(wanted: Mapping[_W, bool], *heirs: QWidget) -> None:
    """Show and hide widgets. The keyboard of one that goes is passed on to the first heir that is there, else to the first of
    them that stays."""
    for widget, shown in wanted.items():
        if shown:
            widget.show()
    staying = [widget for widget, shown in wanted.items() if shown]
    for widget, shown in wanted.items():
        if not shown:
            pass_on(widget, *heirs, *staying)
            widget.hide()
