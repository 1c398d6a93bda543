"""What a release changes and what it lists, from the files as they are."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[2] / "packaging"


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(PACKAGING))


def test_every_place_that_names_the_version_is_found_once():
    import release

    told = {
        file: release.changed_text(file, wanted)
        for file, wanted in release.by_file(release.changes("9.8.7", "2031-02-03")).items()
    }
    assert all("9.8.7" in text for text in told.values())
    assert sum("2031-02-03" in text for text in told.values()) == len(told) - 1, "the module has no date"


def test_a_place_that_is_not_there_is_told():
    import release

    with pytest.raises(ValueError, match=r"CHANGELOG.md names the version 0 times"):
        release.changed_text("CHANGELOG.md", [release.Change("CHANGELOG.md", r"^nothing like this$", "x")])


def test_sums_are_those_of_the_files_of_that_version(tmp_path):
    import release

    (tmp_path / "companion-1.2.3.whl").write_bytes(b"new")
    (tmp_path / "companion-1.2.2.whl").write_bytes(b"old")
    sums = release.write_sums(tmp_path, "1.2.3")
    assert sums.read_text() == "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437  companion-1.2.3.whl\n"


def test_the_bill_names_everything_that_runs_and_no_tool(tmp_path):
    import json

    command = [sys.executable, str(PACKAGING / "bill.py"), "1.2.3", str(tmp_path)]
    subprocess.run(command, check=True)
    first = (tmp_path / "sbom.cdx.json").read_text(encoding="utf-8")
    names = {each["name"].lower() for each in json.loads(first)["components"]}
    assert {"torch", "pyside6-essentials", "llama-cpp-python", "llama.cpp", "cpython", "smollm2-135m-instruct"} <= names
    assert not names & {"pip", "pyinstaller", "companion"}
    assert "Apache License" in (tmp_path / "THIRD-PARTY-LICENCES.txt").read_text(encoding="utf-8")
    subprocess.run(command, check=True)
    assert (tmp_path / "sbom.cdx.json").read_text(encoding="utf-8") == first


def test_icons_hold_pictures_where_their_tables_say(tmp_path):
    subprocess.run([sys.executable, str(PACKAGING / "icons.py"), str(tmp_path)], check=True)
    ico, icns = (tmp_path / "companion.ico").read_bytes(), (tmp_path / "companion.icns").read_bytes()
    _, kind, count = struct.unpack_from("<HHH", ico)
    assert kind == 1
    for number in range(count):
        length, place = struct.unpack_from("<II", ico, 6 + 16 * number + 8)
        assert ico[place : place + 4] == b"\x89PNG"
        assert place + length <= len(ico)
    assert icns[:4] == b"icns"
    assert struct.unpack_from(">I", icns, 4)[0] == len(icns)
