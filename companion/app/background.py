"""Work in threads whose results come back to the thread that asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from PySide6.QtCore import QObject, QThreadPool, Signal

T = TypeVar("T")


class Background(QObject):
    """Runs functions in a pool of its own; what `work` returns is given to `then` by the event loop of the asking thread.

    What `work` raises is raised in that loop, where it is a mistake like any other. When this object goes, `then` is
    no longer called for what is still under way.
    """

    def __init__(self, threads: int = 1, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(threads)
        self._is_closed = False
        self._returns = _Returns()
        self._returns.came.connect(self._deliver)
        self.destroyed.connect(partial(_leave, self._pool))

    def run(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        self._pool.start(partial(_work, self._returns, work, then))

    def close(self) -> None:
        """Wait for all that was begun; nothing more is delivered. May be called twice."""
        self._is_closed = True
        _leave(self._pool)

    def _deliver(self, deliver: Callable[[], None]) -> None:
        if not self._is_closed:
            deliver()


class _Returns(QObject):
    """Has no parent, so that it outlives every piece of work that holds it."""

    came = Signal(object)


def _work(returns: _Returns, work: Callable[[], T], then: Callable[[T], None]) -> None:
    try:
        deliver = partial(then, work())
    except Exception as error:  # whatever it is, the asking thread hears of it
        deliver = partial(_raise, error)
    returns.came.emit(deliver)


def _raise(error: Exception) -> None:
    raise error


def _leave(pool: QThreadPool) -> None:
    with contextlib.suppress(RuntimeError):  # at the end of the program the pool may be gone already, and so have waited
        pool.waitForDone()
