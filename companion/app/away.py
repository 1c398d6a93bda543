"""What runs for a page outlasts a look at another one; it ends when nobody comes back, or somebody talks with her."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, QTimer

from companion.app.engine import Engine
from companion.app.engine_state import EngineState

AWAY_MS: Final = 120_000


class Away(QObject):
    def __init__(self, engine: Engine, give_up: Callable[[], None], parent: QObject) -> None:
        """`give_up` is called when it is not to go on; it may be called when nothing runs."""
        super().__init__(parent)
        self._give_up = give_up
        self._timer = QTimer(self, interval=AWAY_MS, singleShot=True)
        self._timer.timeout.connect(give_up)
        engine.state_changed.connect(self._follow)

    def leave(self) -> None:
        """The page is hidden."""
        self._timer.start()

    def come_back(self) -> None:
        self._timer.stop()

    def _follow(self, state: EngineState) -> None:
        """Both would be slow beside each other, and what is measured would be wrong."""
        if state is EngineState.ANSWERING and self._timer.isActive():
            self._timer.stop()
            self._give_up()
