"""The SHA-256 of a file is computed once, and again as soon as the file may be another."""

from __future__ import annotations

import hashlib
import os

import pytest

from companion.core import fingerprint
from companion.core.errors import ModelError
from companion.core.fingerprint import file_sha256
from companion.core.paths import cache_folder

LONG_AGO = 1_600_000_000


def settle(path, at=LONG_AGO):
    os.utime(path, (at, at))


@pytest.fixture
def file(tmp_path, fresh_cache):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + bytes(3_000_000))
    settle(path)
    return path


def test_it_is_that_of_the_whole_file(file):
    assert file_sha256(file) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_it_is_computed_once(file, monkeypatch):
    first = file_sha256(file)
    monkeypatch.setattr(fingerprint.hashlib, "sha256", None)
    assert file_sha256(file) == first
    renamed = file.rename(file.with_name("other.gguf"))
    assert file_sha256(renamed) == first


def test_a_changed_file_is_read_again(file):
    first = file_sha256(file)
    file.write_bytes(b"GGUF" + bytes(2_999_999) + b"1")
    settle(file, LONG_AGO + 1)
    assert file_sha256(file) != first


def test_a_file_that_changed_just_now_is_not_remembered(file):
    os.utime(file)
    file_sha256(file)
    assert list((cache_folder() / "sha256").glob("*")) == []


def test_a_damaged_or_missing_cache_only_costs_time(file, monkeypatch):
    first = file_sha256(file)
    (kept,) = (cache_folder() / "sha256").glob("*")
    kept.write_bytes(b"\xff damaged")
    assert file_sha256(file) == first

    def full(*_):
        raise OSError(28, "No space left on device")

    kept.unlink()
    monkeypatch.setattr(fingerprint, "write_atomic", full)
    assert file_sha256(file) == first


def test_what_cannot_be_read_is_a_sentence(tmp_path):
    for path in (tmp_path / "nowhere.gguf", tmp_path):
        with pytest.raises(ModelError, match="cannot be read"):
            file_sha256(path)
