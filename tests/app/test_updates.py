"""Looking for updates as the window does: the real process, a server on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from companion import __version__
from companion.app.notices import Notice, Notices
from companion.app.preferences import Preferences
from companion.app.updates import Updates
from companion.core.paths import settings_file
from companion.core.updates import ADDRESS_VARIABLE, Heard, keep_heard, last_heard
from tests.release_server import ReleaseServer, release_server

WAIT_MS = 20_000
pytestmark = pytest.mark.usefixtures("fresh_cache")


@pytest.fixture
def releases(monkeypatch) -> Iterator[ReleaseServer]:
    with release_server() as server:
        monkeypatch.setenv(ADDRESS_VARIABLE, server.address)
        yield server


class Desk:
    def __init__(self) -> None:
        self.notices = Notices()
        self.told: list[Notice] = []
        self.notices.notice_raised.connect(self.told.append)
        self.preferences = Preferences(settings_file(), self.notices)
        self.updates = Updates(self.preferences, self.notices)
        self.pages: list[str] = []
        self.updates.page_requested.connect(self.pages.append)

    def answered(self, qtbot) -> None:
        qtbot.waitUntil(lambda: self.updates._asking is None, timeout=WAIT_MS)


@pytest.fixture
def desk(qapp, releases) -> Iterator[Desk]:
    made = Desk()
    yield made
    made.updates.close()
    made.preferences.save()


def test_nothing_is_asked_until_it_is_switched_on_and_then_once_a_day(desk, releases, qtbot):
    desk.updates.start()
    qtbot.wait(50)
    assert releases.asked == []
    assert desk.updates._asking is None
    desk.preferences.update(look_for_updates=True)
    desk.answered(qtbot)
    desk.updates._look_if_due()
    assert desk.updates._asking is None
    assert len(releases.asked) == 1
    keep_heard(Heard(asked=time.time() - 25 * 3600, told="9.1.0"))
    tomorrow = Updates(desk.preferences, desk.notices)
    tomorrow.start()
    qtbot.waitUntil(lambda: tomorrow._asking is None, timeout=WAIT_MS)
    tomorrow.close()
    assert len(releases.asked) == 2


def test_a_newer_version_is_told_once_and_its_page_can_be_opened(desk, releases, qtbot):
    desk.preferences.update(look_for_updates=True)
    desk.updates.start()
    desk.answered(qtbot)
    (notice,) = desk.told
    assert notice.what == f"Companion 9.1.0 is there; you have {__version__}."
    assert desk.pages == []
    notice.act()
    assert desk.pages == [releases.page]
    desk.updates._ask()
    desk.answered(qtbot)
    assert len(desk.told) == 1


def test_the_newest_version_is_no_news(desk, releases, qtbot):
    releases.tag = f"v{__version__}"
    desk.preferences.update(look_for_updates=True)
    desk.updates.start()
    desk.answered(qtbot)
    assert desk.told == []
    assert desk.updates.standing.newest.sentence == f"You have the newest version, Companion {__version__}."


def test_the_button_works_while_it_is_off_and_tells_what_went_wrong(desk, releases, qtbot):
    releases.status = 500
    desk.updates.look()
    assert desk.updates.standing.is_asking
    desk.answered(qtbot)
    assert "could not answer (HTTP 500)" in desk.updates.standing.what
    releases.status = 200
    desk.updates.look()
    desk.answered(qtbot)
    assert desk.updates.standing.what == ""
    assert desk.updates.standing.newest.version == "9.1.0"
    assert desk.told == [], "the answer stands beside the button"
    assert last_heard().newest.version == "9.1.0"


def test_what_the_program_asks_by_itself_fails_in_silence(desk, releases, qtbot):
    releases.status = 500
    desk.preferences.update(look_for_updates=True)
    desk.updates.start()
    desk.answered(qtbot)
    assert len(releases.asked) == 1
    assert desk.told == []
    assert (desk.updates.standing.what, desk.updates.standing.is_asking) == ("", False)


def test_closing_the_program_ends_the_process(desk, qtbot):
    desk.updates.look()
    desk.updates.close()
