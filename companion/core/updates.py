"""Whether there is a newer version: the one address that is asked, what its answer means, and what was last heard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from companion import __version__
from companion.core.addresses import may_be_asked
from companion.core.errors import CompanionError
from companion.core.files import read_json, write_atomic
from companion.core.paths import cache_folder
from companion.core.version import is_version, order

HOMEPAGE: Final = "https://github.com/companion/companion"
"""As in pyproject.toml and in the AppStream metainfo: a test holds the three together."""
ADDRESS_VARIABLE: Final = "COMPANION_UPDATES_URL"
"""When set, that address is asked instead: a mirror, or a test's."""
ANSWER_BYTES: Final = 1_000_000
"""A release's answer names its files and tells what is new: some ten kilobytes."""
DAY_SECONDS: Final = 24 * 3600
LONGEST_PAGE: Final = 2000


class Newest(msgspec.Struct, frozen=True, kw_only=True):
    """The newest release, as the address told it."""

    version: str
    page: str
    """Where a person reads what is new."""

    @property
    def is_newer(self) -> bool:
        """Than this program."""
        return order(self.version) > order(__version__)

    @property
    def sentence(self) -> str:
        if self.is_newer:
            return f"Companion {self.version} is there; you have {__version__}."
        return f"You have the newest version, Companion {__version__}."


class Heard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept between two starts."""

    asked: float = 0.0
    """When the program last asked by itself or was told to, in seconds since the epoch; also when there was no answer."""
    newest: Newest | None = None
    told: str = ""
    """The version that a notice has told of: once is enough."""

    def is_due(self, now: float) -> bool:
        """Whether a day has passed; a clock that was set back does not count as one that waits for years."""
        return not 0 <= now - self.asked < DAY_SECONDS


class _Release(msgspec.Struct, frozen=True):
    """The part that is read of https://docs.github.com/en/rest/releases/releases#get-the-latest-release."""

    tag_name: str
    html_url: str


def address() -> str:
    """What is asked, and nothing else is. Raises nothing: `may_be_asked` says whether it can be used."""
    repository = HOMEPAGE.removeprefix("https://github.com/")
    return os.environ.get(ADDRESS_VARIABLE) or f"https://api.github.com/repos/{repository}/releases/latest"


def read_release(answer: bytes) -> Newest:
    """Raises CompanionError when it is not what GitHub answers."""
    remedy = f"Look at {HOMEPAGE} instead."
    try:
        release = msgspec.json.decode(answer, type=_Release)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CompanionError("The answer does not tell of a release.", remedy) from error
    if not is_version(release.tag_name):
        raise CompanionError("The newest release has a version that this program does not understand.", remedy)
    page = release.html_url
    if len(page) > LONGEST_PAGE or not page.isprintable() or not may_be_asked(page):
        raise CompanionError("The newest release has no page that can be opened safely.", remedy)
    return Newest(version=release.tag_name.removeprefix("v"), page=page)


def last_heard(file: Path | None = None) -> Heard:
    heard = read_json(_file() if file is None else file, Heard) or Heard()
    # The file is the person's own, but a page that leads elsewhere must not be opened all the same.
    sound = heard.newest is None or (is_version(heard.newest.version) and may_be_asked(heard.newest.page))
    return heard if sound else msgspec.structs.replace(heard, newest=None)


def keep_heard(heard: Heard) -> None:
    """Raises OSError when it cannot be written."""
    write_atomic(_file(), msgspec.json.encode(heard) + b"\n")


def _file() -> Path:
    return cache_folder() / "updates.json"
