"""A theme for every test of a widget, and the whole program for those of the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication

from companion.app.engine_state import EngineState
from companion.core.appearance import Appearance
from companion.core.paths import settings_file
from companion.core.sampling import Sampling
from companion.core.settings import Settings, save_settings
from companion.program import Program
from companion.ui.shell import Shell
from companion.ui.theme import Theme

LOADED_MS = 30_000
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE not in item.path.parents:  # the hook gets the items of every folder
            continue
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


@pytest.fixture
def program(qapp: QApplication, qtbot, talkative_model: Path) -> Iterator[Program]:
    """The program in a shown window, with replies of some words."""
    settings = Settings(
        model=str(talkative_model),
        theme="dark",
        reduce_motion=True,
        typing_rhythm=False,
        person_name="Sam",
        sampling=Sampling(max_tokens=40, seed=1),
    )
    save_settings(settings_file(), settings)
    window = Shell(qapp, Appearance(theme="dark"))
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    program = Program(qapp, window)
    window.resize(1280, 800)
    yield program
    program.close()
    program.theme.deleteLater()


@pytest.fixture
def ready(program: Program, qtbot) -> Program:
    qtbot.waitUntil(lambda: program.engine.state is EngineState.READY, timeout=LOADED_MS)
    return program
