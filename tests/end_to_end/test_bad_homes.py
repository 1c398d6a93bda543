"""Homes that a person may have: full, read only, with any letters in their path, very long, and beside somebody else's."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from companion.core.errors import StoreError
from companion.core.paths import HOME_VARIABLE, data_folder, database_file, settings_file, settings_folder
from companion.core.settings import Settings, save_settings
from companion.core.storage.database import LONGEST_PATH
from companion.core.storage.store import Store
from tests.small_recipes import QUICK, write_dialogues

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file systems are mounted as Linux does it")
COMPANION = [sys.executable, "-P", "-m", "companion"]


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """A small file system in memory, on which root gets no further than anybody; skips who may not mount."""
    made: list[Path] = []

    def mount(name: str, *options: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("only root may mount a file system")
        made.append(folder)
        return folder

    yield mount
    for folder in reversed(made):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMPANION, *map(str, words)], capture_output=True, text=True, timeout=120, check=False)


def window_says(words: str) -> None:
    """The window tells it in the terminal and in a box, which stands until the person has read it."""
    program = subprocess.Popen(COMPANION, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = program.stderr.readline()
    program.send_signal(signal.SIGTERM)
    program.wait(20)
    said += program.stderr.read()
    program.stderr.close()
    assert words in said
    assert "Traceback" not in said


def test_a_home_that_cannot_be_written_is_a_sentence(mounted, monkeypatch):
    home = mounted("read only", "size=1m", "ro")
    monkeypatch.setenv(HOME_VARIABLE, str(home / "home"))
    done = run("chat", "--once", "hi")
    assert (done.returncode, "cannot be used (Read-only file system)" in done.stderr) == (1, True), done.stderr
    assert HOME_VARIABLE in done.stderr
    window_says("cannot be used (Read-only file system)")


@pytest.mark.parametrize(("part", "words"), [("logs", "The log"), ("data", "Nothing can be written to")])
def test_a_part_of_the_home_that_cannot_be_written_is_a_sentence(mounted, home, part, words):
    mounted(f"home/{part}", "size=1m", "ro")
    window_says(words)


def fill(file: Path) -> None:
    """Until there is no room left at all."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as filling:
        while True:
            filling.write(bytes(4096))


def test_a_full_disk_is_a_sentence_and_what_is_there_stays(mounted, monkeypatch):
    home = mounted("full", "size=2m")
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    store = Store(database_file())
    talk = store.create_conversation(character="", character_name="", greetings=["Hello"])
    save_settings(settings_file(), Settings(person_name="Ada"))
    fill(home / "fill")
    with pytest.raises(StoreError, match="disk is full"):
        store.add_message(talk.id, parent=talk.active, role="user", text="x" * 1_000_000)
    with pytest.raises(OSError, match="No space"):
        save_settings(settings_file(), Settings(person_name="Eve"))
    (home / "fill").unlink()
    store.add_message(talk.id, parent=talk.active, role="user", text="There is room again")
    assert [step.message.text for step in store.path(talk.id)] == ["Hello", "There is room again"]
    assert "Ada" in settings_file().read_text(encoding="utf-8")
    store.close()


def test_a_disk_that_is_full_from_the_first_start_is_a_sentence(mounted, monkeypatch):
    home = mounted("full", "size=64k")
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    fill(home / "fill")
    window_says("Nothing can be written to")


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_any_letters_in_the_path_of_a_home_are_fine(tiny_model, tmp_path, monkeypatch, locale):
    place = tmp_path / 'ä ö 日本 🫖 it\'s "q" %s {x}'
    place.mkdir()
    monkeypatch.setenv(HOME_VARIABLE, str(place / "home"))
    monkeypatch.setenv("LC_ALL", locale)
    data = write_dialogues(place / "Gespräche 星.jsonl")
    model = place / "Modell ß.gguf"
    model.write_bytes(tiny_model.read_bytes())
    changes = [word for change in (*QUICK, "training.epochs=1") for word in ("--set", change)]
    done = run("fine-tune", "--data", data, "--model", model, *changes)
    assert (done.returncode, done.stderr) == (0, "")
    (adapter,) = (place / "home" / "data" / "adapters").glob("*.gguf")
    assert "Gespräche" in adapter.name
    assert run("jobs", "list").stdout.count("done") == 1


def test_a_path_that_is_too_long_is_a_sentence_and_one_that_is_just_short_enough_works(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / ("x" * 260)))
    with pytest.raises(StoreError, match="too long") as told:
        data_folder()
    assert HOME_VARIABLE in told.value.remedy
    inside = len("/data/companion.sqlite3")
    for length, works in ((LONGEST_PATH, True), (LONGEST_PATH + 50, False), (1200, False)):
        home = os.fsencode(tmp_path)
        while (left := length - inside - len(home)) > 0:
            home += b"/" + b"l" * min(left - 1, 200 if left > 205 else left - 1)
        monkeypatch.setenv(HOME_VARIABLE, os.fsdecode(home))
        assert len(os.fsencode(database_file())) == length
        if works:
            Store(database_file()).close()
            continue
        with pytest.raises(StoreError, match="too long for their database"):
            Store(database_file())


def test_what_is_said_here_is_nobody_elses_to_read(home):
    store = Store(database_file())
    store.create_conversation(character="", character_name="")
    save_settings(settings_file(), Settings())
    private = [data_folder(), settings_folder(), *data_folder().glob("companion.sqlite3*"), settings_file()]
    assert len(private) > 4, "the log of the database among them"
    for path in private:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    store.close()
