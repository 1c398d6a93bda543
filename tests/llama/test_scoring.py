"""Log-probabilities are exactly those of the logits, however the tokens are cut into batches and sequences."""

from __future__ import annotations

import math
from collections.abc import Iterator

import llama_cpp
import numpy as np
import pytest

from companion.core.errors import DatasetError, EngineError
from companion.llama.context import Context, ContextOptions
from companion.llama.library import Library
from companion.llama.likelihood import likelihood
from companion.llama.model import Model
from companion.llama.scoring import branches, continuation, perplexity, rows_at_once, score, text_tokens
from tests.tiny_models import write_tiny_llama

ROUNDING = 1e-3
"""Nats per token: the cache holds 16 bits, and sums run in an order that depends on how many tokens are computed together."""
TEXT = (
    "Hello, what is your name? You and me and the night: how can you tell that a star is not with me? Tell me, love, that is it. "
)


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def model(request, library, tmp_path_factory) -> Iterator[Model]:
    """One vocabulary that adds no BOS and one that does."""
    path = write_tiny_llama(tmp_path_factory.mktemp("scored") / "model.gguf", tokenizer=request.param, context=4096)
    with Model(library, path) as loaded:
        yield loaded


def context(model: Model, tokens: int = 1024, **options: int) -> Context:
    return Context(model, ContextOptions(tokens=tokens, threads=1, flash_attention=False, **options))


