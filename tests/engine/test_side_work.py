"""What the engine does beside replies: reflecting, embedding, moods. None of it stands in the way of a reply."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from companion.core.errors import EngineError
from companion.core.messages import (
    CountTokens,
    Embed,
    Embedded,
    Generate,
    LoadOptions,
    Prepare,
    PromptRead,
    Reflect,
    Reflected,
    ReplyDone,
    RequestFailed,
    Stop,
    TokenCounts,
    Turn,
)
from companion.core.sampling import Sampling
from companion.engine.client import EngineClient, EngineDied
from companion.engine.inbox import Inbox, Item
from tests import tiny_models
from tests.engine.conftest import HELLO, LONG


@pytest.fixture(scope="module")
def embedding_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_tiny_bert(tmp_path_factory.mktemp("embedding") / "tiny-bert.gguf")


def events_until(engine: EngineClient, *kinds: type) -> list[object]:
    """Events as they come, until one of each kind was there."""
    seen, missing = [], set(kinds)
    for event in engine.events():
        seen.append(event)
        missing.discard(type(event))
        if not missing:
            break
    return seen


def test_reflecting_writes_and_leaves_the_conversations_cache_alone(ready):
    list(ready.generate(HELLO, Sampling(max_tokens=5, seed=1)))
    written = ready.reflect((Turn("user", "Something else. " * 20),), Sampling(max_tokens=20, seed=1))
    assert written.complete
    assert written.text
    read = next(event for event in ready.generate(HELLO, Sampling(max_tokens=5)) if isinstance(event, PromptRead))
    assert read.reused_tokens == read.prompt_tokens - 1


def test_a_reply_does_not_wait_for_a_reflection(endless):
    endless.send(Reflect(request=50, turns=HELLO, sampling=LONG))
    time.sleep(0.05)  # alone on a quick machine the whole reflection takes 0.3 seconds
    endless.send(Generate(request=51, turns=HELLO, sampling=Sampling(max_tokens=1)))
    events = events_until(endless, ReplyDone)
    assert isinstance(events[-1], ReplyDone)
    reflected = next(event for event in events if isinstance(event, Reflected))
    assert not reflected.complete, "it was given up for the reply"


def test_a_reflection_can_be_stopped_and_the_next_one_is_not(endless):
    endless.send(Reflect(request=50, turns=HELLO, sampling=LONG))
    endless.send(Stop(request=50))
    assert not events_until(endless, Reflected)[-1].complete
    assert endless.reflect(HELLO, Sampling(max_tokens=3)).complete


def test_reading_ahead_is_not_cut_short_by_a_reflection_or_a_count(endless):
    turns = (Turn("system", "You are Hoshi. " * 20), Turn("assistant", "Hello. " * 400))
    endless.send(Prepare(request=90, turns=turns, reply_tokens=20))
    endless.send(CountTokens(request=91, texts=("hello",)))
    endless.send(Reflect(request=92, turns=HELLO, sampling=Sampling(max_tokens=2)))
    seen = events_until(endless, TokenCounts, Reflected)
    assert isinstance(seen[-1], Reflected), "it was last in line"
    assert seen[-1].complete
    read = next(e for e in endless.generate((*turns, *HELLO), Sampling(max_tokens=2)) if isinstance(e, PromptRead))
    assert read.prompt_tokens - read.reused_tokens < 40


def test_too_much_to_reflect_on_is_a_sentence(ready):
    with pytest.raises(EngineError, match="too long"):
        ready.reflect((Turn("user", "x" * 1_000_000),), Sampling(max_tokens=5))
    assert ready.reflect(HELLO, Sampling(max_tokens=5)).complete


def test_reflecting_without_a_model_is_a_sentence(engine):
    with pytest.raises(EngineError, match="No model is loaded"):
        engine.reflect(HELLO, Sampling(max_tokens=5))


def test_another_model_can_be_loaded_after_reflecting(ready, talkative_model):
    ready.reflect(HELLO, Sampling(max_tokens=5))
    ready.load(talkative_model)
    assert ready.reflect(HELLO, Sampling(max_tokens=5)).complete


def test_the_memory_of_a_reflection_is_small(engine, starter):
    engine.load(starter, LoadOptions(context_tokens=4096))
    list(engine.generate(HELLO, Sampling(max_tokens=5)))
    process = psutil.Process(engine.hello.pid)
    before = process.memory_info().rss
    assert engine.reflect(HELLO, Sampling(max_tokens=5)).complete
    assert process.memory_info().rss - before < 90e6  # 54 MB measured


def test_texts_become_vectors_without_a_chat_model(engine, embedding_model):
    one, same, other = engine.embed(embedding_model, ["hello star", "hello star", "good night"])
    assert one == same != other
    assert sum(value * value for value in one) == pytest.approx(1)
    assert engine.embed(embedding_model, []) == ()


def test_a_model_that_cannot_embed_is_refused_and_the_one_before_stays(engine, embedding_model, tiny_model):
    vector = engine.embed(embedding_model, ["hello"])
    with pytest.raises(EngineError, match="model for writing"):
        engine.embed(tiny_model, ["hello"])
    assert engine.embed(embedding_model, ["hello"]) == vector


def test_a_reply_comes_before_the_rest_of_many_texts(ready, embedding_model):
    ready.embed(embedding_model, ["warm"])
    ready.send(Embed(request=70, model=str(embedding_model), texts=tuple(f"text {n}" for n in range(3000))))
    ready.send(Generate(request=71, turns=HELLO, sampling=Sampling(max_tokens=3)))
    seen = events_until(ready, ReplyDone, Embedded)
    assert isinstance(seen[-1], Embedded)
    assert len(seen[-1].vectors) == 3000


def test_many_texts_can_be_given_up(engine, embedding_model):
    engine.send(Embed(request=70, model=str(embedding_model), texts=("good night " * 40,) * 5000))
    time.sleep(0.2)
    engine.send(Stop(request=70))
    assert isinstance(events_until(engine, RequestFailed)[-1], RequestFailed)


def test_an_embedding_model_that_kills_llama_cpp_takes_only_the_engine_with_it(engine, tmp_path):
    path = tiny_models.write_tiny_llama(
        tmp_path / "deadly.gguf", architecture="smallthinker", metadata={"smallthinker.pooling_type": 1}
    )
    with pytest.raises(EngineDied, match="crashed") as death:
        engine.embed(path, ["hello"])
    assert death.value.crashed


def test_the_inbox_gives_out_in_order_and_nothing_after_closing():
    inbox = Inbox()
    for number in (1, 2):
        inbox.put(Item(CountTokens(request=number, texts=()), 0.0))
    assert inbox.holds()
    assert inbox.holds(CountTokens)
    assert not inbox.holds(Embed)
    assert inbox.get().work.request == 1
    inbox.close()
    assert inbox.get() is None
    assert Inbox().get(0.01) is None
