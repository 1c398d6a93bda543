"""At most one process works on a job: a lock that the system lets go when its holder ends, however that happens."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import msgspec
import psutil

from companion.core.paths import PRIVATE_FILE

_BEYOND = 1 << 30
"""Windows locks bytes against reading too: one far behind the text is taken, so that others can read who holds it."""


class Holder(msgspec.Struct, frozen=True):
    """The process that holds a lock; `began` tells it from a later process with the same number."""

    pid: int
    began: float


class JobLock:
    """Held from `acquire` to `release` or to the end of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Whether it is ours now; a lock left by a process that is gone is ours to take. Raises OSError."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        if not _lock(file):
            os.close(file)
            return False
        own = Holder(os.getpid(), psutil.Process().create_time())
        try:
            os.ftruncate(file, 0)
            os.write(file, msgspec.json.encode(own))
        except OSError:
            os.close(file)
            raise
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, 0)
            os.close(self._file)  # closing lets go of the lock
            self._file = None


def holder(path: Path) -> int:
    """The number of the living process that holds the lock, 0 when none does."""
    try:
        held = msgspec.json.decode(path.read_bytes(), type=Holder)
        process = psutil.Process(held.pid)
        alive = process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - held.began) < 1.0
    except (OSError, msgspec.MsgspecError, psutil.Error):
        return 0
    return held.pid if alive else 0


def _lock(file: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(file, _BEYOND, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            os.lseek(file, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
