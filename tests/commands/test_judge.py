"""`companion judge` through a pipe and a terminal: real engines on a tiny model, verdicts that are kept."""

from __future__ import annotations

import io
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest

from companion import cli
from companion.core.dataset_folder import DATA_FILE
from companion.core.judgement import all_judgements
from companion.workshop.data.sources.reading import read_all
from tests.tiny_adapters import write_adapter
from tests.workshop.small_jobs import write_dialogues

COMPANION = [sys.executable, "-P", "-m", "companion"]


@pytest.fixture(scope="module")
def sides(talkative_model, tmp_path_factory):
    """A model, the same with an adapter, and what is asked."""
    folder = tmp_path_factory.mktemp("sides")
    adapter = write_adapter(folder / "loud.gguf", talkative_model, size=3.0)
    return str(talkative_model), f"{talkative_model}+{adapter}", str(write_dialogues(folder / "talks.jsonl", 12))


def judge(sides, keys, monkeypatch, *more):
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{key}\n" for key in keys)))
    one, other, data = sides
    return cli.run(["judge", one, other, "--data", data, "--prompts", "6", "--tokens", "8", *more])


def test_verdicts_are_kept_told_at_the_end_and_become_preferences(sides, monkeypatch, capfd):
    assert judge(sides, ["1", "2", "x", "t", "s", "1", "2"], monkeypatch) == 0
    said = capfd.readouterr().out
    (judgement,) = all_judgements()
    verdicts = judgement.verdicts()
    assert len(verdicts) == 6
    assert "6 of 6" in said
    assert "That key means nothing here" in said
    asked, told = said.split("6 of 6")
    assert "loud" not in asked, "nobody learns whose they are before the end"
    assert "loud" in told
    preferred = [found.dialogue for found in read_all([str(judgement.folder / DATA_FILE)])]
    chosen = [each for each in verdicts if each.answer in "ab"]
    assert len(preferred) == len(chosen) == 4
    for dialogue, verdict in zip(preferred, chosen, strict=True):
        replies = (verdict.a_reply, verdict.b_reply) if verdict.answer == "a" else (verdict.b_reply, verdict.a_reply)
        assert (dialogue.messages[-1].content, dialogue.rejected[0]) == replies
    assert {verdict.first for verdict in verdicts} == {"a", "b"}, "the order is drawn"


def test_ending_early_keeps_what_was_judged_and_the_next_time_asks_the_rest(sides, monkeypatch, capfd):
    assert judge(sides, ["1", "q"], monkeypatch) == 0
    assert judge(sides, ["2"], monkeypatch) == 0, "the end of the pipe is the end"
    (judgement,) = all_judgements()
    assert len(judgement.verdicts()) == 2
    capfd.readouterr()
    assert judge((sides[1], sides[0], sides[2]), ["1"] * 9, monkeypatch) == 0
    said = capfd.readouterr().out
    assert "1 of 4" in said
    (judgement,) = all_judgements()
    assert len(judgement.verdicts()) == 6
    assert judge(sides, [], monkeypatch) == 0
    assert "preferred" in capfd.readouterr().out, "with nothing left to ask it tells the result"


def test_the_same_seed_asks_the_same_in_the_same_order(sides, monkeypatch):
    found = []
    for _ in range(2):
        assert judge(sides, ["1"] * 3, monkeypatch, "--seed", "5", "--prompts", "3") == 0
        (judgement,) = all_judgements()
        found.append([(each.prompt, each.turns, each.first) for each in judgement.verdicts()])
        shutil.rmtree(judgement.folder)
    assert found[0] == found[1]


def test_a_killed_program_keeps_every_verdict(sides):
    one, other, data = sides
    command = [*COMPANION, "judge", one, other, "--data", data, "--prompts", "6", "--tokens", "8"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write("1\n2\n")
    process.stdin.flush()
    for line in process.stdout:
        if "3 of 6" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (judgement,) = all_judgements()
    assert [each.answer in "ab" for each in judgement.verdicts()] == [True, True]
    until = time.monotonic() + 10
    while len(list(read_all([str(judgement.folder)]))) != 2 and time.monotonic() < until:
        time.sleep(0.1)
    assert len(list(read_all([str(judgement.folder)]))) == 2


def test_in_a_terminal_one_key_is_enough(sides):
    one, other, data = sides
    ours, theirs = pty.openpty()
    command = [*COMPANION, "judge", one, other, "--data", data, "--prompts", "2", "--tokens", "8"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    said = b""
    asked = 0
    try:
        while select.select([ours], [], [], 60)[0] and (part := os.read(ours, 65536)):
            said += part
            while said.count(b"1 or 2 is better") > asked:
                asked += 1
                os.write(ours, b"2")
    except OSError:  # the other end of a terminal is closed with an error
        pass
    os.close(ours)
    assert process.wait(30) == 0
    assert asked == 2
    assert b"preferred" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["judge", "MODEL", "MODEL"], "Both are the same"),
        (["judge", "MODEL", "/gone/b.gguf"], "/gone/b.gguf"),
        (["judge", "MODEL", "ADAPTED", "--data", "/gone/talks.jsonl"], "/gone/talks.jsonl"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(arguments, sentence, sides, capfd):
    places = {"MODEL": sides[0], "ADAPTED": sides[1]}
    assert cli.run([places.get(argument, argument) for argument in arguments]) == 1
    assert sentence in capfd.readouterr().err


def test_the_command_itself_does_without_torch():
    script = "import sys, companion.commands.judge; print({'torch', 'llama_cpp', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
