"""Adapters through the real engine process: swapped, scaled, stacked and refused without loading the model again."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from companion.core.errors import EngineError, ModelError
from companion.core.messages import (
    AdaptersReady,
    AdapterUse,
    Generate,
    LoadOptions,
    Piece,
    Prepare,
    PromptRead,
    ReplyDone,
    SetAdapters,
    Turn,
)
from companion.core.paths import HOME_VARIABLE
from companion.core.sampling import Sampling
from companion.engine.client import EngineClient, EngineDied
from tests import tiny_models
from tests.engine.conftest import HELLO, LONG
from tests.tiny_adapters import write_adapter

SHORT = Sampling(max_tokens=20, seed=1)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    return write_adapter(tmp_path_factory.mktemp("adapters") / "one.gguf", tiny_model, name="One", seed=1)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    return write_adapter(tmp_path_factory.mktemp("adapters") / "other.gguf", tiny_model, name="Other", rank=8, seed=2)


@pytest.fixture(scope="module")
def steady(
    tmp_path_factory: pytest.TempPathFactory, shared_cache: Path, tiny_model: Path, one: Path
) -> Iterator[tuple[EngineClient, str]]:
    """An engine in the voice of `one`, and what it says."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "cache").symlink_to(shared_cache, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(folder))
        client = EngineClient()
    with client:
        client.load(tiny_model)
        client.set_adapters([use(one)])
        yield client, said(client)


def use(path: Path, scale: float = 1.0, *, optional: bool = False) -> AdapterUse:
    return AdapterUse(str(path), scale, optional)


def said(engine: EngineClient, turns: tuple[Turn, ...] = HELLO) -> str:
    return "".join(event.text for event in engine.generate(turns, SHORT) if isinstance(event, Piece))


def test_a_reply_is_in_the_voice_of_the_adapter_and_without_it_as_before(ready, one):
    plain = said(ready)
    done = ready.set_adapters([use(one)])
    assert [(a.name, a.rank, a.scale, a.path) for a in done.adapters] == [("One", 4, 1.0, str(one))]
    assert done.seconds < 1
    voiced = said(ready)
    assert voiced != plain
    assert ready.set_adapters([]).adapters == ()
    assert said(ready) == plain
    ready.set_adapters([use(one)])
    assert said(ready) == voiced


def test_what_was_read_in_the_old_voice_is_read_again(ready, one):
    said(ready)
    ready.set_adapters([use(one)])
    read = next(event for event in ready.generate(HELLO, SHORT) if isinstance(event, PromptRead))
    assert read.reused_tokens == 0
    ready.set_adapters([use(one)])
    read = next(event for event in ready.generate(HELLO, SHORT) if isinstance(event, PromptRead))
    assert read.reused_tokens == read.prompt_tokens - 1, "nothing changed: nothing is read again"


def test_scales_and_stacks(ready, one, other):
    plain = said(ready)
    replies = {}
    for name, uses in {
        "none": [use(one, 0.0)],
        "one": [use(one)],
        "half": [use(one, 0.5)],
        "other": [use(other)],
        "both": [use(one), use(other, 0.5)],
    }.items():
        assert len(ready.set_adapters(uses).adapters) == len(uses)
        replies[name] = said(ready)
    assert replies["none"] == plain
    assert len(set(replies.values())) == len(replies)


def test_a_model_can_be_loaded_with_its_adapters(ready, tiny_model, one):
    ready.set_adapters([use(one)])
    voiced = said(ready)
    assert ready.load(tiny_model).adapters == (), "another load begins without any"
    assert said(ready) != voiced
    model = ready.load(tiny_model, adapters=[use(one)])
    assert [adapter.name for adapter in model.adapters] == ["One"]
    assert said(ready) == voiced


def test_a_killed_engine_comes_back_in_the_same_voice(endless, talkative_model, tmp_path):
    path = write_adapter(tmp_path / "voice.gguf", talkative_model)
    endless.set_adapters([use(path)])
    voiced = said(endless)
    events = endless.generate(HELLO, LONG)
    next(events)
    endless.process.send_signal(signal.SIGKILL)
    with pytest.raises(EngineDied):
        list(events)
    with EngineClient() as again:
        again.load(talkative_model, adapters=[use(path)])
        assert said(again) == voiced


