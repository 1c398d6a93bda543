"""Where downloaded files came from, by checksum: it holds wherever the file is moved.

<data>/library/downloaded.json
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from companion.core.errors import StoreError
from companion.core.files import set_aside, write_atomic
from companion.core.paths import data_folder

MOST = 10_000


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Of one download."""

    repository: str
    file: str
    commit: str
    licence: str
    when: float
    """Seconds since the epoch."""


def downloaded(file: Path | None = None) -> dict[str, Source]:
    """By SHA-256; a damaged file is set aside."""
    file = _file() if file is None else file
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Source])
    except OSError:
        return {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        with contextlib.suppress(OSError):
            set_aside(file)
        return {}


def note_download(sha256: str, source: Source) -> None:
    """Raises StoreError when it cannot be kept."""
    known = downloaded() | {sha256: source}
    kept = dict(list(known.items())[-MOST:])
    try:
        write_atomic(_file(), msgspec.json.format(msgspec.json.encode(kept), indent=1))
    except OSError as error:
        what = f"Where the download came from could not be noted ({error.strerror})."
        raise StoreError(what, "The model is there all the same.") from error


def _file() -> Path:
    return data_folder() / "library" / "downloaded.json"
