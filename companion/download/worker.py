"""`companion download`: fetches one file from the hub, or an add-on, in a process that only the press of a button starts."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from companion.core.addons.installed import unfinished_bytes, unfinished_place
from companion.core.addons.messages import Install, Installed
from companion.core.download_messages import Fetch, FetchDone, FetchFailed
from companion.core.errors import CompanionError
from companion.core.library.partial import bytes_there
from companion.core.logs import log_to_stderr
from companion.core.messages import decode
from companion.core.pipes import WorkerPipe

log = logging.getLogger(__name__)
_requests: msgspec.json.Decoder[Fetch | Install] = msgspec.json.Decoder(Fetch | Install)
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
        request = decode(_requests, next(lines, b""))
    except msgspec.DecodeError:
        log.exception("not a request")
        return 2
    threading.Thread(target=_leave_when_closed, args=(lines,), name="requests", daemon=True).start()
    os.environ.update(QUIET)
    target = Path(request.target) if isinstance(request, Fetch) else unfinished_place(request.addon.device)
    try:
        pipe.send(_carried_out(request, pipe))
    except CompanionError as error:
        log.warning("%s", error)
        kept = bytes_there(target) if isinstance(request, Fetch) else unfinished_bytes(request.addon.device)
        pipe.send(FetchFailed(what=error.what, remedy=error.remedy, kept=kept))
        return 1
    except OSError as error:
        log.exception("fetching %s", target)
        what = f"“{target.name}” could not be written ({error.strerror or 'the disk refused'})."
        pipe.send(FetchFailed(what=what, remedy="Check that the disk has room and that you may write there."))
        return 1
    return 0


def _carried_out(request: Fetch | Install, pipe: WorkerPipe) -> FetchDone | Installed:
    if isinstance(request, Install):
        from companion.download.addon import install

        return install(request.addon, pipe.send)
    from companion.download.fetch import fetch

    return fetch(request, pipe.send)


def _leave_when_closed(lines: Iterator[bytes]) -> None:
    for line in lines:
        log.warning("not expected: %.200r", line)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)  # what was written is on the disk
