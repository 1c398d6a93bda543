"""The ladder: checked in a child, remembered, and walked down when a rung fails."""

from __future__ import annotations

import sys

import pytest

from companion.commands.doctor import doctor
from companion.core.errors import ModelError
from companion.core.messages import LoadOptions
from companion.engine import ladder as ladder_module
from companion.engine.ladder import Ladder, rungs
from companion.llama.busy import BusyCore
from companion.llama.plan import all_plans, plan_file


@pytest.fixture
def stages() -> list[str]:
    return []


def test_the_first_use_checks_and_measures_and_the_second_remembers(fresh_cache, tiny_model, stages):
    ladder = Ladder()
    first = ladder.plan(tiny_model, 2, LoadOptions(), (), lambda stage, _fraction: stages.append(stage))
    assert {"checking", "measuring"} <= set(stages)
    assert first.rung == "cpu"
    assert "agrees with the plain CPU path" in first.health
    assert first.measurement.threads in {speed.threads for speed in first.measurement.speeds}
    stages.clear()
    assert ladder.plan(tiny_model, 2, LoadOptions(), (), lambda stage, _fraction: stages.append(stage)) == first
    assert not stages
    assert all_plans() == [first]


def test_what_was_measured_beside_another_program_is_used_and_measured_again_in_a_quiet_moment(
    fresh_cache, tiny_model, stages, monkeypatch, capsys
):
    def told(stage, _fraction):
        stages.append(stage)

    with BusyCore():
        ladder = Ladder()
        first = ladder.plan(tiny_model, 2, LoadOptions(), (), told)
        assert first.is_provisional
        assert all_plans() == [first]
        stages.clear()
        assert ladder.plan(tiny_model, 2, LoadOptions(), (), told) == first
        assert Ladder().plan(tiny_model, 2, LoadOptions(), (), told) == first, "it is still busy"
        assert not stages
    doctor(as_json=False)
    assert "the next quiet start measures again" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setattr(ladder_module, "cores_of_others", lambda _seconds: 0.0)
    Ladder().plan(tiny_model, 2, LoadOptions(), (), told)
    assert "measuring" in stages


def test_a_rung_that_crashed_later_is_left_out(fresh_cache, tiny_model):
    plan = Ladder().plan(tiny_model, 2, LoadOptions(), ("cpu",), lambda *_: None)
    assert plan.rung == "cpu-plain"
    assert any("crashed while answering" in sentence for sentence in plan.failed)
    assert not plan.extra_buffers


def test_a_damaged_plan_is_made_again(fresh_cache, tiny_model):
    plan_file(tiny_model).parent.mkdir()
    plan_file(tiny_model).write_text("{broken")
    assert Ladder().plan(tiny_model, 2, LoadOptions(), (), lambda *_: None).rung == "cpu"


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed inside llama.cpp"),
        ("import os; os.abort()", "crashed inside llama.cpp"),
        ("import sys; sys.exit(3)", "ended unexpectedly"),
        ("import time; time.sleep(60)", "stopped responding"),
        ('print(\'{"type":"CheckFailed","what":"the model computes nonsense there"}\')', "nonsense"),
    ],
)
def test_a_crash_a_hang_or_nonsense_on_every_rung_is_one_error_that_tells_them_all(
    fresh_cache, tiny_model, monkeypatch, script, sentence
):
    monkeypatch.setattr(ladder_module, "HANG_SECONDS", 0.7)
    monkeypatch.setattr(ladder_module, "worker_command", lambda *_: [sys.executable, "-c", script])
    with pytest.raises(ModelError) as refusal:
        Ladder().plan(tiny_model, 2, LoadOptions(), (), lambda *_: None)
    assert refusal.value.what.count(sentence) == 2, "once for each rung"


def test_the_gpu_comes_first_where_there_is_one_and_can_be_turned_off(monkeypatch):
    monkeypatch.setattr(ladder_module, "supports_gpu", lambda: True)
    assert [r.name for r in rungs(30, LoadOptions())] == ["gpu", "gpu-half", "cpu", "cpu-plain"]
    assert [r.gpu_layers for r in rungs(30, LoadOptions())] == [-1, 15, 0, 0]
    assert [r.gpu_layers for r in rungs(30, LoadOptions(gpu_layers=10))] == [10, 5, 0, 0]
    assert [r.name for r in rungs(30, LoadOptions(gpu_layers=0))] == ["cpu", "cpu-plain"]
