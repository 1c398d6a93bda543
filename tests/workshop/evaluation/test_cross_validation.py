"""Cross-validation of a fine-tuning: real small jobs, an interval that knows the folds are alike, and work that is kept."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections import Counter

import msgspec
import numpy as np
import pytest
from scipy import stats

from companion import cli
from companion.core.job import JobOrder
from companion.core.job_folder import all_jobs, create_job
from companion.core.recipes.files import write_recipe
from companion.core.report import Report
from companion.workshop.data.sources.reading import read_all
from companion.workshop.evaluation.cross_validation import FoldResult, corrected_interval, lay_out, measured, section
from companion.workshop.evaluation.folds import Scheme
from tests.workshop.small_jobs import small_recipe, work_here

COMPANION = [sys.executable, "-P", "-m", "companion"]


@pytest.fixture
def recipe_file(tiny_model, dialogues, tmp_path):
    path = tmp_path / "small.toml"
    write_recipe(path, small_recipe(tiny_model, dialogues, "training.epochs=1", "watch.evaluations=1", "watch.samples=0"))
    return path


def results(gains, learned=40, held_out=10):
    return [
        FoldResult(number=number, learned=learned, held_out=held_out, tokens=100, before=3.0, after=3.0 - gain)
        for number, gain in enumerate(gains, 1)
    ]


def test_folds_are_laid_out_once_and_measure_everything(tiny_model, dialogues, tmp_path):
    recipe = small_recipe(tiny_model, dialogues)
    plan = lay_out(recipe, Scheme(folds=4), tmp_path)

    def talks(*files):
        return Counter(found.dialogue.messages for found in read_all(map(str, files)))

    assert talks(*(fold.held_out_file for fold in plan.folds)) == talks(dialogues)
    for fold in plan.folds:
        assert talks(fold.train_file, fold.held_out_file) == talks(dialogues)
        assert not talks(fold.train_file) & talks(fold.held_out_file)
    assert lay_out(recipe, Scheme(folds=4), tmp_path).folder == plan.folder
    assert lay_out(recipe, Scheme(folds=5), tmp_path).folder != plan.folder
    assert lay_out(small_recipe(tiny_model, dialogues, "adapter.rank=2"), Scheme(folds=4), tmp_path).folder != plan.folder


def test_the_interval_is_wider_than_if_folds_were_independent():
    gains = np.array([0.3, 0.25, 0.4, 0.35, 0.2])
    found = corrected_interval(gains, 10 / 40, 0.95)
    half = stats.t.ppf(0.975, 4) * math.sqrt((1 / 5 + 1 / 4) * gains.var(ddof=1))
    assert (found.low, found.high) == pytest.approx((gains.mean() - half, gains.mean() + half))
    naive = stats.t.interval(0.95, 4, gains.mean(), gains.std(ddof=1) / math.sqrt(5))
    assert found.high - found.low > 1.4 * (naive[1] - naive[0])


def test_a_section_holds_mean_spread_and_every_fold():
    found = section(results([0.3, 0.25, 0.4, 0.35, 0.2]), Scheme(folds=5))
    told = {metric.key: metric for metric in found.metrics}
    assert told["cross_validation.gain"].value == pytest.approx(0.3)
    assert told["cross_validation.gain"].interval.low > 0
    assert told["cross_validation.spread"].value == pytest.approx(np.std([0.3, 0.25, 0.4, 0.35, 0.2], ddof=1))
    assert [row[0] for row in found.tables[0].rows] == ["1", "2", "3", "4", "5"]
    assert any("Nadeau" in note for note in found.notes)


def test_one_fold_alone_has_no_interval_and_none_no_section():
    told = {metric.key: metric for metric in section(results([0.3]), Scheme()).metrics}
    assert told["cross_validation.gain"].interval is None
    assert told["cross_validation.gain"].why
    assert told["cross_validation.spread"].value is None
    assert section([], Scheme()).state == "skipped"


def test_the_command_trains_every_fold_once_and_says_what_it_comes_to(recipe_file, capfd, tmp_path):
    command = ["evaluate", "--cross-validate", str(recipe_file), "--folds", "2", "--json", str(tmp_path / "cv.json")]
    assert cli.run(command) == 0
    said = " ".join(capfd.readouterr().out.split())
    assert "Fold 2 of 2" in said
    assert said.endswith("beyond chance.")
    report = msgspec.json.decode((tmp_path / "cv.json").read_bytes(), type=Report)
    told = report.measured[0].metrics()
    assert report.finished
    assert told["cross_validation.gain"].value > 0, "simple words are soon learned"
    assert len(all_jobs()) == 2
    assert cli.run(command) == 0
    assert "Fold 1" not in capfd.readouterr().out, "what is finished is not trained again"
    assert len(all_jobs()) == 2
    again = msgspec.json.decode((tmp_path / "cv.json").read_bytes(), type=Report)
    assert again.measured == report.measured


def test_a_fold_is_measured_without_and_with_what_was_learned(tiny_model, dialogues, tmp_path):
    recipe = small_recipe(tiny_model, dialogues, "watch.samples=0")
    plan = lay_out(recipe, Scheme(folds=4), tmp_path)
    fold = plan.folds[0]
    job = create_job(plan.recipe_of(fold), JobOrder())
    work_here(job)
    (adapter,) = job.output.glob("*.gguf")
    found = measured(plan, fold, adapter, 1.0)
    assert found.after < found.before, "simple words are soon learned"
    assert (found.learned, found.held_out) == (fold.learned, fold.held_out)
    assert fold.result() is None
    fold.keep(found)
    assert fold.result() == found
    fold.result_file.write_text("{")
    assert fold.result() is None, "a damaged result is measured again"
    torch_sees = job.summary().first_held_out
    assert found.before == pytest.approx(torch_sees, rel=0.1), "other dialogues of the same kind, in torch"


def test_ctrl_c_keeps_finished_folds_and_says_how_to_go_on(recipe_file):
    command = [*COMPANION, "evaluate", "--cross-validate", str(recipe_file), "--folds", "2", "--set", "training.steps=30"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    for line in process.stdout:
        if line.startswith("Fold 2"):
            break
    for line in process.stdout:
        if line.startswith("step 1 of"):
            process.send_signal(signal.SIGINT)
            break
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "1 of 2 folds are finished; the same command goes on from here." in errors
    assert [job.summary().state for job in all_jobs()].count("interrupted") == 1
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Fold 1" not in done.stdout
    assert {job.summary().state for job in all_jobs()} == {"done"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--cross-validate", "/gone/recipe.toml"], "recipe.toml"),
        (["--cross-validate", "RECIPE", "--folds", "500"], "cannot be divided into 500 folds"),
        (["--cross-validate", "RECIPE", "--data", "/gone/a.jsonl"], "/gone/a.jsonl"),
    ],
)
def test_mistakes_are_answered_in_a_sentence_and_leave_no_job(arguments, sentence, recipe_file, capfd):
    assert cli.run(["evaluate", *(str(recipe_file) if each == "RECIPE" else each for each in arguments)]) == 1
    assert sentence in capfd.readouterr().err
    assert all_jobs() == []
