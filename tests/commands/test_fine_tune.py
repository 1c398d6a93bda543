"""`companion fine-tune` and `companion jobs` as a person types them; the job is a real process on a tiny model."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from companion import cli
from companion.commands.job_view import lines
from companion.core.adapter import read_adapter
from companion.core.fingerprint import file_sha256
from companion.core.job import DataReady, OutputWritten
from companion.core.job_folder import all_jobs
from companion.core.job_lock import JobLock
from companion.core.paths import data_folder, database_file
from companion.core.recipes.fine_tune import FineTune
from companion.core.storage.store import Store
from tests.workshop.small_jobs import QUICK, small_job, work_here, write_dialogues

COMPANION = [sys.executable, "-P", "-m", "companion"]
CHANGES = [part for change in QUICK for part in ("--set", change)]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_dialogues(tmp_path_factory.mktemp("dialogues") / "evening talks.jsonl")


def test_one_command_makes_an_adapter_named_after_its_dialogues(tiny_model, data):
    command = [*COMPANION, "fine-tune", "--data", str(data), "--model", str(tiny_model), *CHANGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    adapter = data_folder() / "adapters" / "evening-talks.gguf"
    assert read_adapter(adapter).name == "evening-talks"
    for said in ("22 dialogues to learn from, 2 held out", "tok/s", "left", "Held-out loss", "All 10 steps are done"):
        assert said in " ".join(done.stdout.split())
    assert str(adapter).replace("/", "") in "".join(done.stdout.split()).replace("/", "")


def test_ctrl_c_pauses_and_says_how_to_go_on(tiny_model, data, home):
    command = [
        *COMPANION,
        "fine-tune",
        "--data",
        str(data),
        "--model",
        str(tiny_model),
        *CHANGES,
        "--set",
        "training.steps=100000",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("step 1 of"):
            process.send_signal(signal.SIGINT)
            break
    rest, errors = process.communicate(timeout=60)
    (job,) = all_jobs()
    assert process.returncode == 130
    assert "Pausing" in errors
    assert f"companion jobs resume {job.id}" in " ".join(rest.split())
    assert job.summary().state == "interrupted"
    assert job.worker() == 0


def test_a_terminal_sees_a_moving_line(tiny_model, data):
    ours, theirs = pty.openpty()
    command = [*COMPANION, "fine-tune", "--data", str(data), "--model", str(tiny_model), "--dry-run", *CHANGES]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm", "COLUMNS": "160"})
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 65536):
            said += part
    except OSError:  # the other end of a terminal is closed with an error
        pass
    os.close(ours)
    assert process.wait(30) == 0
    assert "\x1b[2K" in said.decode(), "a line is drawn again and again"
    assert "10 steps in about" in said.decode()
    assert all_jobs() == [], "a dry run leaves no job"


def test_jobs_are_listed_shown_resumed_and_cancelled(tiny_model, data, capfd):
    job = small_job(tiny_model, data)
    assert cli.run(["jobs", "list"]) == 0
    assert "waiting" in capfd.readouterr().out
    assert cli.run(["jobs", "resume", "small", "--json"]) == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert (events[0]["type"], events[-1]["type"], events[-1]["state"]) == ("JobStarted", "JobEnded", "done")
    assert cli.run(["jobs", "list", "--json"]) == 0
    (listed,) = json.loads(capfd.readouterr().out)
    assert (listed["id"], listed["state"]) == (job.id, "done")
    assert listed["best_held_out"] < listed["first_held_out"]
    assert cli.run(["jobs", "show", "last"]) == 0
    shown = capfd.readouterr().out
    assert "All 10 steps are done" in " ".join(shown.split())
    assert cli.run(["jobs", "show", job.id, "--json"]) == 0
    assert [json.loads(line)["type"] for line in capfd.readouterr().out.splitlines()][-1] == "JobEnded"
    for command in ("resume", "cancel"):
        assert cli.run(["jobs", command, "last"]) == 1
        assert "ended" in capfd.readouterr().err


def test_a_running_job_is_cancelled_from_elsewhere(tiny_model, data, capfd):
    job = small_job(tiny_model, data, "training.steps=100000", "watch.evaluations=1")
    command = [*COMPANION, "jobs", "resume", job.id, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    next(line for line in process.stdout if '"StepDone"' in line)
    assert cli.run(["jobs", "cancel", job.id]) == 0
    assert "It was ended early, after step" in capfd.readouterr().out
    assert job.worker() == 0, "the command waits until the job has ended"
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert 0 < job.summary().step < 100_000, "not because all steps were done"
    assert (job.output / "small.gguf").is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fine-tune"], "nothing to learn from"),
        (["fine-tune", "--data", "/gone/a.jsonl"], "/gone/a.jsonl"),
        (["fine-tune", "--data", "DATA", "/gone/b.jsonl"], "/gone/b.jsonl"),
        (["fine-tune", "--data", "DATA", "--model", "/gone/m.gguf"], "m.gguf"),
        (["fine-tune", "--data", "DATA", "--model", "MODEL", "--preset", "eternal"], "quick, balanced, thorough"),
        (["fine-tune", "--data", "DATA", "--model", "MODEL", "--set", "training.epoch=3"], "epochs"),
        (["fine-tune", "--data", "DATA", "--model", "MODEL", "--set", "adapter.rank=9999"], "512"),
        (["fine-tune", "--data", "DATA", "--model", "MODEL", "--recipe", "/gone/r.toml"], "r.toml"),
        (["fine-tune", "--data", "DATA", "--model", "MODEL", "--character", "Nobody"], "Nobody"),
        (["fine-tune", "--data", "DATA", "--model", "MODEL", "--output", "MODEL"], "there already"),
        (["fine-tune", "--data", "DATA", "--model", "MODEL", "--output", "DATA"], "there already"),
        (["fine-tune", "--data", "DATA", "--model", "MODEL", "--output", "/proc/a.gguf"], "/proc"),
        (["fine-tune", "--data", "DATA", "--model", "MODEL", "--output", f"/tmp/{'a' * 250}.gguf"], "too long"),
        (["fine-tune", "--data", "DATA", "--model", "MODEL", "--output", "/tmp/x.gguf", "--merge", "/tmp/x.gguf"], "one file"),
        (["fine-tune", "--data", "DATA", "--model", "MODEL", "--set", "training.epohcs=3"], "Did you mean “epochs”?"),
        (["jobs", "show", "nonsense"], "no job “nonsense”"),
        (["jobs", "resume", "last"], "no job “last”"),
    ],
)
def test_mistakes_are_answered_in_a_sentence_and_leave_no_job(arguments, sentence, tiny_model, data, capfd):
    places = {"DATA": str(data), "MODEL": str(tiny_model)}
    assert cli.run([places.get(argument, argument) for argument in arguments]) == 1
    assert sentence in capfd.readouterr().err
    assert all_jobs() == []


def test_a_recipe_file_the_preset_and_single_values_come_together(tiny_model, data, tmp_path, monkeypatch):
    from companion.commands import fine_tune

    made = []
    monkeypatch.setattr(fine_tune, "run_job", lambda job, as_json: made.append(job) or 0)
    file = tmp_path / "recipe.toml"
    file.write_text('kind = "fine-tune"\nname = "hers"\n[training]\nepochs = 7\n[adapter]\nrank = 4\n')
    arguments = ["--data", str(data), "--data", str(data), str(data), "--model", str(tiny_model), "--character", "hoshi"]
    assert cli.run(["fine-tune", *arguments, "--recipe", str(file), "--preset", "quick", "--set", "adapter.rank=6"]) == 0
    recipe = made[0].recipe()
    assert isinstance(recipe, FineTune)
    assert len(recipe.data_files) == 3
    assert (recipe.training.epochs, recipe.adapter.rank, recipe.watch.evaluations) == (7, 6, 3)
    assert (recipe.name, recipe.character, recipe.model) == ("hers", "Hoshi", str(tiny_model))
    assert made[0].order().output == str(data_folder() / "adapters" / "hers.gguf")


def test_what_is_told_of_a_file_is_in_words_and_units():
    metrics = {
        "held_out_loss_before": 2.0,
        "held_out_loss": 1.5,
        "seconds": 68.0,
        "peak_memory_bytes": 6.6e8,
        "of_another_version": 0.1,
    }
    (told, measured) = lines(OutputWritten(file="/a/b.gguf", kind="adapter", metrics=metrics))
    assert "/a/b.gguf" in told
    assert "held-out loss 2.000 before, 1.500 after, 1 min of work, 660 MB of memory at most" in measured
    assert len(lines(OutputWritten(file="/a/rate.svg", kind="report", metrics={}))) == 1
    ready = DataReady(dialogues=1, held_out=0, tokens=9, supervised_tokens=3, fingerprint="")
    assert lines(ready) == ["1 dialogue to learn from, 0 held out; 9 tokens, 3 of them learned."]


def test_nothing_is_said_of_the_time_left_before_the_first_step(tiny_model, data, capfd):
    job = small_job(tiny_model, data)
    lock = JobLock(job.lock_file)
    assert lock.acquire()
    assert cli.run(["jobs", "show", "last"]) == 0
    lock.release()
    said = capfd.readouterr().out
    assert f"End it with: companion jobs cancel {job.id}" in " ".join(said.split())
    assert "left" not in said


def test_the_command_itself_does_without_torch():
    script = "import sys, companion.commands.fine_tune, companion.commands.jobs; print({'torch', 'llama_cpp'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"


def test_a_damaged_job_does_not_hide_the_others(tiny_model, data, capfd):
    good, bad = (small_job(tiny_model, data) for _ in range(2))
    bad.recipe_file.write_text("{")
    work_here(good)
    assert cli.run(["jobs", "list"]) == 0
    said = capfd.readouterr()
    assert (said.err, "done" in said.out, bad.id in said.out) == ("", True, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fine-tune", "--data"], "“--data” needs a value. “companion fine-tune --help” shows how it is written.\n"),
        (["pretrain", "--preset"], "“--preset” needs a value. “companion pretrain --help” shows how it is written.\n"),
        (["data", "split", "x", "--folds"], "“--folds” needs a value. “companion data split --help” shows how it is written.\n"),
        (["fine-tune", "--nope"], "“companion fine-tune --help” shows how it is written.\n"),
        (["jobs", "show"], "“companion jobs show --help” shows how it is written.\n"),
    ],
)
def test_a_mistyped_line_is_answered_in_a_sentence(arguments, sentence, capfd):
    assert cli.run(arguments) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.endswith(sentence)
    assert len(said.err.splitlines()) == 1


def test_the_help_names_what_more_can_be_typed(capfd):
    assert cli.run(["fine-tune", "--help"]) == 0
    assert "companion fine-tune [OPTIONS] [FILE]..." in capfd.readouterr().out


def test_a_job_of_another_version_is_listed_shown_resumed_and_cancelled(tiny_model, data, capfd):
    resumed, cancelled = (small_job(tiny_model, data, "training.steps=2", "watch.samples=0") for _ in range(2))
    for job in (resumed, cancelled):
        told = json.loads(job.recipe_file.read_bytes())
        told["training"]["epoch_count"] = told["training"].pop("epochs")
        job.recipe_file.write_text(json.dumps(told))
    assert cli.run(["jobs", "list", "--json"]) == 0
    assert all("“training.epoch_count”" in job["notes"][0] for job in json.loads(capfd.readouterr().out))
    assert cli.run(["jobs", "show", resumed.id]) == 0
    assert "“training.epoch_count”" in capfd.readouterr().out
    assert cli.run(["jobs", "resume", resumed.id, "--json"]) == 0
    said = capfd.readouterr()
    assert "“training.epoch_count”" in said.err
    assert json.loads(said.out.splitlines()[-1])["state"] == "done"
    assert cli.run(["jobs", "cancel", cancelled.id]) == 0
    assert cancelled.summary().state == "cancelled"


@pytest.mark.parametrize(
    "damage",
    [
        lambda job: job.recipe_file.write_text("{"),
        lambda job: job.recipe_file.write_bytes(b"\xff\x00" * 9),
        lambda job: job.recipe_file.write_text(job.recipe_file.read_text().replace("adamw", "no-longer-there")),
        lambda job: (job.events_file.write_bytes(b'{"type":\xff\n\x00\n'), job.recipe_file.unlink()),
        lambda job: job.order_file.write_text("[]"),
    ],
    ids=["cut", "binary", "of another version", "without a recipe", "order"],
)
def test_a_damaged_job_can_be_listed_shown_and_cancelled_and_resume_says_why_not(damage, tiny_model, data, capfd):
    job = small_job(tiny_model, data)
    damage(job)
    assert cli.run(["jobs", "list"]) == 0
    assert job.id in capfd.readouterr().out
    assert cli.run(["jobs", "show", job.id]) == 0
    shown = capfd.readouterr().out
    assert job.id in shown
    assert cli.run(["jobs", "resume", job.id]) == 1
    said = capfd.readouterr()
    assert "Start a new job." in said.out + said.err
    assert "Something went wrong" not in said.out
    assert cli.run(["jobs", "cancel", job.id]) == 0
    assert "cancelled" in capfd.readouterr().out
    assert job.summary().state == "cancelled"


def test_what_was_said_in_the_app_can_be_learned_from(tiny_model, capfd):
    store = Store(database_file())
    talk = store.create_conversation(character="", character_name="Hoshi", greetings=["Come in."], title="Stars")
    parent = talk.active
    for role, text in (("user", "Hi, I'm Ana."), ("assistant", "Hello, Ana."), ("user", "Who?"), ("assistant", "You.")):
        parent = store.add_message(talk.id, parent=parent, role=role, text=text, model="tiny").id
    store.set_feedback(parent, 1)
    store.close()
    job = ["fine-tune", "--data", f"conversation:{talk.id}", "--model", str(tiny_model), *CHANGES]
    assert cli.run(job) == 0, capfd.readouterr().err
    assert read_adapter(data_folder() / "adapters" / f"conversation-{talk.id}.gguf").rank > 0


def test_an_adapter_names_the_files_it_was_made_from_and_no_folder(tiny_model, data, tmp_path):
    job = small_job(tiny_model, data, "training.steps=1", output=str(tmp_path / "voice.gguf"))
    work_here(job)
    info = read_adapter(tmp_path / "voice.gguf")
    told = json.loads(info.recipe)
    assert (told["model"], told["data_files"]) == (tiny_model.name, [data.name])
    assert str(data.parent) not in info.recipe
    assert info.dataset_files == (file_sha256(data),)


def test_a_job_that_fails_says_so_on_stderr_only(tiny_model, tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    command = [*COMPANION, "fine-tune", "--data", str(empty), "--model", str(tiny_model)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "“empty.jsonl” is empty." in done.stderr
    assert "empty." not in done.stdout


def test_a_job_is_deleted_unless_it_runs(tiny_model, data, capsys):
    job = small_job(tiny_model, data)
    lock = JobLock(job.lock_file)
    assert lock.acquire()
    (job.path / "events.jsonl").write_text('{"type":"JobStarted","pid":1,"time":1.0}\n')
    assert cli.run(["jobs", "delete", job.id]) == 1
    assert "End it first" in capsys.readouterr().err
    lock.release()
    assert cli.run(["jobs", "delete", job.id]) == 0
    assert not job.path.exists()
    assert f"Deleted {job.id}" in capsys.readouterr().out
