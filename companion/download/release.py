"""One question to one address: which version is the newest."""

from __future__ import annotations

import time
from typing import Final

import httpx2

from companion import __version__
from companion.core.addresses import host_of, may_be_asked
from companion.core.amounts import bytes_text
from companion.core.download_messages import AskRelease, ReleaseFound
from companion.core.errors import CompanionError
from companion.core.updates import ANSWER_BYTES, HOMEPAGE, read_release

SENT: Final = {
    "user-agent": f"companion/{__version__}",  # GitHub refuses who does not name the program
    "accept": "application/json",
    "accept-encoding": "identity",  # a small answer cannot become a large one
}
"""All that is sent."""
SECONDS: Final = 20.0
"""For the connection, for each piece of the answer, and for all of it."""


def ask(request: AskRelease) -> ReleaseFound:
    """Exactly one request: an answer that leads elsewhere is not followed. Raises CompanionError."""
    address, host = request.address, host_of(request.address)
    if not may_be_asked(address):
        raise CompanionError(f"“{address}” is not asked: it does not begin with https://.", "Correct the address.")
    try:
        with httpx2.Client(headers=SENT, timeout=SECONDS) as client, client.stream("GET", address) as response:
            _refuse(response.status_code, host)
            newest = read_release(_content(response, host))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        what = f"{host} could not be reached ({_reason(error)})."
        raise CompanionError(what, "Check the connection to the internet, then try again.") from error
    return ReleaseFound(version=newest.version, page=newest.page)


def _content(response: httpx2.Response, host: str) -> bytes:
    content = bytearray()
    end = time.monotonic() + SECONDS
    for piece in response.iter_raw():
        content += piece
        if len(content) > ANSWER_BYTES:
            what = f"{host} answered with more than {bytes_text(ANSWER_BYTES)}, which is no release."
            raise CompanionError(what, f"Look at {HOMEPAGE} instead.")
        if time.monotonic() > end:
            raise CompanionError(f"{host} did not finish its answer within {SECONDS:.0f} seconds.", "Try again later.")
    return bytes(content)


def _refuse(status: int, host: str) -> None:
    if status == 200:
        return
    elsewhere = f"Look at {HOMEPAGE} instead."
    if 300 <= status < 400:
        raise CompanionError(f"{host} says that the releases are elsewhere now (HTTP {status}).", elsewhere)
    if status in (403, 429):
        raise CompanionError(f"{host} was asked too often from your network (HTTP {status}).", "Try again in an hour.")
    if status in (404, 410):
        raise CompanionError(f"{host} knows of no release (HTTP {status}).", elsewhere)
    raise CompanionError(f"{host} could not answer (HTTP {status}).", "Try again later.")


def _reason(error: Exception) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer within {SECONDS:.0f} seconds"
    return "no connection" if isinstance(error, httpx2.TransportError) else "no proper answer"
