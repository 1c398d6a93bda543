"""The engine as the window sees it: a process that may die at any moment and comes back."""

from __future__ import annotations

import os
import signal

import pytest

from companion.app.engine_state import EngineState
from companion.core.messages import LoadOptions, Turn
from companion.core.sampling import Sampling
from tests import tiny_models


def test_loading_goes_through_its_states(desk, qtbot, talkative_model):
    states = []
    desk.engine.state_changed.connect(states.append)
    with qtbot.waitSignal(desk.engine.model_ready, timeout=30_000) as ready:
        desk.engine.load(str(talkative_model), LoadOptions(context_tokens=256))
    assert states == [EngineState.LOADING, EngineState.READY]
    assert ready.args[0].context_tokens == 256


@pytest.mark.parametrize("kind", ["crashes", "unknown"])
def test_a_model_that_cannot_be_loaded_is_said_and_the_previous_one_is_back(ready, qtbot, tmp_path, kind):
    path = tmp_path / "bad.gguf"
    (tiny_models.write_crashing if kind == "crashes" else tiny_models.write_unknown_architecture)(path)
    before = ready.engine.model
    with qtbot.waitSignals([ready.engine.load_failed, ready.engine.model_ready], timeout=60_000):
        ready.engine.load(str(path), LoadOptions())
    assert ready.engine.model.path == before.path
    assert ready.engine.state is EngineState.READY


def test_without_a_previous_model_a_failed_load_leaves_the_engine_failed(desk, qtbot, tmp_path):
    (tmp_path / "no.gguf").write_bytes(b"no")
    with qtbot.waitSignal(desk.engine.load_failed, timeout=30_000) as failed:
        desk.engine.load(str(tmp_path / "no.gguf"), LoadOptions())
    assert "no.gguf" in failed.args[0]
    assert desk.engine.state is EngineState.FAILED


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_dead_engine_is_started_again_with_its_model(fresh_cache, ready, qtbot, name):
    first = ready.engine.process_id
    with qtbot.waitSignals([ready.engine.died, ready.engine.model_ready], timeout=30_000):
        os.kill(first, getattr(signal, name))
    assert ready.engine.process_id not in (0, first)
    assert ready.engine.model.rung == ("cpu" if name == "SIGKILL" else "cpu-plain"), "a native crash goes down the ladder"


def test_an_engine_that_dies_again_and_again_is_left_alone(ready, qtbot):
    for _ in range(2):
        with qtbot.waitSignals([ready.engine.died, ready.engine.model_ready], timeout=30_000):
            os.kill(ready.engine.process_id, signal.SIGKILL)
    with qtbot.waitSignal(ready.engine.load_failed, timeout=30_000):
        os.kill(ready.engine.process_id, signal.SIGKILL)
    assert ready.engine.state is EngineState.FAILED
    assert ready.engine.process_id == 0


def test_a_reply_can_be_stopped(ready, qtbot):
    with qtbot.waitSignal(ready.engine.piece_received, timeout=30_000):
        ready.engine.generate((Turn("user", "Hi"),), Sampling(max_tokens=30_000, temperature=1.5))
    with qtbot.waitSignal(ready.engine.reply_done, timeout=5_000) as done:
        ready.engine.stop()
    assert done.args[0].reason in {"stopped", "end", "context_full"}
    assert ready.engine.state is EngineState.READY


def test_closing_leaves_no_process(ready):
    pid = ready.engine.process_id
    ready.engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_model_that_is_still_being_checked_gives_way_to_the_next(fresh_cache, desk, qtbot, starter, talkative_model):
    desk.engine.load(str(starter), LoadOptions())
    with qtbot.waitSignal(desk.engine.load_progressed, timeout=30_000):
        pass
    ready = []
    desk.engine.model_ready.connect(lambda model: ready.append(model.name))
    with qtbot.waitSignal(desk.engine.model_ready, timeout=30_000):
        desk.engine.load(str(talkative_model), LoadOptions())
    assert ready == ["talkative"]
