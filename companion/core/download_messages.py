"""What the window and the download process say to each other, as JSON lines like `messages`.

The process does one thing that it is asked, and leaves.
"""

from __future__ import annotations

from typing import Any

import msgspec

from companion.core.messages import decode


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Base of everything that travels; the tag is the class name."""


class Fetch(_Message, frozen=True, kw_only=True):
    """Fetch one file; answered by `FetchBegan`, `FetchProgress`*, `FetchChecking`*, then `FetchDone` or `FetchFailed`.

    Closing the pipe ends it at once; what has come stays, and the next `Fetch` of the same file goes on there.
    """

    repository: str
    """Of the hub, as owner/name."""
    file: str
    target: str
    """Absolute path; the file gets this name when it is verified."""
    bytes: int = 0
    """What is expected; 0 takes the hub's word."""
    sha256: str = ""
    """What is expected; empty takes the hub's word."""
    revision: str = "main"


class AskRelease(_Message, frozen=True, kw_only=True):
    """Ask one address for the newest version; answered by `ReleaseFound` or `FetchFailed`."""

    address: str


class FetchBegan(_Message, frozen=True, kw_only=True):
    """The hub has answered."""

    host: str
    """From where the bytes come, such as a content network the hub sends us to."""
    bytes: int
    done: int
    """What was there from before."""


class FetchProgress(_Message, frozen=True, kw_only=True):
    done: int
    bytes: int
    bytes_per_second: float
    """Over the last seconds; 0 while nothing is known."""
    seconds_left: float
    """0 while nothing is known."""


class FetchChecking(_Message, frozen=True, kw_only=True):
    """All bytes are there; their SHA-256 is being computed."""

    fraction: float


class FetchDone(_Message, frozen=True, kw_only=True):
    path: str
    sha256: str
    commit: str
    """Of the repository."""


class FetchFailed(_Message, frozen=True, kw_only=True):
    what: str
    remedy: str
    kept: int = 0
    """Bytes that are there to go on from."""


class ReleaseFound(_Message, frozen=True, kw_only=True):
    """The newest release; whether it is newer than this program is for others to say."""

    version: str
    page: str


FetchEvent = FetchBegan | FetchProgress | FetchChecking | FetchDone | FetchFailed
DownloadEvent = FetchEvent | ReleaseFound

_events = msgspec.json.Decoder(DownloadEvent)


def decode_download_event(line: bytes) -> Any:
    """Raises msgspec.DecodeError on anything that is not an event."""
    return decode(_events, line)
