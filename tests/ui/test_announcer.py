"""A notification is for somebody who asked for it, waited, and is not looking."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QWidget

from companion.core.messages import ReplyDone
from companion.ui.announcer import Announcer


def done(seconds: float, reason: str = "end") -> ReplyDone:
    return ReplyDone(
        request=1,
        reason=reason,  # type: ignore[arg-type]
        tokens=9,
        first_token_seconds=0.5,
        seconds=seconds,
        tokens_per_second=9,
        context_used=1,
        context_tokens=2,
    )


@pytest.fixture
def window(qtbot):
    made = QWidget()
    qtbot.addWidget(made)
    return made


def said(window: QWidget, event: ReplyDone, *, wanted: bool = True, text: str = "Saturn  is\nup.") -> str:
    return Announcer(window, lambda: wanted, QIcon()).reply_done(event, "Hoshi", text)


def test_a_long_reply_to_a_hidden_window_is_announced_on_one_line(window: QWidget):
    assert said(window, done(9)) == "Saturn is up."


def test_nothing_is_announced_unasked(window: QWidget):
    assert said(window, done(9), wanted=False) == ""


def test_a_quick_or_stopped_reply_is_not_announced(window: QWidget):
    assert said(window, done(1)) == ""
    assert said(window, done(9, "stopped")) == ""


def test_a_window_that_is_looked_at_needs_no_announcement(window: QWidget, qtbot):
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert said(window, done(9)) == ""


def test_a_long_text_is_cut(window: QWidget):
    words = said(window, done(9), text="word " * 100)
    assert len(words) <= 160
    assert words.endswith("…")
