"""Addresses in the network: which may be asked, and how they are named in a sentence."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_THIS_MACHINE: Final = ("127.0.0.1", "::1", "localhost")


def may_be_asked(url: str) -> bool:
    """Whether nobody on the way can see or change what is asked: https, or this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _THIS_MACHINE))


def host_of(url: str) -> str:
    """For sentences; the address as it is when it names none."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url
