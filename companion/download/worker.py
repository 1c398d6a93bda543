"""`companion download`: all there is of networking. It fetches one file from the hub, which only the press of a button starts, or
asks for the newest version, which a person presses, types or has switched on."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from companion.core.download_messages import (
    AskRelease,
    DownloadRequest,
    Fetch,
    FetchDone,
    FetchFailed,
    ReleaseFound,
    decode_download_request,
)
from companion.core.errors import CompanionError
from companion.core.library.partial import bytes_there
from companion.core.logs import log_to_stderr
from companion.core.pipes import WorkerPipe

log = logging.getLogger(__name__)
QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",  # nothing about this machine is told
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_XET": "1",  # plain ranges, which can be gone on with byte by byte
}
"""The hub's client reads these when it is imported."""


def main() -> int:
    """Started by the window or a test, never by hand. Closing stdin ends it at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_to_stderr()
    pipe = WorkerPipe()
    lines = pipe.lines()
    try:
        request: DownloadRequest = decode_download_request(next(lines, b""))
    except msgspec.DecodeError:
        log.exception("not a request")
        return 2
    threading.Thread(target=_leave_when_closed, args=(lines,), name="requests", daemon=True).start()
    try:
        pipe.send(_asked(request) if isinstance(request, AskRelease) else _fetched(request, pipe))
    except CompanionError as error:
        log.warning("%s", error)
        kept = bytes_there(Path(request.target)) if isinstance(request, Fetch) else 0
        pipe.send(FetchFailed(what=error.what, remedy=error.remedy, kept=kept))
        return 1
    return 0


def _asked(request: AskRelease) -> ReleaseFound:
    from companion.download.release import ask

    return ask(request)


def _fetched(request: Fetch, pipe: WorkerPipe) -> FetchDone:
    """Raises CompanionError."""
    os.environ.update(QUIET)
    from companion.download.fetch import fetch

    try:
        return fetch(request, pipe.send)
    except OSError as error:
        log.exception("fetching %s", request.file)
        what = f"“{Path(request.target).name}” could not be written ({error.strerror or 'the disk refused'})."
        raise CompanionError(what, "Check that the disk has room and that you may write there.") from error


def _leave_when_closed(lines: Iterator[bytes]) -> None:
    for line in lines:
        log.warning("not expected: %.200r", line)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)  # what was written is on the disk
