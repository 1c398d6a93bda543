"""The KV cache: reused where prompts agree, moved when old turns are dropped, never wrong."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from companion.core.errors import ModelError
from companion.core.sampling import Sampling
from companion.llama.context import Context, ContextOptions, KVTypes, Stopped, floats
from companion.llama.health import divergence
from companion.llama.library import Library
from companion.llama.model import Model
from companion.llama.sampling import Sampler
from tests import tiny_models


@pytest.fixture
def context(starter_loaded):
    with Context(starter_loaded, ContextOptions(tokens=1024, threads=1)) as context:
        yield context


def logits(context: Context) -> np.ndarray:
    return floats(context.logits(), context.model.vocabulary.size).copy()[None]


def story(context: Context, count: int, seed: int = 0) -> list[int]:
    words = np.random.default_rng(seed).choice(["star", "moon", "tea", "dome", "night", "cold", "warm", "light"], size=count)
    return context.model.vocabulary.tokenize(" " + " ".join(words))


def test_a_longer_prompt_reads_only_what_is_new(context):
    tokens = story(context, 300)
    assert context.read(tokens[:200]) == 0
    assert context.read(tokens) == 200


def test_reuse_gives_the_same_logits_as_reading_everything(context):
    tokens = story(context, 200)
    context.read(tokens)
    direct = logits(context)
    context.clear()
    context.read([*tokens[:120], *story(context, 60, seed=1)])
    assert context.read(tokens) == 120
    assert divergence(direct, logits(context)) < 0.02, "only rounding may differ: batches have other sizes"


def test_the_same_prompt_again_reads_one_token(context):
    tokens = story(context, 100)
    context.read(tokens)
    assert context.read(tokens) == len(tokens) - 1


def test_dropped_turns_are_cut_out_of_the_cache_without_reading_the_rest_again(context):
    head, old, rest = story(context, 40), story(context, 100, seed=1), story(context, 150, seed=2)
    context.read([*head, *old, *rest])
    assert context.read([*head, *rest], may_shift=True) == len(head) + len(rest) - 1
    assert context.tokens == [*head, *rest]
    shifted = logits(context)
    context.clear()
    context.read([*head, *rest])
    assert divergence(shifted, logits(context)) < 0.5, "positions moved with the tokens"


def test_nothing_is_moved_from_one_conversation_to_another(context):
    head, shared = story(context, 40), story(context, 150, seed=2)
    context.read([*head, *story(context, 100, seed=1), *shared])
    assert context.read([*head, *story(context, 10, seed=3), *shared]) < len(head) + 5


def test_reading_can_be_stopped_and_goes_on_where_it_stopped(context):
    tokens = story(context, 600)
    with pytest.raises(Stopped):
        context.read(tokens, stop=lambda: len(context.tokens) >= 150)
    assert 150 <= len(context.tokens) < 500
    kept = len(context.tokens)
    assert context.read(tokens) == kept


def test_progress_is_reported_to_the_end(context):
    seen: list[int] = []
    tokens = story(context, 300)
    context.read(tokens, progress=seen.append)
    assert seen[-1] == len(tokens)
    assert seen == sorted(seen)


def test_a_context_that_cannot_be_had_is_a_sentence(starter_loaded):
    with pytest.raises(ModelError, match="no room for a context"):
        Context(starter_loaded, ContextOptions(tokens=2**31 - 256, threads=1))


def draw(context: Context, sampling: Sampling, count: int = 12) -> list[int]:
    prompt = context.model.vocabulary.tokenize("The stars tonight are")
    context.read(prompt)
    sampler = Sampler(context.model.vocabulary, sampling, prompt)
    drawn = []
    for _ in range(count):
        drawn.append(sampler.sample(context.pointer))
        context.add(drawn[-1])
    sampler.close()
    return drawn


def test_the_same_seed_draws_the_same_tokens_and_another_seed_others(context):
    first, again, other = (draw(context, Sampling(seed=seed, temperature=1.2)) for seed in (7, 7, 8))
    assert first == again != other


def test_temperature_zero_takes_the_most_likely_token(context):
    plain = Sampling(temperature=0, repeat_penalty=1)
    context.read(context.model.vocabulary.tokenize("The stars tonight are"))
    best = int(np.argmax(logits(context)))
    assert draw(context, plain)[0] == best


@pytest.mark.parametrize(
    "change",
    [
        {"top_k": 1},
        {"top_p": 0.0},
        {"min_p": 1.0},
        {"typical_p": 0.01},
    ],
)
def test_each_filter_narrows_the_choice(context, change):
    wide = Sampling(temperature=2.5, top_k=0, top_p=1, min_p=0, repeat_penalty=1)
    settings = {field: getattr(wide, field) for field in wide.__struct_fields__}
    firsts = {draw(context, Sampling(**{**settings, **change, "seed": seed}), 1)[0] for seed in range(6)}
    unfiltered = {draw(context, Sampling(**{**settings, "seed": seed}), 1)[0] for seed in range(6)}
    assert len(firsts) < len(unfiltered)


@pytest.mark.parametrize(
    "change", [{"repeat_penalty": 2.0}, {"frequency_penalty": 2.0}, {"presence_penalty": 2.0}, {"dry_multiplier": 5.0}]
)
def test_each_penalty_breaks_a_loop(context, change):
    vocabulary = context.model.vocabulary
    prompt = vocabulary.tokenize(" red blue green red blue green red")
    plain = {"temperature": 0.0, "repeat_penalty": 1.0}

    def first(**settings) -> int:
        context.read(prompt)
        sampler = Sampler(vocabulary, Sampling(**settings), prompt)
        token = sampler.sample(context.pointer)
        sampler.close()
        return token

    assert vocabulary.piece(first(**plain)) == b" blue"
    assert vocabulary.piece(first(**{**plain, **change})) != b" blue"


def test_xtc_skips_the_best_choice(context):
    loose = Sampling(temperature=1.0, top_k=0, top_p=1, min_p=0, repeat_penalty=1, xtc_probability=1.0, xtc_threshold=0.02)
    context.read(context.model.vocabulary.tokenize("The stars tonight are"))
    best = int(np.argmax(logits(context)))
    settings = {field: getattr(loose, field) for field in loose.__struct_fields__}
    assert best not in {draw(context, Sampling(**{**settings, "seed": seed}), 1)[0] for seed in range(8)}


def test_a_model_outlives_another_librarys_log(library, tiny_model, tmp_path):
    other = Library()
    Model(other, tiny_model, vocabulary_only=True).close()
    del other
    gc.collect()
    with pytest.raises(ModelError):
        Model(library, tmp_path / "gone.gguf")  # llama.cpp logs why


def test_a_quantized_cache_that_llama_cpp_cannot_move_is_read_again_instead(library, tmp_path):
    """Moving it would end the process."""
    path = tiny_models.write_tiny_llama(tmp_path / "narrow.gguf", width=128, heads=4, kv_heads=2)
    kinds = KVTypes("Q8_0", "Q8_0")
    tokens = [(7 * i + 11) % 384 for i in range(128)]
    with Model(library, path) as model, Context(model, ContextOptions(256, kv_types=kinds, flash_attention=True)) as context:
        assert model.key_size == 32
        context.read(tokens)
        assert context.read([*tokens[:20], *tokens[40:]], may_shift=True) == 20
        assert not context.grow(2)


def test_what_was_added_can_be_cut_off_again(context):
    tokens = story(context, 80)
    context.read(tokens)
    direct = logits(context)
    context.add_several(story(context, 5, seed=1)[:5])
    assert len(context.tokens) == len(tokens) + 5
    assert context.cut(len(tokens) - 1)
    context.add(tokens[-1])
    assert context.tokens == tokens
    assert divergence(direct, logits(context)) < 0.02
