"""What was adopted when, and what was used before: so that one press brings it back.

<data>/library/history.json    the latest changes, oldest first
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from companion.core.character import CharacterAdapter
from companion.core.errors import StoreError
from companion.core.files import set_aside, write_atomic
from companion.core.paths import data_folder

MOST_CHANGES = 200
MAX_BYTES = 4 << 20


class Choice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which model and adapters somebody uses. Paths; an empty model is the one of everybody, or for everybody the starter."""

    model: str = ""
    adapters: tuple[CharacterAdapter, ...] | None = None
    """None means those of the card."""

    def uses(self, path: str) -> bool:
        return path == self.model or any(adapter.file == path for adapter in self.adapters or ())


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One adoption."""

    when: float
    """Seconds since the epoch."""
    character: str | None = None
    """Identifier; None for everybody."""
    name: str = ""
    """What the character was called."""
    before: Choice = Choice()
    after: Choice = Choice()


class History:
    """The changes of one file. What cannot be read is set aside, and a new history begins."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = data_folder() / "library" / "history.json" if file is None else file
        self._changes: tuple[Change, ...] | None = None

    @property
    def changes(self) -> tuple[Change, ...]:
        """Oldest first."""
        if self._changes is None:
            self._changes = self._read()
        return self._changes

    def add(self, change: Change) -> None:
        """Raises StoreError when it cannot be kept; it holds in memory all the same."""
        self._keep((*self.changes, change)[-MOST_CHANGES:])

    def remove(self, change: Change) -> None:
        """After a change was taken back. Raises StoreError as `add` does."""
        self._keep(tuple(each for each in self.changes if each != change))

    def last(self, path: str = "") -> Change | None:
        """The latest change; with a path, the latest that made somebody use that file."""
        return next((each for each in reversed(self.changes) if not path or each.after.uses(path)), None)

    def _keep(self, changes: tuple[Change, ...]) -> None:
        self._changes = changes
        try:
            write_atomic(self._file, msgspec.json.format(msgspec.json.encode(changes), indent=1))
        except OSError as error:
            what = f"What was used before could not be noted ({error.strerror})."
            raise StoreError(what, "Make room on the disk; rolling back works until you close the window.") from error

    def _read(self) -> tuple[Change, ...]:
        try:
            if self._file.stat().st_size <= MAX_BYTES:
                return msgspec.json.decode(self._file.read_bytes(), type=tuple[Change, ...])
        except OSError:
            return ()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        with contextlib.suppress(OSError):
            set_aside(self._file)
        return ()
