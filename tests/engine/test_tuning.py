"""What was tuned is used by the engine, and the search in its own process leaves nothing behind."""

from __future__ import annotations

import msgspec
import pytest

from companion.core.errors import EngineError, ModelError
from companion.core.gguf.header import read_header
from companion.core.messages import LoadOptions, Piece, ReplyDone, Turn
from companion.core.sampling import Sampling
from companion.core.tuning import Choice
from companion.engine import tuning
from companion.engine.client import EngineClient
from companion.engine.ladder import Ladder
from companion.engine.tuning import TuneRequest, tuned_by_child
from companion.llama.context import KVTypes
from companion.llama.plan import Plan, plan_file, remember
from companion.llama.tuned import Speculation, Tuned
from tests.tiny_models import write_crashing, write_tiny_llama

TALK = (
    Turn("user", "Say: red lamp, blue lamp, green lamp, small tea, large tea."),
    Turn("assistant", "red lamp, blue lamp, green lamp, small tea, large tea."),
    Turn("user", "Say it again, twice."),
)


@pytest.fixture(scope="module")
def roomy(tmp_path_factory):
    """Heads of 64 numbers and a reply that goes on."""
    path = tmp_path_factory.mktemp("models") / "roomy.gguf"
    return write_tiny_llama(path, width=256, heads=4, kv_heads=2, context=4096, ends=False)


def tuned(**changes) -> Tuned:
    found = Tuned(
        threads=1,
        prompt_threads=2,
        busy_threads=1,
        busy_prompt_threads=1,
        batch=128,
        ubatch=64,
        flash_attention=True,
        kv_types=KVTypes(),
        context_tokens=1024,
        gpu_layers=0,
        speculation=Speculation(),
        read=1e6,
        write=1e6,
        choices=(Choice(name="threads", value="1", reason="Measured by a test."),),
        trials=(),
        seconds=1.0,
        steadiness=1.0,
    )
    return msgspec.structs.replace(found, **changes)


@pytest.mark.parametrize(
    ("changes", "disturbed"),
    [
        ({}, False),
        ({"steadiness": 1.6}, True),
        ({"steadiness": 0.6}, True),
        ({"other_cores": 0.8}, True),
        ({"write": 24.0, "write_before": 59.0, "read": 71.0, "read_before": 22.0}, True),
        ({"write": 55.0, "write_before": 59.0, "read": 71.0, "read_before": 60.0}, False),
        ({"write_before": 0.0, "read_before": 0.0}, False),
    ],
)
def test_what_was_found_beside_other_work_is_known_as_such(changes, disturbed):
    assert tuned(**changes).is_disturbed is disturbed


def plan_for(path) -> Plan:
    return Ladder().plan(path, read_header(path).layers, LoadOptions(), (), lambda *_: None)


def keep(path, **changes) -> None:
    """As if it had been measured on a quiet machine."""
    remember(plan_file(path), msgspec.structs.replace(plan_for(path), tuned=tuned(**changes), is_provisional=False))


def said(engine: EngineClient, sampling: Sampling) -> tuple[str, ReplyDone]:
    events = list(engine.generate(TALK, sampling))
    assert isinstance(events[-1], ReplyDone)
    return "".join(event.text for event in events if isinstance(event, Piece)), events[-1]


def test_the_engine_loads_a_model_as_it_was_tuned(fresh_cache, roomy, engine):
    plain = engine.load(roomy, LoadOptions(context_tokens=1024))
    keep(roomy, kv_types=KVTypes("Q8_0", "Q8_0"))
    model = engine.load(roomy)
    assert (model.context_tokens, model.threads, model.threads_reason) == (1024, 1, "measured by a test")
    assert model.memory_bytes < plain.memory_bytes, "its cache is smaller, and its micro-batch"
    assert engine.load(roomy, LoadOptions(context_tokens=512, threads=2)).threads_reason == "set by you"
    text, done = said(engine, Sampling(max_tokens=20))
    assert text
    assert done.tokens == 20


