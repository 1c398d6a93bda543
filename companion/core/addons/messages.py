"""What is said to and by the processes that install and check add-ons, as JSON lines like `core.messages`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from companion.core.addons.installed import Checked
from companion.core.addons.manifest import Addon
from companion.core.download_messages import FetchFailed
from companion.core.messages import decode


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Base of everything that travels; the tag is the class name."""


class Install(_Message, frozen=True, kw_only=True):
    """Fetch, verify and unpack an add-on; answered by `Installing`*, then `Installed` or `FetchFailed`.

    Closing the pipe ends it at once; what has come stays, and the next `Install` goes on there.
    """

    addon: Addon


class Installing(_Message, frozen=True, kw_only=True):
    stage: Literal["asking", "fetching", "verifying", "unpacking"]
    file: str
    done: int
    """Bytes of all parts that are fetched."""
    bytes: int
    """Of all parts."""
    bytes_per_second: float = 0.0
    seconds_left: float = 0.0
    """Both over the last seconds; 0 while nothing is known."""


class Installed(_Message, frozen=True, kw_only=True):
    path: str


class Checking(_Message, frozen=True, kw_only=True):
    """The next thing that is tried; if the process dies, it died of that."""

    what: str
    """As in “It crashed while …”."""


class CheckEnded(_Message, frozen=True, kw_only=True):
    checked: Checked


InstallEvent = Installing | Installed | FetchFailed
CheckEvent = Checking | CheckEnded

_install_events = msgspec.json.Decoder(InstallEvent)
_check_events = msgspec.json.Decoder(CheckEvent)


def decode_install_event(line: bytes) -> Any:
    """Raises msgspec.DecodeError on anything that is not an event."""
    return decode(_install_events, line)


def decode_check_event(line: bytes) -> Any:
    """Raises msgspec.DecodeError on anything that is not an event."""
    return decode(_check_events, line)
