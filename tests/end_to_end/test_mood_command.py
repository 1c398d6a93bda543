"""`companion mood` as people and programs use it."""

from __future__ import annotations

import json
import re
import subprocess
import sys

COMPANION = [sys.executable, "-P", "-m", "companion", "mood"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMPANION, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_each_sentence_has_its_mood():
    done = run("I love you so much! The train leaves at nine.")
    assert (done.returncode, done.stderr) == (0, "")
    moods = dict(re.findall(r"(I love|The train).*[!.] +(\w+)", done.stdout))
    assert moods == {"I love": "love", "The train": "neutral"}


def test_programs_get_json():
    done = run("--json", "I'm so sad today.")
    (found,) = json.loads(done.stdout)
    assert (found["label"], found["group"]) == ("sadness", "sadness")
    assert found["valence"] < 0
    assert len(found["scores"]) == 28


def test_a_text_that_starts_with_a_dash_is_a_text():
    assert json.loads(run("--json", "--", "- hello").stdout)[0]["text"] == "- hello"


def test_nothing_to_read_is_said_in_a_sentence():
    for arguments in ((), ("  ",)):
        done = run(*arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("There is no text to read. Give one:")


def test_a_file_is_evaluated(tmp_path):
    path = tmp_path / "examples.tsv"
    path.write_text("I love you so much!\t18\nThe train leaves at nine.\t27\tid\n", encoding="utf-8")
    done = run("--evaluate", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 examples: macro-F1 0.0" in done.stdout
    assert "Valence: mean squared error" in done.stdout
    report = json.loads(run("--evaluate", str(path), "--json").stdout)
    assert report["examples"] == 2
    assert len(report["labels"]) == 28


def test_a_bad_file_is_one_sentence_and_what_to_do(tmp_path):
    path = tmp_path / "examples.tsv"
    path.write_text("no label here\n", encoding="utf-8")
    done = run("--evaluate", str(path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Line 1 of “examples.tsv” has no label numbers from 0 to 27. Each line is")
