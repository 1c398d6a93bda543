"""`companion download`: all there is of networking, each time at a person's wish.

It fetches one file from the hub, or an add-on, which the press of a button starts, or asks for the newest version, which a person
presses, types or has switched on.
"""

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
from companion.core.download_messages import AskRelease, Fetch, FetchDone, FetchFailed, ReleaseFound
from companion.core.errors import CompanionError
from companion.core.library.partial import bytes_there
from companion.core.logs import log_to_stderr
from companion.core.messages import decode
from companion.core.pipes import WorkerPipe

log = logging.getLogger(__name__)
Request = Fetch | Install | AskRelease
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
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
    try:
        pipe.send(_asked(request) if isinstance(request, AskRelease) else _fetched(request, pipe))
    except CompanionError as error:
        log.warning("%s", error)
        pipe.send(FetchFailed(what=error.what, remedy=error.remedy, kept=_kept(request)))
        return 1
    return 0


def _asked(request: AskRelease) -> ReleaseFound:
    from companion.download.release import ask

    return ask(request)


def _fetched(request: Fetch | Install, pipe: WorkerPipe) -> FetchDone | Installed:
    """Raises CompanionError."""
    os.environ.update(QUIET)
    try:
        if isinstance(request, Install):
            from companion.download.addon import install

            return install(request.addon, pipe.send)
        from companion.download.fetch import fetch

        return fetch(request, pipe.send)
    except OSError as error:
        target = Path(request.target) if isinstance(request, Fetch) else unfinished_place(request.addon.device)
        log.exception("fetching %s", target)
        what = f"“{target.name}” could not be written ({error.strerror or 'the disk refused'})."
        raise CompanionError(what, "Check that the disk has room and that you may write there.") from error


def _kept(request: Request) -> int:
    """Bytes that are there to go on from."""
    match request:
        case Fetch(target=target):
            return bytes_there(Path(target))
        case Install(addon=addon):
            return unfinished_bytes(addon.device)
    return 0


def _leave_when_closed(lines: Iterator[bytes]) -> None:
    for line in lines:
        log.warning("not expected: %.200r", line)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)  # what was written is on the disk
