"""Starting the process of a job: what it finds around it, and the leash by which the window holds it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import Final

from companion.core.errors import JobError
from companion.core.job import JobRequest
from companion.core.job_folder import JobFolder
from companion.core.logs import log_file
from companion.core.messages import encode
from companion.core.processes import let_go_first, lower_priority, worker_command

SURROUNDINGS: Final = {
    "LRU_CACHE_CAPACITY": "8",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432"
    ":glibc.malloc.trim_threshold=8589934592:glibc.malloc.top_pad=67108864:glibc.malloc.arena_max=1",
}
"""What a job's process must find when it starts, unless the person has set it.

The C library hands memory back to the system after every layer; fetching it again, zeroed page by page, took a tenth of
the time (513 tokens per second without, 585 with large pages that stay: starter model, one thread). One arena for all
threads: with one for each, every arena keeps its own peak (2.6 instead of 1.7 GB, no faster). LRU_CACHE_CAPACITY is that
of a second cache of compiled products, on top of oneDNN's own of 1,024.
"""

_ALONE: Final = 0
if sys.platform == "win32":
    _ALONE = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW


def job_command(job: JobFolder, *, cancel: bool = False) -> list[str]:
    """With `cancel` the process only makes what there is to keep."""
    return worker_command("job", str(job.path), *(["cancel"] if cancel else []))


class LeashedJob:
    """The process of a job that the window started, below everything else in priority and in a session of its own.

    It is heard through its folder only. The pipe into it is the leash: when that closes, for whatever reason, the job
    writes a checkpoint and leaves, unless it was told to stay.
    """

    def __init__(self, job: JobFolder, *, cancel: bool = False) -> None:
        """Raises JobError when no process can be started."""
        self.job = job
        try:
            with log_file("job").open("ab") as log:
                self._process = subprocess.Popen(
                    job_command(job, cancel=cancel),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    env=SURROUNDINGS | os.environ,
                    start_new_session=True,
                    creationflags=_ALONE,
                )
        except OSError as error:
            raise JobError(
                f"The job could not be started ({error.strerror}).", "Close other programs, then resume it."
            ) from error
        lower_priority(self._process.pid)
        let_go_first(self._process.pid)

    def exit_status(self) -> int | None:
        """As subprocess has it; None while it runs."""
        return self._process.poll()

    def send(self, request: JobRequest) -> None:
        """Ask it to stay when this process ends, to pause, or to cancel; one that has left hears nothing."""
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        with contextlib.suppress(OSError):
            self._process.stdin.write(encode(request))
            self._process.stdin.flush()

    def kill(self) -> None:
        """End it at once and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Drop the leash: from here on nobody waits for it. Unless it was told to stay, it writes a checkpoint and leaves."""
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.returncode = self._process.poll() or 0  # else Popen complains, when it goes, of a process left behind
