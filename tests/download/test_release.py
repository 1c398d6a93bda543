"""The download process asked for the newest version, against a server on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from companion import __version__
from companion.core.download_messages import AskRelease, DownloadEvent, FetchFailed, ReleaseFound, decode_download_event
from companion.core.messages import encode
from companion.core.processes import worker_command
from tests.release_server import PATH, ReleaseServer, release_server


@pytest.fixture
def releases() -> Iterator[ReleaseServer]:
    with release_server() as server:
        yield server


def asked(address: str) -> DownloadEvent:
    command = worker_command("download")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdin.write(encode(AskRelease(address=address)))
        process.stdin.flush()
        (event,) = [decode_download_event(line) for line in process.stdout]
    return event


def test_one_request_tells_the_newest_version_and_sends_nothing_of_the_person(releases):
    assert asked(releases.address) == ReleaseFound(version="9.1.0", page=releases.page)
    ((_, path, headers),) = releases.asked
    assert path == PATH
    assert headers.pop("host").startswith("127.0.0.1")
    assert headers == {
        "user-agent": f"companion/{__version__}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "connection": "keep-alive",
    }


@pytest.mark.parametrize(
    ("status", "words"),
    [(302, "elsewhere now"), (403, "too often"), (404, "knows of no release"), (500, "could not answer (HTTP 500)")],
)
def test_another_answer_is_a_sentence_and_is_not_followed(releases, status, words):
    releases.status = status
    failed = asked(releases.address)
    assert isinstance(failed, FetchFailed)
    assert words in failed.what
    assert failed.remedy
    assert len(releases.asked) == 1


def test_an_answer_without_end_is_left(releases):
    releases.content = b" " * (3 << 20)
    failed = asked(releases.address)
    assert "more than 1 MB" in failed.what


def test_nobody_there_and_an_address_that_may_not_be_asked_are_sentences(releases):
    releases.shutdown()
    releases.server_close()
    assert "127.0.0.1 could not be reached (no connection)" in asked(releases.address).what
    assert "does not begin with https://" in asked("http://example.org/latest").what
