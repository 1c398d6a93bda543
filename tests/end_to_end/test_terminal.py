"""`companion chat` as people and programs use it: with the starter model, through a pipe and in a real terminal."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time

import psutil
import pytest

from companion.core.paths import HOME_VARIABLE, settings_file
from companion.core.sampling import Sampling
from companion.core.settings import Settings, save_settings

COMPANION = [sys.executable, "-P", "-m", "companion"]


def run(*arguments: str, text: str = "", **extra) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMPANION, *arguments], input=text, capture_output=True, text=True, timeout=120, check=False, **extra)


def test_each_piped_line_is_answered_in_one_conversation(starter):
    done = run("chat", "--json", text="Hi, I am Sam.\nWhat is my name?\n")
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["reply"]
    assert second["reply"]
    assert second["prompt"]["reused_tokens"] > first["prompt"]["prompt_tokens"] * 0.9, "it is one conversation, read once"
    assert second["prompt"]["prompt_tokens"] > first["prompt"]["prompt_tokens"]


def test_once_prints_the_reply_and_nothing_else(talkative_model):
    done = run("chat", "--once", "Hello", "--model", str(talkative_model))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) > 20


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["chat", "--once", "hi", "--model", "/gone/model.gguf"], "model.gguf"),
        (["chat", "--once", "hi", "--character", "/gone/card.json"], "card.json"),
        (["chat", "--once"], "needs a value"),
        (["nonsense"], "No such command"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(arguments, sentence):
    done = run(*arguments)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_card_gives_another_character(tiny_model, tmp_path, talkative_model):
    card = tmp_path / "mira.json"
    card.write_text(
        json.dumps({"name": "Mira", "description": "x", "personality": "", "scenario": "", "first_mes": "Hm?", "mes_example": ""})
    )
    done = run("chat", "--once", "Hello", "--character", str(card), "--model", str(talkative_model), "--json")
    assert json.loads(done.stdout)["reply"]


def test_doctor_tells_what_it_knows(starter):
    facts = json.loads(run("doctor", "--json").stdout)
    assert facts["hardware"]["memory_total"] > 0
    assert facts["starter_model"] == str(starter)
    words = run("doctor")
    assert words.returncode == 0
    assert "Processor" in words.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_person_at_a_terminal_talks_stops_and_leaves(talkative_model):
    import pty

    save_settings(settings_file(), Settings(sampling=Sampling(max_tokens=30_000)))

    main, side = pty.openpty()
    process = subprocess.Popen(
        [*COMPANION, "chat", "--model", str(talkative_model)], stdin=side, stdout=side, stderr=side, close_fds=True
    )
    os.close(side)
    screen = Screen(main)
    screen.wait_for("I'm Hoshi")
    screen.wait_for("You")
    screen.type("Talk to me.\n")
    time.sleep(0.3)
    process.send_signal(2)  # Ctrl-C stops the reply, not the program
    screen.wait_for("· stopped")
    screen.type("/again\n")
    screen.wait_for("tok/s")
    screen.type("/quit\n")
    assert process.wait(20) == 0
    os.close(main)


class Screen:
    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._text = ""

    def wait_for(self, word: str) -> None:
        """Read until `word` has appeared; what came after it is kept for the next call."""
        deadline = time.monotonic() + 30
        while word not in self._text:
            ready, _, _ = select.select([self._handle], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"waited for {word!r}, saw {self._text!r}"
            self._text += os.read(self._handle, 4096).decode(errors="replace")
        self._text = self._text.partition(word)[2]

    def type(self, text: str) -> None:
        os.write(self._handle, text.encode())


@pytest.mark.parametrize("command", [["chat", "--once", "hi"], ["doctor"]])
def test_a_home_that_cannot_be_used_is_a_sentence(command, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "file"))
    done = run(*command)
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
def test_output_that_cannot_be_written_is_a_sentence(talkative_model):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [*COMPANION, "chat", "--once", "hi", "--model", str(talkative_model)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_a_dead_engine_costs_one_reply_of_a_pipe_and_not_the_rest(talkative_model):
    process = subprocess.Popen(
        [*COMPANION, "chat", "--model", str(talkative_model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdin.write("First.\n")
    process.stdin.flush()
    process.stdout.read(5)
    for child in psutil.Process(process.pid).children():
        child.kill()
    out, err = process.communicate("Second.\n", timeout=60)
    assert "started again" in err
    assert out
    assert process.returncode == 1
