"""Measuring for the window with real processes: progress, a result, a sentence when one dies, and none left that was stopped."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from companion.app.measuring import Measuring
from companion.app.measuring_turn import MeasuringTurn
from companion.core.benchmark import Benchmark, benchmark_file, kept_benchmark
from companion.core.tuning import TuneWish, TuningFound
from tests.tiny_models import write_tiny_llama

LATER_MS = 240_000


@pytest.fixture
def measuring(qapp) -> Measuring:
    made = Measuring(MeasuringTurn())
    yield made
    made.stop()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("m") / "small.gguf", width=256, heads=4, kv_heads=2, context=4096, ends=False)


def test_this_computer_is_measured_and_kept_when_it_was_quiet(fresh_cache, measuring: Measuring, qtbot):
    shares: list[float] = []
    measuring.progressed.connect(lambda _words, share: shares.append(share))
    with qtbot.waitSignal(measuring.machine_measured, timeout=LATER_MS) as got:
        measuring.measure_machine()
    (found,) = got.args
    assert isinstance(found, Benchmark)
    assert shares == sorted(shares)
    assert len(shares) > 10
    assert len(found.types) > 10
    assert all(each.best_write > 0 for each in found.types)
    assert (kept_benchmark() == found) is not bool(found.notice)
    assert not measuring.is_running


def test_a_model_is_tuned_and_what_was_found_says_before_and_after(fresh_cache, measuring: Measuring, model, qtbot):
    told: list[str] = []
    measuring.progressed.connect(lambda words, _share: told.append(words))
    with qtbot.waitSignal(measuring.model_tuned, timeout=LATER_MS) as got:
        measuring.tune(TuneWish(model=str(model), quick=True))
    (found,) = got.args
    assert isinstance(found, TuningFound)
    assert {"checking the model", "threads"} <= set(told)
    assert min(found.read, found.write, found.read_before, found.write_before) > 0
    assert {choice.name for choice in found.choices} >= {"threads", "context"}


def test_what_is_no_model_is_a_sentence(measuring: Measuring, tmp_path, qtbot):
    (tmp_path / "no.gguf").write_text("nothing")
    with qtbot.waitSignal(measuring.failed, timeout=LATER_MS) as got:
        measuring.tune(TuneWish(model=str(tmp_path / "no.gguf")))
    assert "“no.gguf”" in got.args[0]


def test_a_stopped_measurement_says_nothing_more_and_leaves_no_process(fresh_cache, measuring: Measuring, qtbot):
    """That nobody is left behind is looked at after every test."""
    said: list[object] = []
    measuring.machine_measured.connect(said.append)
    measuring.failed.connect(lambda *_: said.append("failed"))
    with qtbot.waitSignal(measuring.progressed, timeout=LATER_MS):
        measuring.measure_machine()
    measuring.stop()
    assert not measuring.is_running
    qtbot.wait(200)
    assert not said
    assert not benchmark_file().exists()


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_a_measurement_that_dies_is_a_sentence(fresh_cache, measuring: Measuring, qtbot):
    with qtbot.waitSignal(measuring.progressed, timeout=LATER_MS):
        measuring.measure_machine()
    with qtbot.waitSignal(measuring.failed, timeout=LATER_MS) as got:
        os.kill(measuring._call.process_id, signal.SIGSEGV)
    assert got.args[0] == "The measurement crashed inside llama.cpp (SIGSEGV)."
    assert not measuring.is_running
