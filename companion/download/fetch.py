"""Fetching one file, from the Hugging Face hub or from any address, with the hub's client: ranges and retries are its own.

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
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast
from urllib.parse import urlsplit

from huggingface_hub import constants, get_hf_file_metadata, get_session, hf_hub_url
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
from companion.core.addresses import may_be_asked
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
_AGAIN: Final = "Try again: it goes on where it stopped."
_ONLINE: Final = "Check that this computer is connected, then try again."

Tell = Callable[[FetchEvent], None]
Explain = Callable[[Exception], Exception]
"""What went wrong as a CompanionError, or as `_Lost`, which is worth another attempt."""


class Promised(NamedTuple):
    """What the hub, or the list of add-ons, says of the file."""

    url: str
    bytes: int
    sha256: str
    commit: str


class _Lost(Exception):
    """The connection broke or the server failed: worth another attempt."""


def fetch(request: Fetch, tell: Tell) -> FetchDone:
    """Fetch, verify and name a file of the hub. Raises CompanionError; what can be gone on with stays on the disk."""
    target = Path(request.target)
    promised = _bring(target, constants.ENDPOINT, lambda: _promised(request), partial(_explained, request), tell)
    return FetchDone(path=str(target), sha256=promised.sha256, commit=promised.commit)


def fetch_address(promised: Promised, target: Path, tell: Tell) -> None:
    """The same for a file of which everything is known; after `ask_safely`."""
    _bring(target, promised.url, lambda: promised, partial(_explained_address, promised.url), tell)


def ask_safely() -> None:
    """From now on nobody is asked but by https, or on this machine; also not those whom others lead to."""
    session = get_session()
    hooks = session.event_hooks
    session.event_hooks = hooks | {"request": [*hooks["request"], _refuse_open_address]}


def _bring(target: Path, whom: str, promise: Callable[[], Promised], explain: Explain, tell: Tell) -> Promised:
    """Bring a file to its place, in several attempts. Raises CompanionError."""
    constants.DOWNLOAD_CHUNK_SIZE = CHUNK
    target.parent.mkdir(parents=True, exist_ok=True)
    attempts, had, began = 0, -1, bytes_there(target)
    while True:
        try:
            promised = promise()
            part = part_file(target, promised.sha256)
            _refuse_full_disk(part, promised)
            _download(part, promised, explain, tell)
            break
        except _Lost as lost:
            has = bytes_there(target)
            attempts = 1 if has > had else attempts + 1
            had = max(had, has)
            log.warning("attempt %d, %d bytes are there: %s", attempts, has, lost)
            if attempts >= ATTEMPTS:
                what = f"The connection to {_host(whom)} was lost." if has > began else f"{_host(whom)} does not answer."
                raise CompanionError(what, _AGAIN if has else _ONLINE) from lost
            time.sleep(PAUSE_SECONDS)
    _verify(part, promised, tell)
    part.replace(target)
    return promised


def _promised(request: Fetch) -> Promised:
    """What the hub promises, if it is what the catalog expects."""
    url = hf_hub_url(request.repository, request.file, revision=request.revision)
    try:
        found = get_hf_file_metadata(url, token=False, library_name="companion", library_version=__version__)
    except Exception as error:
        raise _explained(request, error) from error
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


def _download(part: Path, promised: Promised, explain: Explain, tell: Tell) -> None:
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
            raise explain(error) from error


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
        who = "the hub" if promised.commit else "the list of add-ons"
        what = f"What was downloaded is not the file that {who} announced: its checksum is wrong. It was deleted."
        raise CompanionError(what, "Try again; if it happens twice, the network between changes files.")


def _refuse_full_disk(part: Path, promised: Promised) -> None:
    missing = promised.bytes - _size(part)
    free = shutil.disk_usage(part.parent).free
    if missing + SPARE_BYTES > free:
        what = f"The disk has {bytes_text(free)} free, and {bytes_text(missing)} are still to come."
        raise CompanionError(what, "Make room on the disk, then try again.")


def _explained(request: Fetch, error: Exception) -> Exception:
    """Of a file of the hub."""
    repository, file = f"“{request.repository}”", f"“{request.file}”"
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
    return _explained_anywhere(file, error)


def _explained_address(url: str, error: Exception) -> Exception:
    """Of a file of any other host, which knows none of the hub's words."""
    file = f"“{Path(urlsplit(url).path).name}”"
    if isinstance(error, CompanionError):
        return error
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status < HTTP_SERVER_ERROR and status not in _PASSING:
            return CompanionError(f"{_host(url)} does not give {file} (HTTP {status}).", "Try again later, or update Companion.")
    return _explained_anywhere(file, error)


def _explained_anywhere(file: str, error: Exception) -> Exception:
    if isinstance(error, OfflineModeIsEnabled):
        return CompanionError(
            "Downloads are switched off here (HF_HUB_OFFLINE is set).", "Take that setting away, then try again."
        )
    if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError | TimeoutError | HfHubHTTPError):
        return CompanionError(f"{file} could not be written ({error.strerror}).", "Make room on the disk, then try again.")
    return _Lost(f"{type(error).__name__}: {error}")


def _refuse_open_address(request: Any) -> None:
    """Called before every request. Raises CompanionError."""
    if not may_be_asked(str(request.url)):
        what = f"The download leads to {_host(str(request.url))} by a way that others could read and change."
        raise CompanionError(what, "Nothing was fetched from there. Try again later, or from another network.")


def _host(url: str) -> str:
    return urlsplit(url).netloc or url


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except OSError:
        return 0
