"""Downloads as the window sees them: real processes against a server that speaks the hub's protocol."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from companion.app.downloads import Download, Downloads
from companion.app.notices import Notices
from companion.core.library.catalog import Offer, read_catalog
from companion.core.library.downloaded import downloaded
from companion.core.paths import own_models_folder
from tests.hub_server import COMMIT, HubServer, hub_server

CONTENT = os.urandom(2_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OFFER = replace(
    read_catalog()[0], name="Little", repository="someone/little", file="little.gguf", bytes=len(CONTENT), sha256=SHA256
)
WAIT_MS = 30_000


@pytest.fixture
def hub(monkeypatch, home) -> Iterator[HubServer]:
    with hub_server() as server:
        server.files[OFFER.key] = CONTENT
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        monkeypatch.setenv("HF_HOME", str(home / "hf"))
        yield server


class Watch:
    """Everything that was told."""

    def __init__(self, downloads: Downloads, notices: Notices) -> None:
        self.states: list[Download] = []
        self.said: list[str] = []
        downloads.changed.connect(lambda _key, download: self.states.append(download))
        notices.notice_raised.connect(lambda notice: self.said.append(notice.what))

    def names(self) -> list[str]:
        return list(dict.fromkeys(state.state for state in self.states))


@pytest.fixture
def notices(qapp) -> Notices:
    return Notices()


@pytest.fixture
def downloads(qapp, hub, notices) -> Iterator[Downloads]:
    made = Downloads(notices)
    yield made
    made.close()


@pytest.fixture
def watch(downloads, notices) -> Watch:
    return Watch(downloads, notices)


def until(qtbot, downloads: Downloads, *states: str, offer: Offer = OFFER) -> Download:
    qtbot.waitUntil(lambda: downloads.of(offer).state in states, timeout=WAIT_MS)
    return downloads.of(offer)


def test_a_download_tells_its_way_and_where_it_came_from(downloads, watch, hub, qtbot):
    assert downloads.of(OFFER) == Download(bytes=len(CONTENT))
    with qtbot.waitSignal(downloads.finished, timeout=WAIT_MS) as signal_:
        downloads.start(OFFER)
    assert signal_.args[0].read_bytes() == CONTENT
    assert watch.names() == ["asking", "running", "checking", "done"]
    assert downloads.of(OFFER).state == "done"
    source = downloaded()[SHA256]
    assert (source.repository, source.commit, source.licence) == ("someone/little", COMMIT, OFFER.licence)
    assert "checksum verified" in watch.said[-1]


def test_stopping_keeps_what_came_and_starting_goes_on(downloads, watch, hub, qtbot):
    hub.bytes_per_second = 1_000_000
    downloads.start(OFFER)
    qtbot.waitUntil(lambda: downloads.of(OFFER).done > 300_000, timeout=WAIT_MS)
    running = downloads.of(OFFER)
    assert running.bytes_per_second > 0
    assert running.seconds_left > 0
    downloads.stop(OFFER)
    stopped = downloads.of(OFFER)
    assert stopped.state == "stopped"
    assert Downloads(Notices()).of(OFFER).done == stopped.done  # the next start of the program knows too
    hub.bytes_per_second = 0
    downloads.start(OFFER)
    until(qtbot, downloads, "done")
    assert hub.ranges()[-1] == f"bytes={stopped.done}-"
    assert (own_models_folder() / OFFER.file).read_bytes() == CONTENT


def test_discarding_throws_away_what_came(downloads, hub, qtbot):
    hub.bytes_per_second = 1_000_000
    downloads.start(OFFER)
    qtbot.waitUntil(lambda: downloads.of(OFFER).done > 300_000, timeout=WAIT_MS)
    downloads.discard(OFFER)
    assert downloads.of(OFFER) == Download(bytes=len(CONTENT))
    assert list(own_models_folder().iterdir()) == []


def test_a_process_that_is_killed_is_told_of_and_gone_on_with(downloads, hub, qtbot):
    hub.bytes_per_second = 1_000_000
    downloads.start(OFFER)
    qtbot.waitUntil(lambda: downloads.of(OFFER).done > 300_000, timeout=WAIT_MS)
    (fetching,) = downloads._running.values()
    os.kill(fetching.process_id, signal.SIGKILL)
    failed = until(qtbot, downloads, "failed")
    assert "was ended by force" in failed.what
    assert failed.done > 300_000
    hub.bytes_per_second = 0
    downloads.start(OFFER)
    until(qtbot, downloads, "done")


def test_a_wrong_checksum_is_told_and_nothing_is_left(downloads, hub, qtbot):
    hub.spoiled = True
    downloads.start(OFFER)
    failed = until(qtbot, downloads, "failed")
    assert "checksum is wrong" in failed.what
    assert failed.done == 0
    assert not (own_models_folder() / OFFER.file).exists()


def test_the_hub_that_will_be_asked_is_known_before(downloads, hub):
    assert downloads.host == hub.endpoint
    assert hub.asked == []


def test_closing_the_program_ends_the_process(qapp, hub, qtbot, notices):
    hub.bytes_per_second = 500_000
    downloads = Downloads(notices)
    downloads.start(OFFER)
    qtbot.waitUntil(lambda: downloads.of(OFFER).done > 100_000, timeout=WAIT_MS)
    downloads.close()
    assert Downloads(notices).of(OFFER).state == "stopped"
