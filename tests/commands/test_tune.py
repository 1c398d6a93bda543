"""`companion tune` as a person types it: real processes, a small model, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import msgspec
import psutil
import pytest

from companion import cli
from companion.core.hardware import usable_threads
from companion.llama.plan import all_plans
from companion.llama.tuned import Tuned
from tests.tiny_models import write_tiny_llama

COMPANION = [sys.executable, "-P", "-m", "companion"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "small.gguf"
    return write_tiny_llama(path, width=256, heads=4, kv_heads=2, context=4096, ends=False)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMPANION, *arguments], capture_output=True, text=True, timeout=300, check=False)


def test_it_prints_what_was_found_as_json_and_keeps_it_when_the_machine_was_quiet(fresh_cache, model):
    done = run("tune", "--quick", "--json", "--model", str(model))
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    found = msgspec.convert(facts["tuned"], Tuned)
    assert {choice.name for choice in found.choices} >= {"threads", "context", "guessing ahead"}
    assert [plan.tuned for plan in all_plans() if plan.tuned] == ([found] if facts["kept"] else [])
    assert bool(facts["notice"]) is not facts["kept"]


def test_it_prints_tables_and_the_doctor_shows_the_choice_again(fresh_cache, model, monkeypatch, capsys):
    monkeypatch.setattr("companion.llama.tuned.Tuned.is_disturbed", False)
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setattr("companion.llama.measure.Measurement.was_disturbed", False)
    assert cli.run(["tune", "--quick", "--model", str(model)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    has_more = usable_threads() > 1  # there is nothing to choose for a busy core with one thread
    for words in (
        "what was tried",
        "What was chosen",
        *(["one core busy"] if has_more else []),
        "finds no graphics card",
        "Kept after",
    ):
        assert words in shown
    told = " ".join(run("doctor").stdout.split())
    assert "It was tuned since, and runs so:" in told
    assert ("threads beside a busy core" in told) is has_more


def test_what_was_found_on_a_busy_machine_is_not_kept(fresh_cache, model, monkeypatch, capsys):
    monkeypatch.setattr("companion.llama.tuned.Tuned.is_disturbed", True)
    assert cli.run(["tune", "--quick", "--model", str(model)]) == 0
    assert "this was not kept" in " ".join(capsys.readouterr().out.split())
    assert all(plan.tuned is None for plan in all_plans())


@pytest.mark.skipif(os.name != "posix", reason="sends the signal of Ctrl+C")
def test_ctrl_c_leaves_nothing_behind(fresh_cache, model):
    command = [*COMPANION, "tune", "--json", "--model", str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 120
        while not _searching(running.pid) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert _searching(running.pid)
        running.send_signal(signal.SIGINT)
        out, error = running.communicate(timeout=20)
    assert running.returncode == 130
    assert out == b""
    assert b"Traceback" not in error
    assert all(plan.tuned is None for plan in all_plans())


def _searching(pid: int) -> bool:
    """Whether the process that searches has begun."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return any("tuning" in child.cmdline() for child in psutil.Process(pid).children())
    return False


def test_a_file_that_is_no_model_is_a_sentence(tmp_path):
    (tmp_path / "no.gguf").write_text("nothing")
    done = run("tune", "--model", str(tmp_path / "no.gguf"))
    assert done.returncode == 1
    assert "“no.gguf”" in done.stderr
    other = write_tiny_llama(tmp_path / "other.gguf", vocabulary=300)
    small = write_tiny_llama(tmp_path / "small.gguf")
    done = run("tune", "--model", str(small), "--draft", str(other))
    assert done.returncode == 1
    assert "different vocabularies" in done.stderr
