"""`companion distill` as a person types it; the job is a real process on tiny models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from companion import cli
from companion.commands import distill
from companion.commands.job_view import lines
from companion.core.gguf.header import read_header
from companion.core.job import Evaluated, OutputWritten
from companion.core.job_folder import all_jobs
from companion.core.paths import data_folder, settings_file
from companion.core.recipes.distill import Distill
from companion.core.settings import Settings, save_settings
from tests.tiny_models import write_tiny_llama
from tests.workshop.small_jobs import QUICK, write_dialogues

COMPANION = [sys.executable, "-P", "-m", "companion"]
CHANGES = [part for change in QUICK for part in ("--set", change)]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("models") / "wise.gguf", layers=4)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_dialogues(tmp_path_factory.mktemp("dialogues") / "talks.jsonl")


def test_one_command_makes_a_student_of_the_model_one_chats_with(teacher, data, capfd):
    save_settings(settings_file(), Settings(model=str(teacher)))
    command = [*COMPANION, "distill", "--data", str(data), "--layers", "2", *CHANGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_header(data_folder() / "models" / "wise-student.gguf").layers == 2
    said = " ".join(done.stdout.split())
    for part in (
        "Making a student of 2 of the teacher’s 4 layers",
        "divergence from the teacher",
        "All 10 steps are done",
        "the teacher’s",
    ):
        assert part in said
    assert cli.run(["jobs", "list"]) == 0
    assert "distill" in capfd.readouterr().out
    assert cli.run(["jobs", "show", "last"]) == 0
    assert "nats per token" in " ".join(capfd.readouterr().out.split())


def test_a_dry_run_says_what_it_would_take_and_leaves_no_job(teacher, data, capfd):
    arguments = ["distill", "--teacher", str(teacher), "--layers", "3", "--data", str(data), "--dry-run", "--json", *CHANGES]
    assert cli.run(arguments) == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    (plan,) = [event for event in events if event["type"] == "PlanMade"]
    assert any("teacher" in sentence for sentence in plan["sentences"])
    assert all_jobs() == []


def test_a_recipe_file_and_what_is_typed_come_together(teacher, data, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(distill, "run_job", lambda job, as_json: made.append(job) or 0)
    student = write_tiny_llama(tmp_path / "small.gguf", layers=1)
    file = tmp_path / "recipe.toml"
    file.write_text('kind = "distill"\n[student]\nlayers = 3\n[distillation]\nhidden = 0.5\n[training]\nepochs = 7\n')
    arguments = ["distill", "--data", str(data), "--teacher", str(teacher), "--recipe", str(file), "--character", "hoshi"]
    assert cli.run([*arguments, "--quick", "--set", "distillation.temperature=3"]) == 0
    assert cli.run([*arguments, "--model", str(student), "--set", "adapter.method=lora"]) == 0
    first, second = (job.recipe() for job in made)
    assert isinstance(first, Distill)
    assert (first.model, first.student.layers, first.teacher, first.character) == ("", 3, str(teacher), "Hoshi")
    assert (first.distillation.hidden, first.distillation.temperature) == (0.5, 3)
    assert (first.training.epochs, first.watch.evaluations) == (7, 3)
    assert (second.model, second.student.layers, second.name) == (str(student), 0, "small-student")
    folders = [Path(job.order().output).parent for job in made]
    assert folders == [data_folder() / "models", data_folder() / "adapters"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--layers", "2"], "nothing to learn from"),
        (["--data", "DATA"], "No student was named"),
        (["--data", "DATA", "--layers", "2", "--model", "TEACHER"], "Two students"),
        (["--data", "DATA", "--model", "/gone/m.gguf"], "m.gguf"),
        (["--data", "DATA", "--layers", "2", "--set", "distillation.temperature=11"], "number from 1 to 10"),
        (["--data", "DATA", "--layers", "2", "--set", "distillation.way=osmosis"], "logits, replies"),
        (["--data", "DATA", "--layers", "2", "--set", "distillation.share=0"], "share of 0"),
        (["--data", "DATA", "--layers", "2", "--character", "Nobody"], "Nobody"),
        (["--data", "DATA", "--layers", "2", "--output", "TEACHER"], "there already"),
        (["--data", "DATA", "--layers", "9"], "4 layers"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(arguments, sentence, teacher, data, capfd):
    places = {"DATA": str(data), "TEACHER": str(teacher)}
    typed = ["distill", "--teacher", str(teacher), *(places.get(argument, argument) for argument in arguments)]
    assert cli.run(typed) == 1
    assert sentence in capfd.readouterr().err
    assert all_jobs() == []


def test_the_teachers_numbers_are_told_in_words():
    metrics = {"held_out_loss": 2.0, "teacher_loss": 1.5, "divergence_before": 2.2, "divergence": 0.3}
    (_, measured) = lines(OutputWritten(file="/a/b.gguf", kind="model", metrics=metrics))
    assert "2.000 after, 1.500 the teacher’s, divergence from the teacher 2.200 before, divergence 0.300" in measured
    assert "divergence from the teacher 0.2500" in lines(Evaluated(step=3, loss=2.0, best=True, divergence=0.25))[0]
    assert "teacher" not in lines(Evaluated(step=3, loss=2.0, best=True))[0]


def test_the_command_itself_does_without_torch():
    script = "import sys, companion.commands.distill; print({'torch', 'llama_cpp'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
