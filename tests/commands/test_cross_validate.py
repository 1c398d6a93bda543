"""`companion evaluate --cross-validate`: one job like every other, and the report at its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from companion import cli
from companion.core.job_folder import all_jobs
from companion.core.recipes.files import write_recipe
from companion.core.report import Report
from tests.small_recipes import small_recipe, write_dialogues

COMPANION = [sys.executable, "-P", "-m", "companion"]


@pytest.fixture
def recipe_file(tiny_model: Path, tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    data = write_dialogues(tmp_path / "dialogues.jsonl")
    write_recipe(path, small_recipe(tiny_model, data, "training.steps=20", "watch.evaluations=1", "watch.samples=0"))
    return path


def test_one_job_carries_out_every_fold_and_the_verdict_is_the_last_line(recipe_file, capfd, tmp_path):
    command = ["evaluate", "--cross-validate", str(recipe_file), "--folds", "2", "--json", str(tmp_path / "cv.json")]
    assert cli.run(command) == 0
    said = " ".join(capfd.readouterr().out.split())
    assert "2 of 2: Fold 2: learned from 12 dialogues, held-out loss " in said
    report = msgspec.json.decode((tmp_path / "cv.json").read_bytes(), type=Report)
    assert said.endswith(report.verdict)
    assert report.finished
    assert report.measured[0].metrics()["cross_validation.gain"].value > 0, "simple words are soon learned"
    (job,) = all_jobs()
    assert (job.summary().kind, job.summary().state) == ("cross-validation", "done")
    assert cli.run(["jobs", "show", "last"]) == 0
    assert "cross-validation, done, 2 of 2 folds" in capfd.readouterr().out


def test_ctrl_c_pauses_the_job_which_is_resumed_like_every_other(recipe_file):
    process = subprocess.Popen(
        [*COMPANION, "evaluate", "--cross-validate", str(recipe_file), "--folds", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    for line in process.stdout:
        if line.startswith("Fold 2 of 2: learning"):
            process.send_signal(signal.SIGINT)
            break
    out, _ = process.communicate(timeout=300)
    (job,) = all_jobs()
    assert process.returncode == 130
    assert "1 of 2 folds is finished. Go on with: companion jobs resume" in " ".join(out.split())
    done = subprocess.run([*COMPANION, "jobs", "resume", job.id], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "Fold 1 of 2" not in done.stdout
    assert "over 2 folds the held-out loss falls" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "sentence", "jobs"),
    [
        (["/gone/recipe.toml"], "recipe.toml", 0),
        (["RECIPE", "--data", "/gone/a.jsonl"], "/gone/a.jsonl", 0),
        (["RECIPE", "--json", "one.json", "--html", "one.json"], "cannot be one file", 0),
        (["RECIPE", "--folds", "500"], "24 independent dialogues cannot be divided into 500 folds", 1),
    ],
)
def test_mistakes_are_answered_in_a_sentence(arguments, sentence, jobs, recipe_file, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = [str(recipe_file) if each == "RECIPE" else each for each in arguments]
    assert cli.run(["evaluate", "--cross-validate", *named]) == 1
    assert sentence in capfd.readouterr().err
    assert len(all_jobs()) == jobs
