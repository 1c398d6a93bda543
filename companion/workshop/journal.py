"""What a job has to say: each event a line in its folder and an echo to whoever watches."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from companion.core.files import write_atomic
from companion.core.job import JobEvent, StageProgress, decode_job_event
from companion.core.job_folder import PROGRESS_FILE
from companion.core.messages import encode
from companion.core.paths import PRIVATE_FILE

log = logging.getLogger(__name__)
PROGRESS_SECONDS = 0.5
"""How often the progress of a stage is written down, for those who cannot hear the echo."""
PROGRESS_BYTES = 120
"""Each is as long as the one before, so that it takes its place in one write."""
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)  # Windows would write other line ends
_OVERWRITE = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)


class Voice(Protocol):
    """Whoever listens; a `WorkerPipe` is one."""

    def send(self, message: Any) -> None: ...


class Journal:
    """Appends to `events.jsonl`, a whole line at a time. A full disk loses lines of history, never the work itself."""

    def __init__(self, path: Path, pipe: Voice) -> None:
        """Raises OSError when the folder cannot be written to."""
        self._path, self._pipe = path, pipe
        self._file = os.open(path, _APPEND, PRIVATE_FILE)
        self._torn = False
        self._progress = os.open(path.with_name(PROGRESS_FILE), _OVERWRITE, PRIVATE_FILE)
        self._progressed = 0.0
        self._end_torn_line()

    def tell(self, event: JobEvent) -> None:
        """Write and echo; the time is set here. Of a `StageProgress` only the last one is kept, in a file of its own."""
        event = replace(event, time=round(time.time(), 3))
        if isinstance(event, StageProgress):
            self._note_progress(event)
        else:
            self._append(encode(event))
        self._pipe.send(event)

    def sync(self) -> None:
        """Bring what was written to the disk: a checkpoint must not know more than its history."""
        with contextlib.suppress(OSError):
            os.fsync(self._file)

    def forget_after(self, step: int) -> None:
        """Take back what happened after `step`, as a resumed run does it again; all steps with -1. Raises OSError."""
        kept = [line for line in self._path.read_bytes().splitlines(keepends=True) if _stands(line, step)]
        os.close(self._file)  # Windows replaces no file that is open
        try:
            write_atomic(self._path, b"".join(kept))
        finally:
            self._file = os.open(self._path, _APPEND, PRIVATE_FILE)

    def close(self) -> None:
        os.close(self._file)
        os.close(self._progress)

    def _note_progress(self, event: StageProgress) -> None:
        now = time.monotonic()
        if event.fraction and now - self._progressed < PROGRESS_SECONDS:
            return
        self._progressed = now
        with contextlib.suppress(OSError):  # a full disk: nobody needs it to go on
            os.lseek(self._progress, 0, os.SEEK_SET)
            os.write(self._progress, encode(event).rstrip().ljust(PROGRESS_BYTES) + b"\n")

    def _append(self, line: bytes) -> None:
        data = b"\n" + line if self._torn else line
        try:
            self._torn = os.write(self._file, data) != len(data)
        except OSError as error:
            self._torn = True
            log.warning("an event could not be written: %s", error)

    def _end_torn_line(self) -> None:
        """A kill may have cut the last line short: what comes next begins on a new one."""
        end = os.lseek(self._file, 0, os.SEEK_END)
        if end:
            os.lseek(self._file, end - 1, os.SEEK_SET)
            self._torn = os.read(self._file, 1) != b"\n"


def _stands(line: bytes, step: int) -> bool:
    try:
        event = decode_job_event(line)
    except msgspec.DecodeError:
        return False
    return int(getattr(event, "step", -1)) <= step
