"""Strengths from verdicts: known ones are found again, and nobody becomes infinitely strong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.linear_model import LogisticRegression

from companion.workshop.evaluation.bradley_terry import PRIOR, Verdict, duel, strengths

KNOWN = {"a": 0.9, "b": 0.2, "c": -0.3, "d": -0.8}


def verdicts(count, seed=0, known=KNOWN):
    chance = np.random.default_rng(seed)
    names = sorted(known)
    found = []
    for _ in range(count):
        one, other = chance.choice(names, 2, replace=False)
        found.append(Verdict(str(one), str(other), "a" if chance.random() < special.expit(known[one] - known[other]) else "b"))
    return found


def test_known_strengths_are_found_again():
    found = {strength.name: strength for strength in strengths(verdicts(4000))}
    for name, value in KNOWN.items():
        assert found[name].value == pytest.approx(value, abs=0.12)
        assert found[name].interval.low < value < found[name].interval.high
    assert [strength.name for strength in strengths(verdicts(4000))] == ["a", "b", "c", "d"]


def test_strengths_are_those_of_greatest_likelihood():
    told = verdicts(60)
    names = sorted(KNOWN)

    def surprise(values):
        by_name = dict(zip(names, values, strict=True))
        signs = [1 if one.winner == "a" else -1 for one in told]
        said = sum(np.log1p(np.exp(-sign * (by_name[one.a] - by_name[one.b]))) for sign, one in zip(signs, told, strict=True))
        return said + PRIOR * sum(np.log1p(np.exp(value)) + np.log1p(np.exp(-value)) for value in values)

    best = optimize.minimize(surprise, np.zeros(4), tol=1e-10).x
    found = {strength.name: strength.value for strength in strengths(told)}
    np.testing.assert_allclose([found[name] for name in names], best - best.mean(), atol=1e-4)


def test_strengths_agree_with_a_logistic_regression():
    told = verdicts(3000, seed=1)
    names = sorted(KNOWN)
    rows = np.array([[(name == one.a) - (name == one.b) for name in names] for one in told])
    model = LogisticRegression(fit_intercept=False, C=1e4).fit(rows, [one.winner == "a" for one in told])
    found = {strength.name: strength.value for strength in strengths(told)}
    expected = model.coef_[0] - model.coef_[0].mean()
    np.testing.assert_allclose([found[name] for name in names], expected, atol=0.02)


def test_intervals_hold_the_known_strengths():
    held = [
        strength.interval.low < KNOWN[strength.name] < strength.interval.high
        for seed in range(150)
        for strength in strengths(verdicts(80, seed))
    ]
    assert 0.92 < np.mean(held) < 0.99


def test_who_wins_everything_stays_finite():
    first, second = strengths([Verdict("a", "b", "a")] * 20)
    assert first.name == "a"
    assert 1 < first.value < 5
    assert second.value == pytest.approx(-first.value)
    assert math.isfinite(first.interval.high)
    assert (first.wins, first.losses) == (20, 0)


def test_ties_are_half_a_win_for_both():
    ties = strengths([Verdict("a", "b", "tie")] * 10)
    even = strengths([Verdict("a", "b", "a"), Verdict("a", "b", "b")] * 5)
    assert [strength.value for strength in ties] == pytest.approx([0, 0])
    assert [strength.interval for strength in ties] == [strength.interval for strength in even]


def test_without_verdicts_there_are_no_strengths():
    assert strengths([]) == []
    assert duel([], "a", "b") is None
    assert duel([Verdict("a", "c", "a")], "a", "b") is None


def test_a_duel_counts_both_orders_and_halves_ties():
    told = [Verdict("a", "b", "b"), Verdict("b", "a", "a"), Verdict("a", "b", "tie"), Verdict("a", "b", "a")]
    found = duel(told, "a", "b")
    assert found.share == 2.5 / 4
    assert duel(told, "b", "a").share == 1.5 / 4


@pytest.mark.parametrize("wins", range(21))
def test_a_duel_is_beyond_chance_when_its_interval_says_so(wins):
    found = duel([Verdict("a", "b", "b")] * wins + [Verdict("a", "b", "a")] * (20 - wins), "a", "b")
    assert (found.p < 0.05) == (found.interval.low > 0.5 or found.interval.high < 0.5)
    assert 0 <= found.interval.low <= found.share <= found.interval.high <= 1
