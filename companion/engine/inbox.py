"""What the engine has been asked and has not carried out yet, in order; who works may look whether something waits."""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

from companion.core.messages import CountTokens, Embed, Generate, Load, Prepare, ReadMoods, Reflect, SetAdapters

Work = Load | SetAdapters | Generate | Prepare | CountTokens | ReadMoods | Reflect | Embed


class Item(NamedTuple):
    """One request on its way through the engine."""

    work: Work
    arrived: float
    """perf_counter."""
    vectors: tuple[tuple[float, ...], ...] = ()
    """What is done already of an `Embed` that gave way to a reply."""


class Inbox:
    """A queue for one reader; any thread may put."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Item) -> None:
        with self._changed:
            self._items.append(item)
            self._changed.notify()

    def put_back(self, item: Item) -> None:
        """What gave way to others goes behind them, and before what can wait."""
        with self._changed:
            waits = (n for n, other in enumerate(self._items) if isinstance(other.work, Reflect))
            self._items.insert(next(waits, len(self._items)), item)
            self._changed.notify()

    def close(self) -> None:
        """Nothing is given out any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    @property
    def closed(self) -> bool:
        return self._closed

    def get(self, seconds: float | None = None) -> Item | None:
        """The next item; None when the inbox is closed or nothing came for `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, seconds)
            return self._items.popleft() if self._items and not self._closed else None

    def holds(self, *kinds: type[Work]) -> bool:
        """Whether a request of one of these kinds, or with no kinds any at all, is waiting."""
        if not self._items:  # asked once per token: no lock for the common answer
            return False
        with self._changed:
            return any(not kinds or isinstance(item.work, kinds) for item in self._items)
