"""Divergence from a reference: zero from itself, as its definition says from others, refused between vocabularies."""

from __future__ import annotations

import numpy as np
import pytest

from companion.core.errors import DatasetError, ModelError
from companion.core.recipes.evaluate import Certainty, Evaluate, Likelihood
from companion.llama.divergence import divergence, divergences
from companion.llama.scoring import perplexity, text_rows, text_tokens
from companion.workshop.evaluation import divergence as family
from companion.workshop.evaluation.family import Material, Situation, Text
from companion.workshop.evaluation.opened import open_subjects
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama

PROSE = "Hello, what is your name? You and me and the night: how can you tell that a star is not with me? Tell me, love. " * 8


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A model, and the same with an adapter."""
    folder = tmp_path_factory.mktemp("models")
    path = write_tiny_llama(folder / "tiny.gguf", context=2048)
    adapter = write_adapter(folder / "voice.gguf", path, size=0.3)
    with open_subjects(Evaluate(subjects=((str(path),), (str(path), str(adapter))))) as (subjects, _):
        yield [each._replace(threads=1) for each in subjects]


def measured(opened, reference, text=PROSE):
    recipe = Evaluate(likelihood=Likelihood(context=64), certainty=Certainty(draws=100))
    material = Material((), (Text("prose", text),), ())
    return family.measure(Situation(recipe, opened, material, (), reference, lambda share: None))


def values(section):
    return {metric.key.partition(".")[2]: metric.value for metric in section.metrics}


def log_softmax(opened, tokens):
    with opened.context(64, batch=64) as context:
        rows = [(each.logits.astype(np.float64), each.targets.copy()) for each in text_rows(context, tokens, 64)]
    logits, targets = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), targets


def test_divergence_is_what_its_definition_says(pair):
    tokens = text_tokens(pair[0].model.vocabulary, PROSE)
    (p, targets), (q, _) = (log_softmax(each, tokens) for each in pair)
    kl = (np.exp(p) * (p - q)).sum(axis=1)
    found = measured(pair[1], pair[0])
    expected = {"mean": kl.mean(), "median": np.median(kl), "p99": np.percentile(kl, 99), "max": kl.max()}
    expected["same_top"] = (p.argmax(axis=1) == q.argmax(axis=1)).mean()
    rows = np.arange(len(targets))
    expected["rms_change"] = np.sqrt(np.mean((np.exp(q[rows, targets]) - np.exp(p[rows, targets])) ** 2))
    assert expected["mean"] > 0.001
    for name, value in expected.items():
        assert values(found)[name] == pytest.approx(value, rel=1e-4), name


def test_a_model_does_not_diverge_from_itself(pair):
    tokens = text_tokens(pair[0].model.vocabulary, PROSE)
    with pair[0].context(64, batch=64) as one, pair[0].context(64, batch=64) as two:
        found = divergence(one, two, tokens, chunk=64)
    assert np.abs(found.kl).max() == 0
    assert found.same_top.all()
    assert not found.change.any()


def test_several_divergences_from_one_reference_come_with_every_ones_own_likelihoods(pair):
    tokens = text_tokens(pair[0].model.vocabulary, PROSE)
    with pair[0].context(64, batch=64) as one, pair[0].context(64, batch=64) as same, pair[1].context(64, batch=64) as other:
        zero, found = divergences(one, [same, other], tokens, chunk=64)
        alone = divergence(one, other, tokens, chunk=64)
        likelihoods = [perplexity(each, tokens, chunk=64).values for each in (one, other)]
    assert np.abs(zero.kl).max() == 0
    assert np.array_equal(found.kl, alone.kl)
    for ours, exact in zip((found.reference, found.candidate), likelihoods, strict=True):
        assert ours == pytest.approx(exact, abs=1e-5)


def test_percentiles_rise_and_common_ones_have_an_interval(pair):
    section = measured(pair[1], pair[0])
    found = values(section)
    rising = [found[name] for name in ("median", "p90", "p95", "p99", "p99.9", "max")]
    assert rising == sorted(rising)
    intervals = {metric.key: metric.interval for metric in section.metrics}
    median = intervals["divergence.median"]
    assert median.low <= found["median"] <= median.high
    assert intervals["divergence.max"] is None


def test_the_reference_itself_is_skipped(pair):
    section = measured(pair[0], None)
    assert section.state == "skipped"
    assert section.why


def test_different_vocabularies_are_a_sentence(pair, tmp_path):
    other = write_tiny_llama(tmp_path / "other.gguf", tokenizer="llama")
    with (
        open_subjects(Evaluate(subjects=((str(other),),))) as (others, _),
        pytest.raises(ModelError, match=r"different vocabularies.*bits per byte"),
    ):
        measured(others[0], pair[0])


def test_a_text_that_is_too_short_is_a_sentence(pair):
    with pytest.raises(DatasetError, match="needs at least 128"):
        measured(pair[1], pair[0], "hello")
