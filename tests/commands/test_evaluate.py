"""`companion evaluate` and `companion compare` as a person types them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from companion import cli
from companion.commands import subjects
from companion.commands.evaluate import with_suite
from companion.core.errors import CompanionError
from companion.core.job_folder import all_jobs
from companion.core.report_file import read_report
from companion.core.settings import Settings
from companion.core.suites import suites
from tests import tiny_adapters, tiny_models
from tests.workshop.recipes.small_evaluations import write_suite
from tests.workshop.small_jobs import write_dialogues

COMPANION = [sys.executable, "-P", "-m", "companion"]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_dialogues(tmp_path_factory.mktemp("dialogues") / "talks.jsonl")


@pytest.fixture(scope="module")
def suite(tmp_path_factory) -> Path:
    return write_suite(tmp_path_factory.mktemp("suites") / "small.toml")


@pytest.fixture(scope="module")
def adapter(talkative_model, tmp_path_factory) -> Path:
    return tiny_adapters.write_adapter(tmp_path_factory.mktemp("adapters") / "voice.gguf", talkative_model)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMPANION, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)


def test_an_adapter_is_measured_against_its_model_and_the_verdict_is_the_last_line(
    talkative_model, adapter, data, suite, tmp_path
):
    files = tmp_path / "r.json", tmp_path / "r.html"
    asked = ["evaluate", "--suite", suite, "--model", talkative_model, "--adapter", adapter, "--data", data]
    done = run(*asked, "--json", files[0], "--html", files[1])
    assert (done.returncode, done.stderr) == (0, "")
    report = read_report(files[0])
    assert [len(one.subject.adapters) for one in report.measured] == [0, 1]
    assert done.stdout.splitlines()[-1] == report.verdict
    assert report.verdict in files[1].read_text(encoding="utf-8").replace("&#39;", "'")
    assert report.command.startswith("companion evaluate --suite")
    again = run(*asked, "--alone", "--json", files[0])
    assert again.returncode == 0, "a report may take the place of a report"
    assert len(read_report(files[0]).measured) == 1


def test_reports_are_compared_without_measuring_anew(tiny_model, talkative_model, data, suite, tmp_path, capfd):
    for name, model in (("a", tiny_model), ("b", talkative_model)):
        assert (
            cli.run(
                [
                    "evaluate",
                    "--suite",
                    str(suite),
                    "--model",
                    str(model),
                    "--data",
                    str(data),
                    "--json",
                    str(tmp_path / f"{name}.json"),
                ]
            )
            == 0
        )
    jobs = len(all_jobs())
    assert (
        cli.run(
            [
                "compare",
                str(tiny_model),
                str(talkative_model),
                "--suite",
                str(suite),
                "--data",
                str(data),
                "--json",
                str(tmp_path / "c.json"),
            ]
        )
        == 0
    )
    assert cli.run(["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--json", str(tmp_path / "d.json")]) == 0
    assert len(all_jobs()) == jobs + 1
    measured, paired = read_report(tmp_path / "c.json"), read_report(tmp_path / "d.json")
    shared = {one.key for one in paired.comparisons}
    assert shared
    told = [(one.key, one.a_value, one.b_value, one.difference) for one in measured.comparisons if one.key in shared]
    assert told == [(one.key, one.a_value, one.b_value, one.difference) for one in paired.comparisons]
    assert capfd.readouterr().out.splitlines()[-1] == paired.verdict


def test_when_the_process_dies_the_finished_part_is_shown_and_marked(talkative_model, data, suite, tmp_path, monkeypatch):
    monkeypatch.setenv("GGML_NO_BACKTRACE", "1")
    crashing = tiny_models.write_crashing(tmp_path / "crashing.gguf", at="decode")
    done = run("compare", talkative_model, crashing, "--suite", suite, "--data", data)
    assert done.returncode == 1
    assert "SIGABRT" in done.stderr
    (job,) = all_jobs()
    assert f"companion jobs resume {job.id}" in done.stderr
    report = read_report(job.output / "report.json")
    assert not report.finished
    assert [one.subject.name for one in report.measured] == ["talkative"]
    assert done.stdout.splitlines()[-1] == report.verdict
    assert "ended early" in report.verdict


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate", "--suite", "eternal"], "quick, standard, full"),
        (["evaluate", "--suite", "BAD_METRIC"], "unknown field: “likelihood.perplexities”"),
        (["evaluate", "--suite", "BAD_TABLE"], "unknown field: “bleu”"),
        (["evaluate", "--suite", "BAD_FILE"], "“gone.txt” is not there"),
        (["evaluate", "--suite", "DATA"], "not TOML"),
        (["evaluate", "--model", "/gone/m.gguf"], "m.gguf"),
        (["evaluate", "--model", "MODEL", "--adapter", "MODEL"], "no adapter"),
        (["evaluate", "--model", "MODEL", "--data", "/gone/d.jsonl"], "/gone/d.jsonl"),
        (["evaluate", "--model", "MODEL", "--set", "replies.tokns=3"], "Did you mean “tokens”?"),
        (["evaluate", "--model", "MODEL", "--reference", "/gone/r.gguf"], "r.gguf"),
        (["evaluate", "--model", "MODEL", "--json", "DATA"], "there already"),
        (["evaluate", "--model", "MODEL", "--json", "/tmp/x.json", "--html", "/tmp/x.json"], "one file"),
        (["compare", "MODEL"], "two or more"),
        (["compare", "MODEL", "MODEL"], "named twice"),
        (["compare", "MODEL", "/gone/r.json"], "with reports only"),
        (["compare", "/gone/a.json", "/gone/b.json"], "a.json"),
        (["compare", "MODEL:0.5", "OTHER"], "has no scale"),
        (["compare", "MODEL+", "OTHER"], "behind the “+”"),
    ],
)
def test_mistakes_are_answered_in_a_sentence_and_leave_no_job(
    arguments, sentence, tiny_model, talkative_model, data, tmp_path, capfd
):
    bad = {
        "BAD_METRIC": "[likelihood]\nperplexities = 3\n",
        "BAD_TABLE": "[bleu]\nenabled = true\n",
        "BAD_FILE": '[likelihood]\ntext_files = ["gone.txt"]\n',
    }
    for name, text in bad.items():
        (tmp_path / name).write_text(text)
    places = {"DATA": str(data), "OTHER": str(talkative_model)} | {name: str(tmp_path / name) for name in bad}

    def place(text: str) -> str:
        return places.get(text, text.replace("MODEL", str(tiny_model)))

    assert cli.run([place(argument) for argument in arguments]) == 1
    assert sentence in capfd.readouterr().err
    assert all_jobs() == []


def test_a_subject_is_named_as_a_model_an_adapter_or_both(talkative_model, adapter, tmp_path):
    settings = Settings(model=str(talkative_model))
    model, voice = str(talkative_model), str(adapter)
    assert subjects.parse(model, settings) == (model,)
    assert subjects.parse(f"{model}+{voice}", settings) == (model, f"{voice}:1")
    assert subjects.parse(f"{model}+{voice}:0.5+{voice}:-1", settings) == (model, f"{voice}:0.5", f"{voice}:-1")
    assert subjects.parse(voice, settings) == (model, f"{voice}:1")
    assert subjects.parse(f"{voice}:0.5", settings) == (model, f"{voice}:0.5")
    plus = tmp_path / "a+b.gguf"
    plus.write_bytes(talkative_model.read_bytes())
    assert subjects.parse(f"{plus}+{voice}", settings) == (str(plus), f"{voice}:1")
    assert Path(subjects.parse("starter", settings)[0]).name.startswith("SmolLM2")
    for wrong in ("", "+", "/gone.gguf", f"{model}+/gone.gguf"):
        with pytest.raises(CompanionError):
            subjects.parse(wrong, settings)


@pytest.mark.parametrize("name", ["quick", "standard", "full"])
def test_the_suites_that_are_shipped_are_sound(name):
    assert name in suites()
    assert with_suite(name, [], []).suite == name
