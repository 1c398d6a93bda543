"""Talking to a job process without torch or Qt: the command line and the tests do it this way."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from types import TracebackType

import msgspec

from companion.core.errors import JobError
from companion.core.job import Cancel, JobEnded, JobEvent, JobRequest, Pause, decode_job_event
from companion.core.job_folder import JobFolder
from companion.core.job_start import SURROUNDINGS, job_command
from companion.core.logs import log_file
from companion.core.messages import encode
from companion.core.processes import exit_sentence

CLOSE_SECONDS = 30.0
"""How long a job may take for its last checkpoint before it is ended by force."""


class JobDied(JobError):
    """The process is gone without a last word."""

    def __init__(self, exit_status: int, job: JobFolder, *, killed: bool = False) -> None:
        """`killed` when we ended it ourselves, by force."""
        what = "The job was ended at once." if killed else exit_sentence("The job", exit_status, "torch or llama.cpp")
        super().__init__(what, f"Go on with: companion jobs resume {job.id}")


class JobProcess:
    """The process that works on one job. `pause` and `cancel` may be called from a signal handler or another thread."""

    def __init__(self, job: JobFolder, *, cancel: bool = False) -> None:
        """With `cancel` it only makes what there is to keep; whatever is damaged, it ends as cancelled then."""
        self.job = job
        self.ended: JobEnded | None = None
        self._killed = False
        with log_file("job").open("ab") as log:
            self.process = subprocess.Popen(
                job_command(job, cancel=cancel),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=SURROUNDINGS | os.environ,
            )

    def __enter__(self) -> JobProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def events(self) -> Iterator[JobEvent]:
        """Events as they come, up to and including `JobEnded`. Raises JobDied when the process ends without one."""
        assert self.process.stdout is not None  # noqa: S101 - asked for above
        while line := self.process.stdout.readline():
            try:
                event = decode_job_event(line)
            except msgspec.DecodeError:  # the line in the middle of which it was killed
                continue
            if isinstance(event, JobEnded):
                self.ended = event
            yield event
        if self.ended is None:
            raise JobDied(self.process.wait(), self.job, killed=self._killed)

    def pause(self) -> None:
        """Let it write a checkpoint and leave; its `JobEnded` still comes."""
        self._send(Pause())

    def cancel(self) -> None:
        """Let it end with the best checkpoint; its `JobEnded` still comes."""
        self._send(Cancel())

    def kill(self) -> None:
        """End it at once; its last checkpoint is whole."""
        self._killed = True
        self.process.kill()

    def close(self) -> None:
        """Close the pipe, which pauses the job, and wait until the process has left; it is ended by force at last."""
        assert self.process.stdin is not None  # noqa: S101 - asked for above
        assert self.process.stdout is not None  # noqa: S101
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _send(self, request: JobRequest) -> None:
        assert self.process.stdin is not None  # noqa: S101 - asked for above
        with contextlib.suppress(OSError):  # it has left already
            self.process.stdin.write(encode(request))
            self.process.stdin.flush()
