"""The jobs that the person wants done by the window, in their order: a file in each one's folder, which outlives the window."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from companion.core.errors import JobError
from companion.core.files import write_atomic
from companion.core.job_folder import JobFolder


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Since when a job is wanted, in seconds since the epoch, which is its place in the queue."""

    since: float
    cancel: bool = False
    """Only what there is to keep is wanted."""
    tonight: bool = False
    """It waits for a time when nobody needs the computer."""


def want(job: JobFolder, *, cancel: bool = False, tonight: bool = False) -> Wanted:
    """Put the job at the end of the queue. Raises JobError."""
    wanted = Wanted(since=time.time(), cancel=cancel, tonight=tonight)
    try:
        write_atomic(job.wanted_file, msgspec.json.encode(wanted))
    except OSError as error:
        raise JobError(
            f"“{job.path}” cannot be written to ({error.strerror}).", "Make room there, or make the folder writable."
        ) from error
    return wanted


def wanted(job: JobFolder) -> Wanted | None:
    """None when nobody waits for it; a file that cannot be read stands for one that was always there."""
    try:
        return msgspec.json.decode(job.wanted_file.read_bytes(), type=Wanted)
    except OSError:
        return None
    except msgspec.MsgspecError:
        return Wanted(since=0.0)


def forget_wanted(job: JobFolder) -> None:
    """It is done, or nobody wants it to go on by itself. Raises JobError."""
    try:
        job.wanted_file.unlink(missing_ok=True)
    except OSError as error:
        raise JobError(f"“{job.path}” cannot be written to ({error.strerror}).", "Make the folder writable.") from error


def mark(file: Path, title: str) -> None:
    """Tell a job that computes to end or to pause: `file` is its mark for that. Raises JobError."""
    try:
        file.touch()
    except OSError as error:
        what = f"“{title}” cannot be told to end ({error.strerror})."
        raise JobError(what, "Make room on the disk, or end its program.") from error
