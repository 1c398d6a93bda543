"""Adapters on a loaded model: they change what it computes, add up, and leave it as it was."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.llama.adapter import Adapter, Adapters, Scaled
from companion.llama.context import Context, ContextOptions, floats
from companion.llama.health import divergence
from companion.llama.model import Model, Placement
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama

TEXT = "Hello, what is your name? Tell me about the stars."


@pytest.fixture(scope="module")
def model(library, tiny_model: Path):
    with Model(library, tiny_model) as model:
        yield model


@pytest.fixture
def context(model: Model):
    with Context(model, ContextOptions(tokens=256, threads=1)) as context:
        yield context


@pytest.fixture
def adapters(context: Context):
    adapters = Adapters(context)
    yield adapters
    adapters.close()


@pytest.fixture(scope="module")
def one(tmp_path_factory, tiny_model) -> Path:
    return write_adapter(tmp_path_factory.mktemp("one") / "one.gguf", tiny_model, seed=1)


@pytest.fixture(scope="module")
def other(tmp_path_factory, tiny_model) -> Path:
    return write_adapter(tmp_path_factory.mktemp("other") / "other.gguf", tiny_model, seed=2)


def merge(base: Path, path: Path, scales: dict[Path, float]) -> Path:
    """The model with its adapters added to its weights (float32)."""
    content = bytearray(base.read_bytes())
    places = {tensor.name: tensor for tensor in read_header(base).tensors}
    start = read_header(base).data_offset
    for adapter, scale in scales.items():
        reader = gguf.GGUFReader(adapter)
        matrices = {tensor.name: tensor.data.astype(np.float32) for tensor in reader.tensors}
        for name in {name.rpartition(".")[0] for name in matrices}:
            a, b, at = matrices[f"{name}.lora_a"], matrices[f"{name}.lora_b"], start + places[name].offset
            weights = np.frombuffer(content, np.float32, places[name].elements, at).reshape(b.shape[0], a.shape[1])
            weights += scale * 8.0 / len(a) * b @ a  # alpha is 8
    path.write_bytes(content)
    return path


def logits(context: Context) -> np.ndarray:
    context.clear()  # else one token would be read, in a batch of its own that rounds differently
    context.read(context.model.vocabulary.tokenize(TEXT))
    return floats(context.logits(), context.model.vocabulary.size).copy()[None]


def test_an_adapter_changes_what_is_computed_and_leaves_nothing_behind(context, adapters, one):
    plain = logits(context)
    assert adapters.put([Scaled(one, 1.0)])
    assert divergence(plain, logits(context)) > 0.01
    assert adapters.put([])
    assert np.array_equal(logits(context), plain)


def test_what_the_cache_held_is_dropped(context, adapters, one):
    logits(context)
    adapters.put([Scaled(one, 1.0)])
    assert context.tokens == []


def test_what_counts_already_keeps_the_cache(context, adapters, one):
    adapters.put([Scaled(one, 0.5)])
    logits(context)
    assert not adapters.put([Scaled(one, 0.5)])
    assert context.tokens


def test_a_scale_of_zero_is_no_adapter(context, adapters, one):
    plain = logits(context)
    assert not adapters.put([Scaled(one, 0.0)])
    assert np.array_equal(logits(context), plain)


def test_adapters_add_up(context, adapters, one, other, tiny_model):
    """Against the weights themselves: W + scale × alpha / rank × B A, in a model of its own."""
    adapters.put([Scaled(one, 0.5), Scaled(other, -0.25)])
    summed = logits(context)
    merged = merge(tiny_model, one.with_name("merged.gguf"), {one: 0.5, other: -0.25})
    with Model(context.model.library, merged) as model, Context(model, context.options) as plain:
        assert divergence(logits(plain), summed) < 1e-4


def test_the_same_adapter_twice_counts_twice(context, adapters, one):
    adapters.put([Scaled(one, 0.25), Scaled(one, 0.5)])
    twice = logits(context)
    adapters.put([Scaled(one, 0.75)])
    assert np.array_equal(logits(context), twice)


def test_a_context_older_than_its_adapter_computes_as_a_new_one(context, adapters, one, model):
    logits(context)
    adapters.put([Scaled(one, 1.0)])
    with Context(model, context.options) as new:
        later = Adapters(new)
        later.put([Scaled(one, 1.0)])
        assert np.array_equal(logits(new), logits(context))
        later.close()


def test_a_context_beside_it_is_left_alone(context, adapters, one, model):
    with Context(model, context.options) as beside:
        plain = logits(beside)
        adapters.put([Scaled(one, 1.0)])
        assert np.array_equal(logits(beside), plain)


def test_a_file_that_was_written_again_is_another_adapter(context, adapters, tiny_model, tmp_path):
    path = write_adapter(tmp_path / "voice.gguf", tiny_model, seed=1)
    adapters.put([Scaled(path, 1.0)])
    first = logits(context)
    write_adapter(path, tiny_model, seed=2)
    assert adapters.put([Scaled(path, 1.0)])
    assert divergence(first, logits(context)) > 0.01


def test_repacked_weights_and_adapters_go_together(library, tmp_path):
    base = write_tiny_llama(tmp_path / "packed.gguf", type="Q4_0", width=256, ffn=512)
    path = write_adapter(tmp_path / "voice.gguf", base)
    results = []
    for repacked in (True, False):
        with (
            Model(library, base, Placement(0, extra_buffers=repacked)) as model,
            Context(model, ContextOptions(256, 1)) as context,
        ):
            adapters = Adapters(context)
            adapters.put([Scaled(path, 1.0)])
            results.append(logits(context))
            adapters.close()
    assert divergence(*results) < 0.01


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_adapter_of_nonsense_is_refused_and_the_one_before_stays(context, adapters, one, tiny_model, tmp_path, value):
    adapters.put([Scaled(one, 1.0)])
    before = logits(context)
    broken = np.zeros((4, 64), np.float16)
    broken[0, 0] = value
    path = write_adapter(tmp_path / "broken.gguf", tiny_model, tensors={"blk.1.attn_q.weight.lora_a": broken})
    with pytest.raises(ModelError, match=r"nonsense with “broken\.gguf”"):
        adapters.put([Scaled(path, 1.0)])
    assert np.array_equal(logits(context), before)


def test_what_llama_cpp_refuses_is_a_sentence_and_keeps_the_cache(context, adapters, one, tmp_path):
    adapters.put([Scaled(one, 1.0)])
    logits(context)
    other_model = write_tiny_llama(tmp_path / "other.gguf", layers=3)
    path = write_adapter(tmp_path / "wrong.gguf", other_model)
    with pytest.raises(ModelError, match=r"wrong\.gguf.*does not exist in base model"):
        adapters.put([Scaled(one, 1.0), Scaled(path, 1.0)])
    assert context.tokens
    with pytest.raises(ModelError, match="cannot be read"):
        adapters.put([Scaled(tmp_path / "gone.gguf", 1.0)])
    assert context.tokens


def test_a_model_that_is_closed_takes_its_adapters_along(library, tiny_model, one):
    model = Model(library, tiny_model)
    adapter = Adapter(model, one)
    model.close()
    adapter.close()
