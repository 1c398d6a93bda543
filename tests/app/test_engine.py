"""The engine as the window sees it: a process that may die at any moment and comes back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.core.messages import LoadOptions, Turn
from companion.core.sampling import Sampling
from tests import tiny_models


@pytest.fixture
def engine(qapp) -> Iterator[Engine]:
    """One that nobody has asked for anything."""
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def loaded(engine: Engine, qtbot, talkative_model: Path) -> Engine:
    with qtbot.waitSignal(engine.model_ready, timeout=30_000):
        engine.load(str(talkative_model), LoadOptions())
    return engine


def test_loading_goes_through_its_states(engine, qtbot, talkative_model):
    states = []
    engine.state_changed.connect(states.append)
    with qtbot.waitSignal(engine.model_ready, timeout=30_000) as ready:
        engine.load(str(talkative_model), LoadOptions(context_tokens=256))
    assert states == [EngineState.LOADING, EngineState.READY]
    assert ready.args[0].context_tokens == 256


@pytest.mark.parametrize("kind", ["crashes", "unknown"])
def test_a_model_that_cannot_be_loaded_is_said_and_the_previous_one_is_back(loaded, qtbot, tmp_path, kind):
    path = tmp_path / "bad.gguf"
    (tiny_models.write_crashing if kind == "crashes" else tiny_models.write_unknown_architecture)(path)
    before = loaded.model
    with qtbot.waitSignals([loaded.load_failed, loaded.model_ready], timeout=60_000):
        loaded.load(str(path), LoadOptions())
    assert loaded.model.path == before.path
    assert loaded.state is EngineState.READY


def test_without_a_previous_model_a_failed_load_leaves_the_engine_failed(engine, qtbot, tmp_path):
    (tmp_path / "no.gguf").write_bytes(b"no")
    with qtbot.waitSignal(engine.load_failed, timeout=30_000) as failed:
        engine.load(str(tmp_path / "no.gguf"), LoadOptions())
    assert "no.gguf" in failed.args[0]
    assert engine.state is EngineState.FAILED


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_dead_engine_is_started_again_with_its_model(fresh_cache, loaded, qtbot, name):
    first = loaded.process_id
    with qtbot.waitSignals([loaded.died, loaded.model_ready], timeout=30_000):
        os.kill(first, getattr(signal, name))
    assert loaded.process_id not in (0, first)
    assert loaded.model.rung == ("cpu" if name == "SIGKILL" else "cpu-plain"), "a native crash goes down the ladder"


def test_an_engine_that_dies_again_and_again_is_left_alone(loaded, qtbot):
    for _ in range(2):
        with qtbot.waitSignals([loaded.died, loaded.model_ready], timeout=30_000):
            os.kill(loaded.process_id, signal.SIGKILL)
    with qtbot.waitSignal(loaded.load_failed, timeout=30_000):
        os.kill(loaded.process_id, signal.SIGKILL)
    assert loaded.state is EngineState.FAILED
    assert loaded.process_id == 0


def test_a_reply_can_be_stopped(loaded, qtbot):
    with qtbot.waitSignal(loaded.piece_received, timeout=30_000):
        loaded.generate((Turn("user", "Hi"),), Sampling(max_tokens=30_000, temperature=1.5))
    with qtbot.waitSignal(loaded.reply_done, timeout=5_000) as done:
        loaded.stop()
    assert done.args[0].reason in {"stopped", "end", "context_full"}
    assert loaded.state is EngineState.READY


def test_closing_leaves_no_process(loaded):
    pid = loaded.process_id
    loaded.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_model_that_is_still_being_checked_gives_way_to_the_next(fresh_cache, engine, qtbot, starter, talkative_model):
    engine.load(str(starter), LoadOptions())
    with qtbot.waitSignal(engine.load_progressed, timeout=30_000):
        pass
    ready = []
    engine.model_ready.connect(lambda model: ready.append(model.name))
    with qtbot.waitSignal(engine.model_ready, timeout=30_000):
        engine.load(str(talkative_model), LoadOptions())
    assert ready == ["talkative"]


def test_moods_are_read_while_no_model_is_loaded(engine, qtbot):
    with qtbot.waitSignal(engine.moods_read, timeout=30_000) as read:
        request = engine.read_moods(["What a wonderful day!", "I am so sad."])
    assert read.args[0] == request
    assert [mood.label for mood in read.args[1]][1] == "sadness"
    assert engine.state is EngineState.STOPPED


def test_tokens_are_counted_under_the_loaded_model_only(engine, qtbot, talkative_model):
    assert engine.count_tokens(["hello"]) == 0
    with qtbot.waitSignal(engine.model_ready, timeout=30_000):
        engine.load(str(talkative_model), LoadOptions())
    with qtbot.waitSignal(engine.tokens_counted, timeout=5_000) as counted:
        request = engine.count_tokens(["", "hello hello"])
    assert counted.args[0] == request
    assert counted.args[1][0] == 0 < counted.args[1][1]


def test_it_reflects_only_when_ready_and_a_reply_ends_that(engine, qtbot, talkative_model):
    turns = (Turn("user", "Hi"),)
    assert engine.reflect(turns, Sampling()) == 0
    with qtbot.waitSignal(engine.model_ready, timeout=30_000):
        engine.load(str(talkative_model), LoadOptions())
    request = engine.reflect(turns, Sampling(max_tokens=30_000))
    assert engine.state is EngineState.READY
    answers = []
    engine.reflected.connect(answers.append)
    with qtbot.waitSignals([engine.reflected, engine.reply_done], timeout=10_000):
        engine.generate(turns, Sampling(max_tokens=2))
    assert [(answer.request, answer.complete) for answer in answers] == [(request, False)]


def test_what_is_asked_beside_a_reply_never_fails_the_reply(loaded, qtbot, tiny_model):
    engine, failed, replies = loaded, [], []
    engine.reply_failed.connect(lambda *told: replies.append(told))
    engine.request_failed.connect(lambda *told: failed.append(told))
    with qtbot.waitSignals([engine.request_failed, engine.reply_done], timeout=10_000):
        request = engine.embed(str(tiny_model), ["hello"])
        engine.generate((Turn("user", "Hi"),), Sampling(max_tokens=2))
    assert [told[0] for told in failed] == [request]
    assert "model for writing" in failed[0][1]
    assert not replies


def test_texts_become_vectors(engine, qtbot, tmp_path):
    path = tiny_models.write_tiny_bert(tmp_path / "bert.gguf")
    with qtbot.waitSignal(engine.embedded, timeout=30_000) as embedded:
        engine.embed(str(path), ["hello", "star"], "query")
    assert len(embedded.args[0].vectors) == 2


def test_nobody_waits_for_an_answer_of_an_engine_that_died(loaded, qtbot):
    engine, failed = loaded, []
    engine.request_failed.connect(lambda *told: failed.append(told[0]))
    with qtbot.waitSignals([engine.request_failed, engine.model_ready], timeout=30_000):
        request = engine.reflect((Turn("user", "Hi"),), Sampling(max_tokens=30_000))
        os.kill(engine.process_id, signal.SIGKILL)
    assert failed == [request]


def test_an_embedding_model_that_kills_the_engine_is_not_tried_again(fresh_cache, loaded, qtbot, tmp_path):
    engine, path = loaded, tmp_path / "deadly.gguf"
    tiny_models.write_tiny_llama(path, architecture="smallthinker", metadata={"smallthinker.pooling_type": 1})
    with qtbot.waitSignals([engine.request_failed, engine.died, engine.model_ready], timeout=30_000):
        engine.embed(str(path), ["hello"])
    assert engine.model.rung == "cpu", "the model that writes is not to blame"
    assert engine.embed(str(path), ["hello"]) == 0


def test_a_request_that_is_forgotten_is_not_answered(loaded, qtbot):
    engine, answers = loaded, []
    engine.reflected.connect(answers.append)
    engine.forget_request(engine.reflect((Turn("user", "Hi"),), Sampling(max_tokens=30_000)))
    with qtbot.waitSignal(engine.tokens_counted, timeout=10_000):
        engine.count_tokens(["hello"])
    assert not answers


def test_an_engine_without_a_model_may_die_and_is_started_when_it_is_needed(engine, qtbot, tmp_path):
    path, failures = str(tiny_models.write_tiny_bert(tmp_path / "bert.gguf")), []
    engine.load_failed.connect(lambda *told: failures.append(told))
    with qtbot.waitSignal(engine.embedded, timeout=30_000):
        engine.embed(path, ["hello"])
    with qtbot.waitSignal(engine.died, timeout=10_000):
        os.kill(engine.process_id, signal.SIGKILL)
    with qtbot.waitSignal(engine.embedded, timeout=30_000):
        engine.embed(path, ["hello"])
    assert not failures
