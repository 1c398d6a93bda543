"""Deleting a job, and bringing it back."""

from __future__ import annotations

from companion.core.errors import JobError
from companion.core.folder_trash import TRASH, put_in_trash, take_out_of_trash
from companion.core.job_folder import JobFolder


def trash_job(job: JobFolder) -> None:
    """Out of the list, its folder whole. Raises JobError."""
    try:
        put_in_trash(job.path)
    except OSError as error:
        raise JobError(f"“{job.path}” could not be deleted ({error.strerror}).", "Delete the folder by hand.") from error


def restore_job(job: JobFolder) -> None:
    """Back to where it was; no other job has its name. Raises JobError."""
    try:
        take_out_of_trash(job.path.parent / TRASH / job.id, job.path)
    except OSError as error:
        raise JobError(f"The job “{job.id}” could not be brought back ({error.strerror}).", "Retry another one.") from error
