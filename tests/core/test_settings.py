"""Settings survive; a damaged file is kept aside and said so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.fields import fields_of
from companion.core.sampling import Sampling
from companion.core.settings import Settings, load_settings, save_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def test_without_a_file_the_defaults_stand(file: Path) -> None:
    assert load_settings(file).settings == Settings()
    assert load_settings(file).notice == ""


def test_what_is_saved_is_loaded(file: Path) -> None:
    chosen = Settings(
        person_name="Ana 🌟", theme="light", font_size=18, threads=3, sampling=Sampling(temperature=0.3, stop=("###",))
    )
    save_settings(file, chosen)
    assert load_settings(file).settings == chosen
    assert load_settings(file).notice == ""
    assert file.read_text(encoding="utf-8").endswith("}\n")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe{}",
        b'{"font_size": 900}',
        b'{"theme": "pink"}',
        b'{"threads": 0}',
        b'{"sampling": {"temperature": -1}}',
        b'{"person_name": "\xff"}',
        b'{"unknown": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda content: repr(content[:24]),
)
def test_a_damaged_file_is_kept_aside(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    loaded = load_settings(file)
    assert loaded.settings == Settings()
    (aside,) = file.parent.glob("settings damaged *.json")
    assert aside.name in loaded.notice
    assert aside.read_bytes() == content
    assert not file.exists()


@pytest.mark.parametrize(
    "content", [b'{"of_the_future": 1, "font_size": 16}', b'{"font_size": 16, "sampling": {"of_the_future": [1]}}']
)
def test_fields_of_a_newer_version_do_no_harm(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    loaded = load_settings(file)
    assert loaded.settings == Settings(font_size=16)
    assert loaded.notice == ""


def test_a_file_of_a_newer_version_is_kept_as_it_was_and_said(file: Path) -> None:
    save_settings(file, Settings(font_size=16))
    assert load_settings(file).notice == "", "a file of this version is no news"
    content = b'{"written_by": "99.0.0", "font_size": 18, "theme": "sepia", "of_the_future": [1]}'
    file.write_bytes(content)
    loaded = load_settings(file)
    assert loaded.settings == Settings(font_size=18)
    assert "newer version of Companion (99.0.0)" in loaded.notice
    assert "settings of 99.0.0.json" in loaded.notice
    assert file.read_bytes() == (file.parent / "settings of 99.0.0.json").read_bytes() == content


def test_a_file_saved_by_notepad_is_read(file: Path) -> None:
    file.write_bytes(b'\xef\xbb\xbf{"font_size": 16}')
    assert load_settings(file).settings.font_size == 16


def test_what_cannot_be_set_aside_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("{")

    def fails(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", fails)
    loaded = load_settings(file)
    assert loaded.settings == Settings()
    assert "could not be set aside" in loaded.notice
    assert file.read_text() == "{"


def test_what_cannot_be_read_is_said(file: Path) -> None:
    file.mkdir()
    loaded = load_settings(file)
    assert loaded.settings == Settings()
    assert "could not be read" in loaded.notice


def test_every_field_that_may_be_empty_has_its_bounds_in_the_form() -> None:
    found = {field.name: field for field in fields_of(Settings)}
    assert (found["threads"].optional, found["threads"].minimum, found["threads"].maximum) == (True, 1, 512)
    assert (found["font_size"].optional, found["font_size"].kind, found["font_size"].default) == (False, int, 14)
    assert found["theme"].choices == ("system", "dark", "light")
    assert all(field.sentence.endswith(".") for field in (*found.values(), *fields_of(Sampling)))


@given(st.binary(max_size=200))
def test_no_content_makes_loading_fail(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("settings") / "settings.json"
    file.write_bytes(content)
    loaded = load_settings(file)
    assert isinstance(loaded.settings, Settings)
    assert bool(loaded.notice) != file.exists()
