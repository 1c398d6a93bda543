"""The search: what it tries, what it takes, and why, on a model small enough to try everything."""

from __future__ import annotations

import time

import pytest

from companion.core.gguf.header import read_header
from companion.llama import tuner
from companion.llama.busy import BusyCore
from companion.llama.context import ContextOptions, KVTypes
from companion.llama.gpu_layers import ALL, candidates
from companion.llama.memory import bytes_on_gpu
from companion.llama.model import Model, Placement
from companion.llama.real_talk import talks
from companion.llama.search import Budget, Search
from companion.llama.speculation_trial import verdict
from companion.llama.trial import Effort, Setting, Speeds, Stand, race, stands
from companion.llama.tuned import Speculation
from companion.llama.tuner import Order, tune
from tests.tiny_models import write_tiny_llama

EFFORT = Effort(seed=32, repeats=4, read=32, write=4)
BEGIN = Setting(1, 1)
Q8_0 = KVTypes("Q8_0", "Q8_0")


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Heads of 64 numbers, which quantized caches can hold and move."""
    path = tmp_path_factory.mktemp("wide") / "wide.gguf"
    return write_tiny_llama(path, width=256, heads=4, kv_heads=2, context=32_768, ends=False)


class Scripted(Search):
    """A search whose settings take the time they are told to: what is chosen does not depend on this machine."""

    def __init__(self, model, speeds, threads=(1, 2)) -> None:
        budget = Budget(threads, 1, time.perf_counter() + 1000, lambda setting: 1000, lambda words: None)
        super().__init__(model, BEGIN, EFFORT, budget)
        self.script = speeds


@pytest.fixture
def scripted(monkeypatch, library, wide):
    """A search for which the speed of a setting is what a function says."""

    def make(speeds, threads=(1, 2)):
        class Told(Stand):
            def time(self, setting, best=None):
                super().time(setting)  # it is real, only what it says is not
                return speeds(self.setting._replace(threads=setting.threads, prompt_threads=setting.prompt_threads))

            def __init__(self, model, setting, effort):
                super().__init__(model, setting, effort)
                self.setting = setting

        monkeypatch.setattr("companion.llama.trial.Stand", Told)
        monkeypatch.setattr("companion.llama.search.Stand", Told)
        return Scripted(model, speeds, threads)

    with Model(library, wide) as model:
        yield make


def test_a_stand_is_timed_again_and_again_from_the_same_place(library, wide):
    with Model(library, wide) as model, Stand(model, BEGIN, EFFORT) as stand:
        first, second = stand.time(BEGIN), stand.time(BEGIN._replace(threads=2))
    assert all(value > 0 for value in (*first, *second))
    assert first.turn > 0


def test_a_setting_that_cannot_be_made_is_left_out_and_a_hopeless_one_not_tried_again(library, wide):
    settings = {"on": BEGIN, "impossible": BEGIN._replace(flash_attention=False, kv_types=Q8_0)}
    with Model(library, wide) as model, stands(model, settings, EFFORT) as made:
        assert set(made) == {"on"}
    tried = []

    class Fixed:
        def __init__(self, speed):
            self.speed = speed

        def time(self, setting, best=None):
            tried.append(self.speed)
            return Speeds(self.speed, self.speed)

    found = race({"slow": Fixed(10), "fast": Fixed(100)}, {"slow": BEGIN, "fast": BEGIN}, 3)
    assert tried == [10, 100, 100, 100]
    assert found["fast"].read == 100


def test_what_is_a_hundred_times_slower_is_given_up_at_once(library, wide):
    with Model(library, wide) as model, Stand(model, BEGIN, EFFORT) as stand:
        usual = stand.time(BEGIN)
        unreachable = Speeds(usual.read * 1000, usual.write * 1000)
        given_up = stand.time(BEGIN, unreachable)
    assert given_up.read / unreachable.read == pytest.approx(given_up.write / unreachable.write)
    assert given_up.write < unreachable.write / 4


def test_the_fastest_of_each_is_taken_and_of_equals_the_most_modest(scripted):
    def speeds(setting):
        read = 100 * setting.prompt_threads * (1.5 if setting.ubatch >= 128 else 1.0)
        write = 50 * (1.3 if setting.threads == 1 else 1.0) * (1.1 if setting.flash_attention else 1.0)
        return Speeds(read, write)

    search = scripted(speeds)
    search.coordinate_wise(lambda: {KVTypes(): 0.0})
    assert search.best == Setting(threads=1, prompt_threads=2, batch=128, ubatch=128, flash_attention=True)
    assert search.speeds == Speeds(300, pytest.approx(71.5))
    assert [choice.name for choice in search.choices] == [
        "threads", "threads for reading", "flash attention", "micro-batch", "batch", "cache"
    ]  # fmt: skip
    assert search.choices[0].reason == "Writes so many tokens per second: 55 with 2, 72 with 1."


@pytest.mark.parametrize(
    ("gain", "moved", "taken", "words"),
    [
        (1.5, 0.001, True, "1.24 times as fast as F16"),
        (1.5, 0.05, False, "but moves the words by 0.0500 nats"),
        (1.02, 0.001, False, "not worth any change of the words"),
    ],
)
def test_another_cache_is_taken_when_it_is_faster_and_harmless(scripted, gain, moved, taken, words):
    search = scripted(lambda setting: Speeds(100, 50 * (gain if setting.kv_types == Q8_0 else 1.0)), (1,))
    search.coordinate_wise(lambda: {KVTypes(): 0.0, Q8_0: moved})
    assert (search.best.kv_types == Q8_0) is taken
    cache = search.choices[-1]
    assert words in cache.reason
    assert [trial.divergence for trial in search.trials if trial.name == "cache"] == [0.0, moved]


def test_trying_everything_finds_what_belongs_together(scripted):
    def speeds(setting):
        both = setting.ubatch == 256 and not setting.flash_attention  # neither of them helps alone
        return Speeds(100 * (3 if both else 1) * setting.prompt_threads, 50 / setting.threads)

    search = scripted(speeds)
    search.exhaustive({KVTypes(): 0.0, Q8_0: 0.5})
    assert search.best == Setting(1, 2, 512, 256, flash_attention=False)
    assert "combinations" in search.choices[-1].reason


def test_a_spent_budget_leaves_the_rest_as_it_is(scripted):
    search = scripted(lambda setting: Speeds(100, 50), (1,))
    search._budget = search._budget._replace(deadline=0)
    search.coordinate_wise(lambda: {KVTypes(): 0.0})
    assert {choice.name for choice in search.choices} == {"threads", "threads for reading"}


def test_a_busy_core_is_a_real_process_that_ends():
    with BusyCore() as busy:
        process = busy._process
        assert process.poll() is None
    assert process.poll() is not None


def test_the_whole_search_ends_in_settings_that_the_engine_can_use(library, wide, monkeypatch):
    told: list[float] = []
    monkeypatch.setattr(tuner, "affordable", lambda model, threads: EFFORT)
    order = Order(wide, Placement(), BEGIN, (1, 2), memory=10**10, quick=True)
    found = tune(library, order, lambda words, share: told.append(share))
    assert told == sorted(told)
    assert 0 < told[-1] <= 1
    assert found.threads in {1, 2}
    assert found.context_tokens in tuner.CONTEXTS
    assert found.gpu_layers == 0
    assert found.speculation == Speculation()
    names = {choice.name for choice in found.choices}
    assert {"threads", "threads beside a busy core", "context", "guessing ahead", "layers on the GPU"} <= names
    assert all(choice.reason.endswith((".", "!")) for choice in found.choices)
    options = found.options(1024)
    assert isinstance(options, ContextOptions)
    assert (options.threads, options.batch, options.kv_types) == (found.threads, found.batch, found.kv_types)


def test_where_memory_is_short_the_cache_shrinks_and_then_the_context(library, wide, monkeypatch):
    monkeypatch.setattr(tuner, "affordable", lambda model, threads: EFFORT)
    monkeypatch.setattr(tuner, "QUICK_SECONDS", 0.0)
    order = Order(wide, Placement(), BEGIN, (1,), memory=10**10, quick=True)
    plain = tuner._Tuning(library, order, lambda words, share: None)
    need = plain._need(BEGIN, 8192)
    monkeypatch.setattr(tuner._Tuning, "_divergences", lambda self, model, effort: self._kinds.update({Q8_0: 0.001}))
    for memory, kind, most in ((need * 0.9, Q8_0, 8192), (need * 0.3, KVTypes(), 2048)):
        found = tune(library, order._replace(memory=int(memory / tuner.MEMORY_SHARE)), lambda words, share: None)
        assert found.kv_types == kind
        assert found.context_tokens <= most
        assert any("would not fit with F16" in choice.reason for choice in found.choices) is (kind == Q8_0)


def test_layers_that_do_not_fit_on_the_card_are_not_tried(starter):
    header = read_header(starter)
    options = BEGIN.options(8192)
    half = int(bytes_on_gpu(header, options, 15) / 0.9) + 1
    assert candidates(header, BEGIN, 8192, half) == [15, 7, 0]
    assert candidates(header, BEGIN, 8192, 10**12)[0] == ALL
    assert candidates(header, BEGIN, 8192, 1000) == [0]


def test_guessing_is_turned_on_only_when_it_pays():
    slow, fast = (Speculation(method="lookup", tokens=4, acceptance=0.3, gain=gain) for gain in (1.02, 1.3))
    off, reason = verdict([slow], lambda each: "lookup")
    assert (off.method, off.gain) == ("off", 1.02)
    assert "does not pay" in reason
    lucky = Speculation(method="lookup", tokens=8, acceptance=0.0, gain=1.4)
    assert verdict([slow, lucky], lambda each: "lookup")[0].method == "off"
    on, reason = verdict([slow, fast], lambda each: "lookup")
    assert on == fast
    assert "bit by bit" in reason


def test_the_dialogues_are_prompted_as_the_chat_does_it(starter_loaded):
    found = talks(starter_loaded, 3)
    assert len(found) == 3
    text = b"".join(starter_loaded.vocabulary.piece(token) for token in found[0]).decode()
    assert "Hoshi" in text
    assert found[0][:50] == found[1][:50], "her card stands first"
