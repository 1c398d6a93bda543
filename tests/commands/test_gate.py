"""`companion gate` as a person types it, with adapters that jobs of a tiny model have really made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from companion import cli
from companion.core.adapter import read_adapter
from companion.core.job import OutputWritten
from companion.core.lineage import training_of, trainings
from companion.core.report_file import read_report
from companion.workshop.evaluation import forgetting
from tests import tiny_adapters, tiny_models
from tests.workshop.small_jobs import ended, of_kind, small_job, work_here, write_dialogues

COMPANION = [sys.executable, "-P", "-m", "companion"]
SMALL = (
    "likelihood.dialogues=24", "likelihood.most_tokens=256", "likelihood.context=64", "replies.dialogues=2", "replies.tokens=4",
    "persona.enabled=false", "safety.enabled=false", "mood.enabled=false", "talk.enabled=false", "overlap.enabled=false",
    "forgetting.dialogues=8", "gate.general=9", "certainty.draws=200",
)  # fmt: skip
CHANGES = [part for change in SMALL for part in ("--set", change)]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return tiny_models.write_tiny_llama(tmp_path_factory.mktemp("base") / "roomy.gguf", context=4096)


def trained(model, data, *changes):
    events = work_here(small_job(model, data, "data.held_out=0.4", *changes))
    assert ended(events).state == "done", ended(events)
    return Path(of_kind(events, OutputWritten)[0].file)


def gate(*arguments):
    command = [*COMPANION, "gate", *map(str, arguments), *CHANGES]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_an_adapter_that_learned_is_adopted_on_what_it_held_back_and_what_came_before_is_measured(model, tmp_path):
    first = trained(model, write_dialogues(tmp_path / "first.jsonl", 30))
    second = trained(model, write_dialogues(tmp_path / "second.jsonl", 40, seed=5), f"start_adapter={first}", "training.epochs=6")
    assert [job.held_out_file.is_file() for job in trainings(second)] == [True, True]
    assert training_of(read_adapter(first)) is not None
    done = gate("--adapter", second, "--model", model, "--quick", "--character", "", "--json", tmp_path / "gate.json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = read_report(tmp_path / "gate.json")
    assert done.stdout.splitlines()[-1] == report.verdict
    assert report.verdict.startswith("Adopt: the loss on your dialogues fell by")
    assert "what it learned earlier" in report.verdict
    assert report.measured[0].subject.adapters[0].name == first.name, "the old one is what it began from"
    assert forgetting.TRANSFER in report.measured[1].metrics()
    back = gate("--adapter", first, "--against", second, "--model", model, "--quick", "--character", "")
    assert back.returncode == 3, back.stdout + back.stderr
    assert back.stdout.splitlines()[-1].startswith("Keep the old one: ")


def test_without_dialogues_of_which_it_is_known_that_it_did_not_learn_them_it_asks_for_some(model, tmp_path, capsys):
    stray = tiny_adapters.write_adapter(tmp_path / "stray.gguf", model)
    assert cli.run(["gate", "--adapter", str(stray), "--model", str(model)]) == 1
    assert "Name some with --data" in capsys.readouterr().err