def test_reflecting_and_reading_ahead(ready, one):
    """What is thought in quiet is thought without adapters; what is read ahead is read with them."""
    thought = ready.reflect(HELLO, SHORT).text
    ready.set_adapters([use(one)])
    assert ready.reflect(HELLO, SHORT).text == thought
    voiced = said(ready)
    ready.set_adapters([])
    ready.send(Prepare(request=90, turns=(Turn("system", "x" * 100),), reply_tokens=20))
    ready.send(SetAdapters(request=91, adapters=(use(one),)))
    ready.send(Prepare(request=92, turns=HELLO, reply_tokens=20))
    time.sleep(0.3)
    ready.send(Generate(request=93, turns=HELLO, sampling=SHORT))
    events = []
    for event in ready.events():
        events.append(event)
        if isinstance(event, ReplyDone):
            break
    read = next(e for e in events if isinstance(e, PromptRead) and e.request == 93)
    assert read.reused_tokens > 0
    assert any(isinstance(event, AdaptersReady) for event in events)
    assert "".join(e.text for e in events if isinstance(e, Piece)) == voiced


def test_swapping_again_and_again_takes_no_memory(engine, tmp_path):
    base = tiny_models.write_tiny_llama(tmp_path / "wide.gguf", width=256, ffn=512, layers=4)
    paths = [write_adapter(tmp_path / f"{seed}.gguf", base, rank=256, size=0.1, seed=seed) for seed in (1, 2)]
    assert paths[0].stat().st_size > 8e6
    engine.load(base, LoadOptions(threads=1))
    process = psutil.Process(engine.hello.pid)
    seconds = []
    for number in range(26):
        seconds.append(engine.set_adapters([use(paths[number % 2])]).seconds)
        if number == 5:
            before = process.memory_info().rss
    assert process.memory_info().rss - before < 80e6, "twenty adapters of 8 MB have come and gone: 160 MB if they stayed"
    assert max(seconds) < 1


# What is refused


def test_an_adapter_of_another_base_is_refused_and_the_one_before_stays(ready, one, tmp_path):
    ready.set_adapters([use(one)])
    voiced = said(ready)
    twin = tiny_models.write_tiny_llama(tmp_path / "twin.gguf", seed=7)  # the same shapes, other weights
    large = tiny_models.write_tiny_llama(tmp_path / "large.gguf", width=128)
    qwen = tiny_models.write_tiny_llama(tmp_path / "qwen.gguf", architecture="qwen2")
    for base in (twin, large, qwen):
        path = write_adapter(tmp_path / f"for-{base.name}", base)
        with pytest.raises(EngineError) as refusal:
            ready.set_adapters([use(path)])
        assert path.name in refusal.value.what
        assert refusal.value.remedy
        assert said(ready) == voiced
        assert ready.set_adapters([use(path, optional=True), use(one)]).notes == ()


def test_a_load_with_a_wrong_adapter_fails_and_the_present_model_stays(ready, tiny_model, one, tmp_path):
    ready.set_adapters([use(one)])
    voiced = said(ready)
    path = write_adapter(tmp_path / "wrong.gguf", tiny_models.write_tiny_llama(tmp_path / "twin.gguf", seed=7))
    with pytest.raises(ModelError, match=r"wrong\.gguf"):
        ready.load(tiny_model, adapters=[use(path)])
    assert said(ready) == voiced
    assert ready.load(tiny_model, adapters=[use(path, optional=True)]).adapters == ()


def test_adapters_without_a_model_are_refused_in_a_sentence(engine, one):
    with pytest.raises(EngineError, match="No model is loaded"):
        engine.set_adapters([use(one)])