@pytest.mark.parametrize("sampling", [Sampling(temperature=0, repeat_penalty=1), Sampling(seed=5)], ids=["greedy", "sampled"])
def test_a_reply_with_guesses_is_word_for_word_the_reply_without(fresh_cache, starter, engine, sampling):
    sampling = msgspec.structs.replace(sampling, max_tokens=40)
    keep(starter, prompt_threads=1)
    engine.load(starter)
    plain, before = said(engine, sampling)
    keep(starter, prompt_threads=1, speculation=Speculation(method="lookup", tokens=4))
    engine.load(starter)
    text, done = said(engine, sampling)
    assert text == plain
    assert (done.reason, done.tokens, done.context_used) == (before.reason, before.tokens, before.context_used)
    assert said(engine, sampling)[0] == plain, "the cache was left as it should be"


def test_a_reply_with_guesses_can_be_stopped_and_stops_at_a_text(fresh_cache, roomy, engine):
    keep(roomy, speculation=Speculation(method="lookup", tokens=8))
    engine.load(roomy)
    whole, _ = said(engine, Sampling(max_tokens=60, seed=3))
    text, done = said(engine, Sampling(max_tokens=60, seed=3, stop=(whole[10:13],)))
    assert (text, done.reason) == (whole.partition(whole[10:13])[0], "stop_text")
    events = []
    for event in engine.generate(TALK, Sampling(max_tokens=30_000, temperature=0, repeat_penalty=1)):
        events.append(event)
        if len(events) == 3:
            engine.stop()
    assert isinstance(events[-1], ReplyDone)
    assert events[-1].reason in {"stopped", "context_full"}
    assert said(engine, Sampling(max_tokens=60, seed=3))[0] == whole


def test_a_draft_model_that_is_gone_or_a_stranger_is_told_of_and_done_without(fresh_cache, roomy, tmp_path, engine):
    for draft in (tmp_path / "gone.gguf", write_tiny_llama(tmp_path / "other.gguf", vocabulary=300)):
        keep(roomy, speculation=Speculation(method="draft", tokens=4, draft=str(draft)))
        model = engine.load(roomy)
        assert any("without guessing ahead" in note for note in model.notes)
        assert said(engine, Sampling(max_tokens=5))[1].tokens == 5


def test_a_draft_model_guesses_in_the_engine(fresh_cache, roomy, engine):
    keep(roomy)
    engine.load(roomy)
    plain = said(engine, Sampling(max_tokens=30, seed=2))[0]
    keep(roomy, speculation=Speculation(method="draft", tokens=4, draft=str(roomy)))
    model = engine.load(roomy)
    assert not model.notes
    assert said(engine, Sampling(max_tokens=30, seed=2))[0] == plain


def test_the_search_runs_in_a_process_of_its_own(fresh_cache, roomy):
    told: list[str] = []
    found = tuned_by_child(
        TuneRequest(path=str(roomy), plan=plan_for(roomy), quick=True), lambda words, share: told.append(words)
    )
    assert found.threads >= 1
    assert "threads" in told


def test_a_crash_in_llama_cpp_is_a_sentence(fresh_cache, roomy, tmp_path):
    request = TuneRequest(path=str(write_crashing(tmp_path / "crashing.gguf", "load")), plan=plan_for(roomy), quick=True)
    with pytest.raises(EngineError, match=r"The search crashed inside llama\.cpp"):
        tuned_by_child(request, lambda words, share: None)


def test_a_search_that_says_nothing_is_ended(fresh_cache, roomy, monkeypatch):
    monkeypatch.setattr(tuning, "HANG_SECONDS", 0.01)
    with pytest.raises(EngineError, match="stopped responding"):
        tuned_by_child(TuneRequest(path=str(roomy), plan=plan_for(roomy), quick=True), lambda words, share: None)


def test_what_stops_us_stops_the_search(fresh_cache, roomy):
    def interrupted(words: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuned_by_child(TuneRequest(path=str(roomy), plan=plan_for(roomy), quick=True), interrupted)


def test_a_draft_model_of_another_family_is_refused_before_anything_is_measured(fresh_cache, roomy, tmp_path):
    other = write_tiny_llama(tmp_path / "other.gguf", vocabulary=300)
    told: list[str] = []
    request = TuneRequest(path=str(roomy), plan=plan_for(roomy), draft=str(other), quick=True)
    with pytest.raises(ModelError, match="different vocabularies"):
        tuned_by_child(request, lambda words, share: told.append(words))
    assert not told
