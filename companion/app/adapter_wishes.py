"""Which adapters are wanted, and what of that the present engine process has been told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from companion.core.messages import AdapterUse


class _File(NamedTuple):
    """One state of a file: written again, such as by a training, it is another adapter."""

    path: str
    modified: int
    size: int


class AdapterWishes:
    """Wishes outlive the process: each new one is told of them once its model is loaded."""

    def __init__(self) -> None:
        self._wanted: tuple[AdapterUse, ...] = ()
        self._told: tuple[tuple[AdapterUse, _File], ...] = ()
        self._deadly: set[_File] = set()

    def want(self, adapters: Sequence[AdapterUse]) -> None:
        """From now on exactly these."""
        self._wanted = tuple(adapters)

    def begin(self) -> None:
        """A model was loaded, and no adapter is on it yet."""
        self._told = ()

    def news(self) -> tuple[AdapterUse, ...] | None:
        """What the process is to be told now; None when it knows already. Looks at the files, which takes microseconds."""
        now = tuple((use, file) for use in self._wanted if (file := _look(use.path)) not in self._deadly)
        if now == self._told:
            return None
        self._told = now
        return tuple(use for use, _ in now)

    def blame(self, adapters: Iterable[AdapterUse]) -> None:
        """These took the engine down; they are left out until their files are written again."""
        self._deadly.update(_look(use.path) for use in adapters)


def _look(path: str) -> _File:
    try:
        status = Path(path).stat()
    except OSError:
        return _File(path, 0, 0)
    return _File(path, status.st_mtime_ns, status.st_size)