BAD = {
    "missing": lambda path, base: None,
    "not GGUF": lambda path, base: path.write_bytes(b"hello"),
    "empty": lambda path, base: path.write_bytes(b""),
    "a model": lambda path, base: path.write_bytes(base.read_bytes()),
    "truncated": lambda path, base: path.write_bytes(write_adapter(path, base).read_bytes()[:-500]),
    "cut in the header": lambda path, base: path.write_bytes(write_adapter(path, base).read_bytes()[:300]),
    "half a pair": lambda path, base: write_adapter(path, base, leave_out=("blk.0.attn_q.weight.lora_b",)),
    "unknown tensor": lambda path, base: write_adapter(
        path, base, tensors={"blk.9.attn_q.weight.lora_a": np.ones((4, 64), np.float16)}
    ),
    "foreign tensor": lambda path, base: write_adapter(path, base, tensors={"something": np.ones((4, 64), np.float16)}),
    "wrong shape": lambda path, base: write_adapter(
        path, base, tensors={"blk.0.attn_q.weight.lora_a": np.ones((4, 32), np.float16)}
    ),
    "ranks that differ": lambda path, base: write_adapter(
        path, base, tensors={"blk.0.attn_q.weight.lora_a": np.ones((5, 64), np.float16)}
    ),
    "three dimensions": lambda path, base: write_adapter(
        path, base, tensors={"blk.0.attn_q.weight.lora_a": np.ones((2, 4, 64), np.float16)}
    ),
    "integers": lambda path, base: write_adapter(
        path, base, tensors={"blk.0.attn_q.weight.lora_a": np.ones((4, 64), np.int32)}
    ),
    "doubles": lambda path, base: write_adapter(
        path, base, tensors={"blk.0.attn_q.weight.lora_b": np.ones((64, 4), np.float64)}
    ),
    "not a number": lambda path, base: write_adapter(
        path, base, tensors={"blk.0.attn_q.weight.lora_a": np.full((4, 64), np.nan, np.float16)}
    ),
    "no type": lambda path, base: write_adapter(path, base, leave_out=("adapter.type",)),
    "another type": lambda path, base: write_adapter(path, base, metadata={"adapter.type": "dora"}),
    "a type that is a number": lambda path, base: write_adapter(path, base, metadata={"adapter.type": 7}),
    "alpha that is text": lambda path, base: write_adapter(path, base, metadata={"adapter.lora.alpha": "sixteen"}),
    "alpha that is whole": lambda path, base: write_adapter(path, base, metadata={"adapter.lora.alpha": 16}),
    "alpha that is no number": lambda path, base: write_adapter(path, base, metadata={"adapter.lora.alpha": float("nan")}),
    "no general.type": lambda path, base: write_adapter(path, base, metadata={"general.type": "model"}),
    "control vector": lambda path, base: write_adapter(path, base, metadata={"general.type": "controlvector"}),
    "invocation tokens that are a number": lambda path, base: write_adapter(
        path, base, metadata={"adapter.alora.invocation_tokens": 7}
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", BAD)
def test_a_bad_file_is_refused_in_a_sentence_and_the_voice_stays(steady, tiny_model, one, tmp_path, damage):
    engine, voiced = steady
    path = tmp_path / "bad.gguf"
    BAD[damage](path, tiny_model)
    with pytest.raises(EngineError) as refusal:
        engine.set_adapters([use(path)])
    assert "bad.gguf" in refusal.value.what
    assert refusal.value.remedy
    assert said(engine) == voiced
    done = engine.set_adapters([use(path, optional=True), use(one)])
    assert [adapter.name for adapter in done.adapters] == ["One"]
    assert said(engine) == voiced
    assert len(done.notes) == (damage not in {"missing", "wrong shape"}), "what fits another model is left out in silence"


def test_flipped_bits_never_take_the_engine_down(steady, tiny_model, one, tmp_path):
    engine, voiced = steady
    path = tmp_path / "flipped.gguf"
    whole = write_adapter(path, tiny_model).read_bytes()
    random = np.random.default_rng(0)
    for _ in range(60):
        content = bytearray(whole)
        for at in random.integers(0, 5000, 3):
            content[at] ^= 1 << random.integers(8)
        path.write_bytes(content)
        with contextlib.suppress(EngineError):
            engine.set_adapters([use(path)])
        assert engine.process.poll() is None, content
    engine.set_adapters([use(one)])
    assert said(engine) == voiced
