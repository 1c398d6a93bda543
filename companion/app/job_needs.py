"""Which jobs a file is still needed by, before somebody deletes it."""

from __future__ import annotations

from companion.app.job_entry import OVER
from companion.app.jobs import Jobs


def titles_needing(jobs: Jobs, file: str) -> tuple[str, ...]:
    """Of the jobs that are not over and whose recipe names this file or folder."""
    return tuple(entry.title for entry in jobs.entries if entry.phase not in OVER and jobs.folder(entry.id).names(file))
