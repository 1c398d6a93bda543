"""Deleted jobs lie in a folder beside the others for a while, so that a slip can be taken back."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Final

from companion.core.errors import JobError
from companion.core.job_folder import JobFolder

_TRASH: Final = ".trash"


def trash_job(job: JobFolder) -> None:
    """Out of the list, its folder whole. Raises JobError."""
    place = _place(job)
    try:
        place.parent.mkdir(exist_ok=True)
        job.path.replace(place)
        os.utime(place)  # since when it lies there
    except OSError as error:
        raise JobError(f"“{job.path}” could not be deleted ({error.strerror}).", "Delete the folder by hand.") from error


def restore_job(job: JobFolder) -> None:
    """Back to where it was. Raises JobError."""
    try:
        _place(job).replace(job.path)
    except OSError as error:
        raise JobError(f"The job “{job.id}” could not be brought back ({error.strerror}).", "Retry another one.") from error


def purge_job_trash(folder: Path, seconds: float) -> None:
    """Delete for good what has lain in the trash of `folder` for so long; what cannot be deleted stays."""
    for path in (folder / _TRASH).glob("*"):
        try:
            is_old = time.time() - path.stat().st_mtime > seconds
        except OSError:
            continue
        if is_old:
            shutil.rmtree(path, ignore_errors=True)


def _place(job: JobFolder) -> Path:
    return job.path.parent / _TRASH / job.id
