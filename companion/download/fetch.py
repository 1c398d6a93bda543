"""Fetching one file from the Hugging Face hub with its own client: metadata, ranges and retries are the library's.

huggingface_hub 2.4 begins a file anew in every process (`hf_hub_download` keeps no partial file), so the bytes are written
here: to a file beside the target whose name holds the checksum that the hub promises. A LFS file's ETag is its SHA-256.
"""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast
from urllib.parse import urlsplit

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get

from companion import __version__
from companion.core.amounts import bytes_text
from companion.core.download_messages import Fetch, FetchBegan, FetchChecking, FetchDone, FetchEvent, FetchProgress
from companion.core.errors import CompanionError
from companion.core.fingerprint import file_sha256
from companion.core.library.partial import bytes_there, part_file

log = logging.getLogger(__name__)
CHUNK: Final = 256 << 10
"""Bytes that arrive at once: what a lost connection costs at most."""
TELL_SECONDS: Final = 0.25
WINDOW_SECONDS: Final = 5.0
"""The speed is that of the last seconds."""
ATTEMPTS: Final = 4
"""In a row, without a byte in between; the client tries several times within each."""
PAUSE_SECONDS: Final = 2.0
SPARE_BYTES: Final = 64 << 20
"""Stays free on the disk."""
HTTP_SERVER_ERROR: Final = 500
_PASSING: Final = (403, 408, 429)
"""What passes by itself: an address that has expired is asked for anew, and who asked too often waits."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
NOTHING_OF_THE_PERSON: Final = {"user-agent": f"companion/{__version__}", "accept-encoding": "identity"}
"""What is sent along: above all no token."""
_AGAIN: Final = "Press Download again: it goes on where it stopped."
_ONLINE: Final = "Check that this computer is connected, then press Download again."

Tell = Callable[[FetchEvent], None]


class Promised(NamedTuple):
    """What the hub says of the file."""

    url: str
    bytes: int
    sha256: str
    commit: str


class _Lost(Exception):
    """The connection broke or the server failed: worth another attempt."""


def fetch(request: Fetch, tell: Tell) -> FetchDone:
    """Fetch, verify and name the file. Raises CompanionError; what can be gone on with stays on the disk."""
    constants.DOWNLOAD_CHUNK_SIZE = CHUNK
    target = Path(request.target)
    target.parent.mkdir(parents=True, exist_ok=True)
    attempts, had, reached = 0, -1, False
    while True:
        try:
            promised = _promised(request)
            reached = True
            part = part_file(target, promised.sha256)
            _refuse_full_disk(part, promised)
            _download(request, part, promised, tell)
            break
        except _Lost as lost:
            has = bytes_there(target)
            attempts = 1 if has > had else attempts + 1
            had = max(had, has)
            log.warning("attempt %d, %d bytes are there: %s", attempts, has, lost)
            if attempts >= ATTEMPTS:
                host = _host(constants.ENDPOINT)
                what = f"The connection to {host} was lost." if reached else f"{host} does not answer."
                raise CompanionError(what, _AGAIN if has else _ONLINE) from lost
            time.sleep(PAUSE_SECONDS)
    _verify(part, promised, tell)
    part.replace(target)
    return FetchDone(path=str(target), sha256=promised.sha256, commit=promised.commit)


def _promised(request: Fetch) -> Promised:
    """What the hub promises, if it is what the catalog expects."""
    url = hf_hub_url(request.repository, request.file, revision=request.revision)
    try:
        found = get_hf_file_metadata(url, token=False, library_name="companion", library_version=__version__)
    except Exception as error:
        raise _explained(error, request) from error
    sha256 = (found.etag or "").lower()
    name = f"“{request.file}”"
    if not _SHA256.fullmatch(sha256):
        raise CompanionError(f"The hub gives no checksum for {name}, so it could not be verified.", "Choose another model.")
    if not found.size:
        raise CompanionError(f"The hub does not say how large {name} is.", "Try again later, or choose another model.")
    if (request.sha256 and sha256 != request.sha256.lower()) or (request.bytes and found.size != request.bytes):
        what = f"{name} on the hub is another file than the one the catalog was written for."
        raise CompanionError(what, "Update Companion, or choose another model.")
    return Promised(found.location, found.size, sha256, found.commit_hash or "")


def _download(request: Fetch, part: Path, promised: Promised, tell: Tell) -> None:
    """Bring the part to its full length."""
    done = _size(part)
    if done > promised.bytes:
        part.unlink()
        done = 0
    tell(FetchBegan(host=_host(promised.url), bytes=promised.bytes, done=done))
    with part.open("ab") as file:
        watched = _Watched(file, done, promised.bytes, tell)
        try:
            http_get(
                promised.url,
                cast(BinaryIO, watched),
                resume_size=done,
                headers=NOTHING_OF_THE_PERSON,
                expected_size=promised.bytes,
                displayed_filename=part.name,
            )
        except Exception as error:
            raise _explained(error, request) from error


class _Watched:
    """A file that counts what is written to it."""

    def __init__(self, file: BinaryIO, done: int, total: int, tell: Tell) -> None:
        self._file, self._done, self._total, self._tell = file, done, total, tell
        now = time.monotonic()
        self._times = deque([(now, done)])
        self._told = now

    def write(self, chunk: bytes) -> int:
        written = self._file.write(chunk)
        self._file.flush()  # a process that is killed has what it was given
        self._done += written
        now = time.monotonic()
        self._times.append((now, self._done))
        while now - self._times[0][0] > WINDOW_SECONDS and len(self._times) > 2:
            self._times.popleft()
        if now - self._told >= TELL_SECONDS or self._done >= self._total:
            self._told = now
            self._tell_progress()
        return written

    def tell(self) -> int:
        return self._done

    def seek(self, offset: int, _whence: int = 0) -> int:
        """The server begins anew: it does not know ranges."""
        self._done = self._file.seek(offset)
        return self._done

    def truncate(self) -> int:
        self._times = deque([(time.monotonic(), self._done)])
        return self._file.truncate(self._done)

    def _tell_progress(self) -> None:
        (began, before), (now, done) = self._times[0], self._times[-1]
        speed = (done - before) / (now - began) if now > began else 0.0
        left = (self._total - done) / speed if speed > 0 else 0.0
        self._tell(FetchProgress(done=done, bytes=self._total, bytes_per_second=speed, seconds_left=left))


def _verify(part: Path, promised: Promised, tell: Tell) -> None:
    """Raises CompanionError, and the part is deleted, when it is not what the hub promised."""
    told = 0.0

    def checking(read: int) -> None:
        nonlocal told
        if time.monotonic() - told >= TELL_SECONDS:
            told = time.monotonic()
            tell(FetchChecking(fraction=read / promised.bytes))

    tell(FetchChecking(fraction=0.0))
    if file_sha256(part, checking) != promised.sha256:
        part.unlink()
        what = "What was downloaded is not the file that the hub announced: its checksum is wrong. It was deleted."
        raise CompanionError(what, "Try again; if it happens twice, the network between changes files.")


def _refuse_full_disk(part: Path, promised: Promised) -> None:
    missing = promised.bytes - _size(part)
    free = shutil.disk_usage(part.parent).free
    if missing + SPARE_BYTES > free:
        what = f"The disk has {bytes_text(free)} free, and {bytes_text(missing)} are still to come."
        raise CompanionError(what, "Make room on the disk, then press Download again.")


def _explained(error: Exception, request: Fetch) -> Exception:
    """What went wrong as a sentence, or that it is worth another attempt."""
    repository, file = f"“{request.repository}”", f"“{request.file}”"
    if isinstance(error, OfflineModeIsEnabled):
        return CompanionError(
            "Downloads are switched off here (HF_HUB_OFFLINE is set).", "Take that setting away, then try again."
        )
    if isinstance(error, GatedRepoError):
        return CompanionError(f"{repository} is only for people who agreed to its terms on the hub.", "Choose another model.")
    if isinstance(error, RepositoryNotFoundError | RevisionNotFoundError):
        return CompanionError(f"The hub has no {repository} any more.", "Choose another model.")
    if isinstance(error, EntryNotFoundError):
        return CompanionError(f"{repository} has no {file} any more.", "Choose another model.")
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status < HTTP_SERVER_ERROR and status not in _PASSING:
            return CompanionError(f"The hub refused to give {file} (HTTP {status}).", "Try again later, or choose another model.")
    elif isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError | TimeoutError):
        return CompanionError(f"{file} could not be written ({error.strerror}).", "Make room on the disk, then try again.")
    return _Lost(f"{type(error).__name__}: {error}")


def _host(url: str) -> str:
    return urlsplit(url).netloc or url


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except OSError:
        return 0