def direct(model: Model, tokens: list[int]) -> np.ndarray:
    """Log-probabilities of tokens[1:] from the logits of one whole decode, softmax in float64."""
    with context(model, batch=1024) as whole:
        batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.logits[i], batch.n_seq_id[i], batch.seq_id[i][0] = token, i, 1, 1, 0
        assert llama_cpp.llama_decode(whole.pointer, batch) == 0
        logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits(whole.pointer), (len(tokens), model.vocabulary.size))
        logits = logits.astype(np.float64)
        llama_cpp.llama_batch_free(batch)
    logits -= logits.max(axis=1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return logits[np.arange(len(tokens) - 1), tokens[1:]]


@pytest.mark.parametrize("begins_with_bos", [False, True])
def test_scores_are_those_of_the_logits(model, begins_with_bos):
    tokens = [model.vocabulary.bos] * begins_with_bos + model.vocabulary.tokenize(TEXT)
    with context(model) as scored:
        found = score(scored, tokens)
    assert found.shape == (len(tokens) - 1,)
    assert np.abs(found - direct(model, tokens)).max() < 1e-5


@pytest.mark.parametrize("begins_with_bos", [False, True])
def test_scores_of_a_quantized_model_are_those_of_the_logits(starter_loaded, begins_with_bos):
    tokens = [starter_loaded.vocabulary.bos] * begins_with_bos + starter_loaded.vocabulary.tokenize(TEXT)
    with context(starter_loaded) as scored:
        found = score(scored, tokens)
    assert np.abs(found - direct(starter_loaded, tokens)).max() < 1e-3


def test_small_batches_and_few_rows_change_nothing(model):
    tokens = model.vocabulary.tokenize(TEXT * 3)
    with context(model, batch=32, outputs=16) as small, context(model) as large:
        assert np.abs(score(small, tokens) - score(large, tokens)).mean() < ROUNDING


def test_endings_are_scored_as_if_each_stood_alone_behind_the_beginning(model):
    tokens = model.vocabulary.tokenize(TEXT)
    beginning, endings = tokens[:20], [tokens[20:25], tokens[3:4], tokens[7:40], tokens[20:60], tokens[1:3]]
    wanted = []
    with context(model) as alone:
        for ending in endings:
            wanted.append(score(alone, beginning + ending)[len(beginning) - 1 :])
        one_after_another = branches(alone, beginning, endings)
    with context(model, sequences=4, batch=32) as several:
        side_by_side = branches(several, beginning, endings)
        sums = continuation(several, beginning, endings)
    for one, two, right, total in zip(one_after_another, side_by_side, wanted, sums, strict=True):
        assert np.abs(one - right).mean() < ROUNDING
        assert np.abs(two - right).mean() < ROUNDING
        assert total == pytest.approx(two.sum())


def test_without_a_beginning_the_first_token_has_nothing_before_it(model):
    tokens = model.vocabulary.tokenize(TEXT)[:30]
    with context(model, sequences=3) as several:
        found = branches(several, [], [tokens, tokens[5:]])
        assert np.abs(found[0] - score(several, tokens)).max() < 1e-5
        assert len(found[1]) == 24


def test_the_likelihood_of_chosen_tokens_is_the_sum_of_their_scores(model):
    tokens = model.vocabulary.tokenize(TEXT)
    learn = [i % 3 == 0 for i in range(len(tokens))]
    with context(model) as scored:
        found, all_scores = likelihood(scored, tokens, learn), score(scored, tokens)
    chosen = [value for value, learned in zip(all_scores, learn[1:], strict=True) if learned]
    assert found.tokens == len(chosen)
    assert found.nats == pytest.approx(-sum(chosen), abs=1e-4)


def naive_perplexity(model: Model, tokens: list[int], chunk: int) -> float:
    """Line by line what llama.cpp's tool computes."""
    nats = count = 0
    for start in range(0, len(tokens) // chunk * chunk, chunk):
        part = tokens[start : start + chunk]
        if model.vocabulary.adds_bos:
            part[0] = model.vocabulary.bos
        values = direct(model, part)
        for position in range(chunk // 2, chunk - 1):
            nats -= values[position]
            count += 1
    return math.exp(nats / count)


@pytest.mark.parametrize(("chunk", "options"), [(64, {}), (64, {"sequences": 4, "batch": 256}), (100, {"batch": 32})])
def test_perplexity_is_that_of_llama_cpps_tool(model, chunk, options):
    tokens = text_tokens(model.vocabulary, TEXT * 6 + "\n")
    with context(model, **options) as measured:
        found = perplexity(measured, tokens, chunk=chunk)
    assert found.values.shape == (len(tokens) // chunk, chunk - 1 - chunk // 2)
    assert found.perplexity == pytest.approx(naive_perplexity(model, tokens, chunk), rel=ROUNDING)


def test_a_text_begins_with_bos_where_the_vocabulary_adds_one(model):
    tokens = text_tokens(model.vocabulary, "hello\n")
    assert (tokens[0] == model.vocabulary.bos) == model.vocabulary.adds_bos
    assert b"".join(map(model.vocabulary.piece, tokens)).strip() == b"hello"


def test_a_text_that_is_too_short_says_how_many_tokens_it_needs(model):
    with context(model) as measured, pytest.raises(DatasetError, match=r"has 3 tokens.*needs at least 128"):
        perplexity(measured, [5, 6, 7], chunk=64)


def test_logits_that_are_no_numbers_are_a_sentence(library: Library, tmp_path):
    broken = {"output_norm.weight": np.full(64, np.nan, np.float32)}
    path = write_tiny_llama(tmp_path / "broken.gguf", tensors=broken)
    with Model(library, path) as model, context(model, sequences=2) as measured:
        for work in (
            lambda: score(measured, [5, 6, 7]),
            lambda: branches(measured, [5, 6], [[7]]),
            lambda: perplexity(measured, list(range(20, 60)), chunk=16),
        ):
            with pytest.raises(EngineError, match="nonsense"):
                work()


def test_the_cache_is_left_empty_when_somebody_gives_up(model):
    class Enough(Exception):
        pass

    def enough(share: float) -> None:
        raise Enough

    with context(model) as measured:
        with pytest.raises(Enough):
            perplexity(measured, list(range(20, 200)), chunk=16, tell=enough)
        assert measured.tokens == []
        assert measured.read([5, 6, 7]) == 0


def test_larger_vocabularies_get_fewer_rows_at_once():
    assert rows_at_once(49_152) == 256
    assert rows_at_once(150_000) * 150_000 * 4 <= 128 << 20
