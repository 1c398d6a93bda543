"""Nothing half-written, nothing overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from companion.core.files import set_aside, write_atomic


def test_a_file_and_its_folder_are_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.json"
    write_atomic(path, b"first")
    write_atomic(path, b"second")
    assert path.read_bytes() == b"second"
    assert [p.name for p in path.parent.iterdir()] == ["file.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "file.json"
    write_atomic(path, b"old")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", fails)
    else:
        monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir() if p.is_file()] == ["file.json"]


def test_the_longest_name_a_disk_allows_can_be_written(tmp_path: Path) -> None:
    for letter in "aあ":
        path = tmp_path / (letter * (250 // len(letter.encode())) + ".json")
        write_atomic(path, b"x")
        assert path.read_bytes() == b"x"


def test_a_folder_in_the_way_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / "file.json").mkdir()
    with pytest.raises(OSError, match=r"file\.json"):
        write_atomic(tmp_path / "file.json", b"x")
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []


def test_setting_aside_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    names = set()
    for number in range(5):
        path.write_text(str(number))
        aside = set_aside(path)
        assert not path.exists()
        assert aside.read_text() == str(number)
        assert aside.name.startswith("settings damaged ")
        assert aside.suffix == ".json"
        names.add(aside.name)
    assert len(names) == 5
