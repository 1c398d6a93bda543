"""`companion prefer` as a person types it; the job is a real process on a tiny model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from companion import cli
from companion.core.adapter import read_adapter
from companion.core.job_folder import all_jobs
from companion.core.paths import data_folder, database_file
from companion.core.storage.store import Store
from tests.workshop.recipes.test_prefer import write_pairs
from tests.workshop.small_jobs import QUICK, WORDS

COMPANION = [sys.executable, "-P", "-m", "companion"]
CHANGES = [part for change in (*QUICK, "optimizer.learning_rate=0.003") for part in ("--set", change)]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "better replies.jsonl")


def test_one_command_makes_an_adapter_and_a_second_goes_on_from_it(tiny_model, pairs, tmp_path, capfd):
    command = [*COMPANION, "prefer", "--data", str(pairs), "--model", str(tiny_model), "--method", "dpo", *CHANGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    for part in (
        "24 pairs of a better and a worse reply",
        "22 pairs to learn from",
        "better preferred in",
        "margin +",
        "loss of better replies",
    ):
        assert part in said
    adapter = data_folder() / "adapters" / "better-replies.gguf"
    assert read_adapter(adapter).metrics["preference_accuracy"] > 0.5
    (job,) = all_jobs()
    assert job.held_out_file.read_text().count('"rejected"') == 2, "what was held back is kept, to be measured with later"
    more = ["prefer", "--data", str(pairs), "--start-adapter", str(adapter), "--model", str(tiny_model), "--dry-run", *CHANGES]
    assert cli.run(more) == 0


def test_the_thumbs_of_a_conversation_are_learned_from(tiny_model):
    store = Store(database_file())
    talk = store.create_conversation(character="", character_name="Hoshi", greetings=["hello"])
    parent = talk.active
    for number in range(6):
        asked = store.add_message(talk.id, parent=parent, role="user", text=f"tell me {WORDS[number]}")
        worse = store.add_message(talk.id, parent=asked.id, role="assistant", text="night star good", model="tiny")
        store.set_feedback(worse.id, -1)
        parent = store.add_message(talk.id, parent=asked.id, role="assistant", text="the and you", edited=True).id
    store.close()
    command = [*COMPANION, "prefer", "--data", f"conversation:{talk.id}", "--model", str(tiny_model), *CHANGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    said = " ".join(done.stdout.split())
    assert (done.returncode, done.stderr) == (0, ""), said
    assert "6 pairs of a better and a worse reply (6 edits)" in said
    assert "All of it comes from one conversation" in said


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--method", "ppo"], "There is no method “ppo”. There are: dpo, kto, orpo."),
        (["--preset", "huge"], "There is no preset “huge”."),
        (["--start-adapter", "nowhere.gguf"], "The adapter “nowhere.gguf” is not there."),
        (["--set", "loss.beta=0"], "It takes a number above 0"),
    ],
)
def test_what_is_wrong_is_said_before_a_job_is_made(arguments, what, tiny_model, pairs, capsys):
    assert cli.run(["prefer", "--data", str(pairs), "--model", str(tiny_model), *arguments]) == 1
    assert what in " ".join(capsys.readouterr().err.split())
    assert not all_jobs()
