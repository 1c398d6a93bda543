"""What an answer about releases means."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from companion import __version__
from companion.core.addresses import may_be_asked
from companion.core.errors import CompanionError
from companion.core.updates import HOMEPAGE, Heard, Newest, address, keep_heard, last_heard, read_release
from companion.core.version import order

ROOT = Path(__file__).parents[2]
PAGE = "https://github.com/companion/companion/releases/tag/v1"


def test_the_homepage_is_one_everywhere_and_the_address_follows_from_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metainfo = ElementTree.parse(ROOT / "packaging" / "linux" / "companion.metainfo.xml")
    assert project["urls"]["Homepage"] == HOMEPAGE == metainfo.findtext("url[@type='homepage']")
    assert address() == "https://api.github.com/repos/companion/companion/releases/latest"
    assert may_be_asked(address())


def test_versions_are_compared_as_numbers():
    versions = ["0.1.0a2", "0.1.0b1", "0.1.0rc1", "0.1.0rc10", "0.1.0", "0.1.1", "0.2", "0.10.0", "1.0.0"]
    assert sorted(sorted(versions), key=order) == versions
    assert order("v0.2.0") == order("0.2")
    assert Newest(version="999.0", page=PAGE).is_newer
    assert not Newest(version=__version__, page=PAGE).is_newer


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"tag_name": "v1.0"}',
        b'{"tag_name": 1, "html_url": ""}',
        b"[" * 100_000,
        json.dumps({"tag_name": "nightly", "html_url": PAGE}).encode(),
        json.dumps({"tag_name": "1." + "9" * 5000, "html_url": PAGE}).encode(),
        json.dumps({"tag_name": "v1.0", "html_url": "file:///bin/sh"}).encode(),
        json.dumps({"tag_name": "v1.0", "html_url": "javascript:alert(1)"}).encode(),
        json.dumps({"tag_name": "v1.0", "html_url": f"{PAGE}\n"}).encode(),
        json.dumps({"tag_name": "v1.0", "html_url": f"{PAGE}/{'x' * 3000}"}).encode(),
    ],
    ids=lambda answer: repr(answer[:40]),
)
def test_what_is_no_release_is_a_sentence(answer):
    with pytest.raises(CompanionError) as told:
        read_release(answer)
    assert HOMEPAGE in told.value.remedy


def test_what_was_heard_is_kept_and_a_page_that_leads_elsewhere_is_not(fresh_cache, home):
    assert last_heard() == Heard()
    heard = Heard(asked=5.0, newest=Newest(version="9.0", page=PAGE), told="9.0")
    keep_heard(heard)
    assert last_heard() == heard
    keep_heard(Heard(asked=5.0, newest=Newest(version="9.0", page="file:///bin/sh")))
    assert last_heard() == Heard(asked=5.0)
    (home / "cache" / "updates.json").write_text("{damaged")
    assert last_heard() == Heard()


def test_a_day_is_a_day_also_when_the_clock_was_set_back():
    assert Heard().is_due(1_000_000.0)
    assert not Heard(asked=1_000_000.0).is_due(1_000_000.0 + 23 * 3600)
    assert Heard(asked=1_000_000.0).is_due(1_000_000.0 + 25 * 3600)
    assert Heard(asked=9e9).is_due(1_000_000.0)
