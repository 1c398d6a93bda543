"""The download process against a server that speaks the hub's protocol, as a real process over real sockets."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.core.download_messages import (
    Fetch,
    FetchBegan,
    FetchChecking,
    FetchDone,
    FetchEvent,
    FetchFailed,
    FetchProgress,
    decode_download_event,
)
from companion.core.library.partial import bytes_there, discard, part_file
from companion.core.messages import encode
from companion.core.processes import worker_command
from tests.hub_server import COMMIT, HubServer, hub_server

CONTENT = os.urandom(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
REPOSITORY, FILE = "someone/little-GGUF", "little.gguf"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with hub_server() as server:
        server.files[f"{REPOSITORY}/{FILE}"] = CONTENT
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / FILE


def begin(hub: HubServer, target: Path, **wanted) -> subprocess.Popen[bytes]:
    environment = os.environ | {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(target.parent.parent / "hf"), "HF_TOKEN": "hf_secret"}
    process = subprocess.Popen(worker_command("download"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    process.stdin.write(encode(Fetch(repository=REPOSITORY, file=FILE, target=str(target), **wanted)))
    process.stdin.flush()
    return process


def fetched(hub: HubServer, target: Path, **wanted) -> list[FetchEvent]:
    """Everything that one process says until it ends."""
    with begin(hub, target, **wanted) as process:
        events = [decode_download_event(line) for line in process.stdout]
        process.stdin.close()
    return events


def only(target: Path) -> list[str]:
    return [path.name for path in target.parent.iterdir()]


def test_a_file_arrives_whole_and_verified(hub, target):
    events = fetched(hub, target, bytes=len(CONTENT), sha256=SHA256)
    began, done = events[0], events[-1]
    assert isinstance(began, FetchBegan)
    assert (began.bytes, began.done, began.host.split(":")[0]) == (len(CONTENT), 0, "localhost")
    assert done == FetchDone(path=str(target), sha256=SHA256, commit=COMMIT)
    assert any(isinstance(event, FetchProgress) and event.done == len(CONTENT) for event in events)
    assert any(isinstance(event, FetchChecking) for event in events)
    assert target.read_bytes() == CONTENT
    assert only(target) == [FILE]


def test_nothing_of_the_person_is_sent_and_nothing_else_is_asked(hub, target):
    fetched(hub, target)
    assert {path for _, path, _ in hub.asked} == {f"/{REPOSITORY}/resolve/main/{FILE}", f"/cdn/{REPOSITORY}/{FILE}"}
    assert not any("authorization" in headers for _, _, headers in hub.asked)
    assert all("companion/" in headers["user-agent"] and "torch" not in headers["user-agent"] for _, _, headers in hub.asked)


def test_connections_that_break_are_gone_on_with_where_they_broke(hub, target):
    hub.cuts = [700_000, 0, 900_000]
    events = fetched(hub, target)
    assert isinstance(events[-1], FetchDone)
    assert target.read_bytes() == CONTENT
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0 for asked in hub.ranges()]
    assert starts == sorted(starts)
    assert starts[-1] > 1_000_000


def test_a_killed_process_is_gone_on_with_by_the_next(hub, target):
    hub.bytes_per_second = 2_000_000
    with begin(hub, target) as process:
        while bytes_there(target) < 500_000:
            time.sleep(0.02)
        process.kill()
    there = bytes_there(target)
    assert not target.exists()
    hub.bytes_per_second = 0
    events = fetched(hub, target)
    assert events[0].done == there
    assert hub.ranges()[-1] == f"bytes={there}-"
    assert target.read_bytes() == CONTENT


def test_closing_the_pipe_ends_it_and_keeps_what_came(hub, target):
    hub.bytes_per_second = 1_000_000
    with begin(hub, target) as process:
        while bytes_there(target) < 300_000:
            time.sleep(0.02)
        process.stdin.close()
        assert process.wait(timeout=10) == 0
    assert 300_000 <= bytes_there(target) < len(CONTENT)
    discard(target)
    assert only(target) == []


def test_a_wrong_checksum_deletes_what_came(hub, target):
    hub.spoiled = True
    (*_, failed) = fetched(hub, target)
    assert isinstance(failed, FetchFailed)
    assert "checksum is wrong" in failed.what
    assert only(target) == []
    hub.spoiled = False
    assert isinstance(fetched(hub, target)[-1], FetchDone)


def test_a_file_that_is_not_the_catalogs_is_refused_before_a_byte_comes(hub, target):
    for wanted in ({"sha256": "0" * 64}, {"bytes": 17}):
        (failed,) = fetched(hub, target, **wanted)
        assert "another file than the one the catalog was written for" in failed.what
    assert hub.ranges() == []


def test_a_file_without_a_checksum_is_refused(hub, target):
    hub.etag = "5d41402abc4b2a76b9719d911017c592"
    (failed,) = fetched(hub, target)
    assert "no checksum" in failed.what


def test_a_server_that_knows_no_ranges_begins_anew(hub, target):
    hub.knows_ranges = False
    hub.cuts = [1_200_000]
    assert isinstance(fetched(hub, target)[-1], FetchDone)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (404, "EntryNotFound", "has no “little.gguf” any more"),
        (404, "RepoNotFound", "The hub has no “someone/little-GGUF” any more"),
        (403, "GatedRepo", "agreed to its terms"),
        (418, "", "refused to give “little.gguf” (HTTP 418)"),
    ],
)
def test_what_the_hub_refuses_is_a_sentence(hub, target, status, code, words):
    hub.status, hub.error_code = status, code
    (failed,) = fetched(hub, target)
    assert words in failed.what
    assert failed.remedy


def test_a_server_that_is_gone_is_given_up_with_a_way_to_go_on(hub, target, monkeypatch):
    hub.status = 503
    (failed,) = fetched(hub, target)
    assert failed.what.endswith("does not answer.")
    assert "connected" in failed.remedy, "nothing was lost, and there is nothing to go on with"
    part_file(target, "0" * 64).write_bytes(b"GGUF")
    (failed,) = fetched(hub, target)
    assert "goes on where it stopped" in failed.remedy


def test_a_disk_without_room_is_told_before_a_byte_comes(hub, target):
    hub.files[f"{REPOSITORY}/{FILE}"] = _Endless()
    (failed,) = fetched(hub, target)
    assert "The disk has" in failed.what
    assert hub.ranges() == []


class _Endless(bytes):
    """Says that it is larger than any disk."""

    def __len__(self) -> int:
        return 1 << 60


def test_downloads_that_are_switched_off_say_so(hub, target, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (failed,) = fetched(hub, target)
    assert "switched off" in failed.what
