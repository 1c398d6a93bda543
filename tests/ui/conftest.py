"""A theme for every test of a widget."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication

from companion.ui.theme import Theme


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # The offscreen platform says this of every window with a least size, and of popups; it has no window manager to tell.
        item.add_marker(pytest.mark.qt_log_ignore(r"does not support (propagateSizeHints|raise\(|grabbing the keyboard)"))


@pytest.fixture
def theme(qapp: QApplication):
    """Dark, without motion: what a test asks for has happened when the call returns."""
    # Widgets of earlier tests would all be restyled again: 0.1 s each on two cores.
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCursor.setPos(0, 0)  # no widget starts under the pointer
    made = Theme(qapp, "dark", reduce_motion=True)
    yield made
    made.deleteLater()
