"""Summed vectors become the metric that the reference library computes from the texts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from companion.core.report import Items
from companion.workshop.evaluation.combine import combined, of_sums

HYPOTHESES = ["the cat sat on the mat", "a dog barked", "hello there my dear friend", "so", ""]
REFERENCES = ["the cat is on the mat", "the dog barked loudly at night", "hello my dear friend", "nothing alike", "gone"]


def items(vectors, combine="ratio"):
    return Items(names=tuple(map(str, range(len(vectors)))), vectors=tuple(map(tuple, vectors)), combine=combine)


def bleu_statistics(hypotheses, references):
    metric = BLEU()
    return [
        [float(each) for each in metric._extract_corpus_statistics([h], [[r]])[0]]
        for h, r in zip(hypotheses, references, strict=True)
    ]


@pytest.mark.parametrize("chosen", [[0], [0, 1, 2], [1, 2, 3], [0, 1, 2, 3, 4], [3], [1, 3]])
def test_bleu_is_sacrebleus(chosen):
    hypotheses, references = [HYPOTHESES[i] for i in chosen], [REFERENCES[i] for i in chosen]
    expected = BLEU().corpus_score(hypotheses, [references]).score
    assert combined(items(bleu_statistics(hypotheses, references), "bleu")) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("words", [0, 2])
@pytest.mark.parametrize("chosen", [[0], [0, 1, 2, 3, 4], [3], [1, 3]])
def test_chrf_is_sacrebleus(chosen, words):
    hypotheses, references = [HYPOTHESES[i] for i in chosen], [REFERENCES[i] for i in chosen]
    metric = CHRF(word_order=words)
    vectors = [metric._extract_corpus_statistics([h], [[r]])[0] for h, r in zip(hypotheses, references, strict=True)]
    expected = metric.corpus_score(hypotheses, [references]).score
    assert combined(items(vectors, "chrf")) == pytest.approx(expected, abs=1e-9)


def test_bleu_of_many_draws_at_once_is_that_of_each():
    chance = np.random.default_rng(0)
    vectors = np.array(bleu_statistics(HYPOTHESES, REFERENCES))
    sums = chance.integers(0, 3, (50, len(vectors))).astype(float) @ vectors
    alone = [of_sums("bleu", row[None])[0] for row in sums]
    np.testing.assert_allclose(of_sums("bleu", sums), alone)


def test_ratios_and_f1_by_hand():
    assert combined(items([[6.0, 2.0], [2.0, 2.0]])) == 2.0
    assert combined(items([[6.0, 2.0], [2.0, 2.0]], "exp-ratio")) == pytest.approx(math.exp(2))
    assert combined(items([[3, 1, 0], [1, 1, 2]], "f1")) == pytest.approx(8 / 12)


@pytest.mark.parametrize(("combine", "width"), [("ratio", 2), ("exp-ratio", 2), ("f1", 3)])
def test_what_weighs_nothing_has_no_value(combine, width):
    assert combined(items([[0.0] * width], combine)) is None
    assert combined(items([], combine)) is None


def test_a_perplexity_beyond_all_numbers_is_still_one():
    assert math.isfinite(combined(items([[5000.0, 1.0]], "exp-ratio")))
