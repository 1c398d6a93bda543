"""The whole program as a process: killed in the middle of a reply, started twice, started with damaged files."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from companion.core.paths import HOME_VARIABLE, database_file, settings_file
from companion.core.storage.store import Store

DRIVER = """
import sys
from pathlib import Path
from companion.core.sampling import Sampling
from companion.window import build
application, program = build()
program.preferences.update(sampling=Sampling(max_tokens=30000, temperature=1.5))
if program.preferences.settings.model != {model!r}:
    program.models.choose(Path({model!r}))
program.engine.model_ready.connect(lambda model: print("ready", program.engine.process_id, flush=True))
program.chat.piece_received.connect(lambda message, text: print("piece", flush=True))
program.chat.send("Talk to me.")
sys.exit(application.exec())
"""


def choose(model: Path) -> None:
    settings_file().write_text(json.dumps({"model": str(model)}), encoding="utf-8")


def start(model: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", DRIVER.format(model=str(model))], stdout=subprocess.PIPE, text=True)


def wait_for(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    while line := process.stdout.readline():
        if line.startswith(word):
            return line
    raise AssertionError(f"the program ended without saying {word}")


@pytest.mark.parametrize("delay", [0.05, 0.4, 1.3])
def test_killing_the_program_in_the_middle_of_a_reply_loses_at_most_a_second(talkative_model, delay):
    choose(talkative_model)
    program = start(talkative_model)
    engine = int(wait_for(program, "ready").split()[1])
    wait_for(program, "piece")
    time.sleep(delay)
    program.kill()
    program.wait()
    program.stdout.close()
    store = Store(database_file())
    assert store.recover_interrupted() == 1
    path = store.path(store.conversations()[0].id)
    assert path[1].message.text == "Talk to me."
    assert path[2].message.status == "interrupted"
    if delay > 1:
        assert path[2].message.text, "what was shown more than a second ago is there"
    store.close()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(engine) and psutil.Process(engine).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the engine is an orphan"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that a program can send another")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_closes_the_window_as_a_person_does(talkative_model, number):
    choose(talkative_model)
    program = start(talkative_model)
    engine = int(wait_for(program, "ready").split()[1])
    for _ in range(20):
        wait_for(program, "piece")
    program.send_signal(number)
    assert program.wait(10) == 0
    program.stdout.close()
    assert not psutil.pid_exists(engine)
    assert sqlite3.connect(database_file()).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store = Store(database_file())
    reply = store.path(store.conversations()[0].id)[2].message
    assert reply.status == "interrupted", "it was marked by the program itself, not found later"
    assert reply.text
    store.close()
    assert json.loads(settings_file().read_text(encoding="utf-8"))["window_geometry"]


BROKEN = "import companion.program as p, companion.window as w; del p.Chat; raise SystemExit(w.main())"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that a program can send another")
@pytest.mark.parametrize(
    ("start", "words"),
    [(("-P", "-m", "companion"), "The conversations cannot be opened"), (("-c", BROKEN), "could not be opened")],
)
def test_a_program_that_cannot_be_built_says_so_in_a_sentence(home, start, words):
    if "-c" not in start:
        database_file().mkdir(parents=True)
    program = subprocess.Popen([sys.executable, *start], stderr=subprocess.PIPE, text=True)
    said = ""
    while words not in said:
        line = program.stderr.readline()
        assert line, said
        said += line
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0.5)  # the same sentence is in a box in front of the window, until the person has read it
    program.send_signal(signal.SIGTERM)
    assert program.wait(10) == 1
    said += program.stderr.read()
    program.stderr.close()
    assert "Traceback" not in said


def launch(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-P", "-m", "companion", *arguments], stderr=subprocess.PIPE)


def launched(home: Path) -> subprocess.Popen[bytes]:
    """One that listens to others."""
    made = launch()
    deadline = time.monotonic() + 20
    while not list(home.glob("data/companion.sqlite3")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    return made


def test_a_second_start_with_a_file_opens_it_in_the_first(talkative_model, home, tmp_path):
    choose(talkative_model)
    first = launched(home)
    other = tmp_path / "another one.gguf"
    other.write_bytes(talkative_model.read_bytes())
    second = launch(str(other))
    assert second.wait(10) == 0
    deadline = time.monotonic() + 60
    while json.loads(settings_file().read_text(encoding="utf-8"))["model"] != str(other):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    first.terminate()
    first.wait(10)
    for process in (first, second):
        process.stderr.close()


def test_a_second_start_leaves_at_once_and_the_first_goes_on(talkative_model, home):
    choose(talkative_model)
    first = launched(home)
    second = launch()
    assert second.wait(10) == 0
    assert first.poll() is None
    first.terminate()
    first.wait(10)
    for process in (first, second):
        process.stderr.close()


def test_two_homes_are_two_programs(tmp_path, home, monkeypatch):
    first = launch()
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "other"))
    second = launch()
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(2)
    for process in (first, second):
        process.terminate()
        process.wait(10)
        process.stderr.close()


def test_damaged_files_are_set_aside_and_the_window_opens(talkative_model):
    settings_file().write_text("{broken")
    database_file().write_bytes(b"this is no database" * 1000)
    program = start(talkative_model)
    wait_for(program, "piece")
    program.kill()
    program.wait()
    program.stdout.close()
    assert len(list(settings_file().parent.glob("settings damaged *.json"))) == 1
    assert len(list(database_file().parent.glob("companion damaged *.sqlite3"))) == 1
