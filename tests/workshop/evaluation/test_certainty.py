"""Intervals and paired comparisons: what they say, when they say nothing, and that they do not depend on anything else."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from scipy import stats

from companion.core.recipes.evaluate import Certainty
from companion.core.report import Comparison, Interval, Items, Metric
from companion.workshop.evaluation.certainty import bootstrap, compare, corrected, of_sums_interval, with_interval
from companion.workshop.evaluation.combine import combined
from companion.workshop.evaluation.shares import wilson

OPTIONS = Certainty(draws=1000)


def metric(vectors, key="likelihood.loss", names=None, combine="ratio", **fields):
    vectors = tuple(tuple(map(float, vector)) for vector in vectors)
    names = tuple(names or map(str, range(len(vectors))))
    items = Items(names=names, vectors=vectors, combine=combine)
    told = {"title": "Loss", "unit": "nats per token", "better": "lower", "units": "dialogues"} | fields
    return Metric(key=key, value=combined(items), items=items, **told)


def losses(units=40, seed=0, shift=0.0):
    chance = np.random.default_rng(seed)
    tokens = np.ceil(chance.lognormal(4, 0.7, units))
    return np.stack([(3 + shift + 0.4 * chance.standard_normal(units)) * tokens, tokens], 1)


def shares(yes, asked):
    return metric([[1, 1]] * yes + [[0, 1]] * (asked - yes), key="safety.share", unit="share", better="higher")


def comparison(p, headline=False, winner="b"):
    return Comparison(key="k", title="", a="a", b="b", a_value=0, b_value=1, difference=1, winner=winner, headline=headline,
                      interval=Interval(low=0, high=1), p=p, corrected_p=p)  # fmt: skip


def test_an_interval_holds_the_value_and_says_how_it_was_made():
    found = with_interval(metric(losses()), OPTIONS)
    assert found.interval.low < found.value < found.interval.high
    assert found.interval.method == "studentized bootstrap of 40 dialogues, 1,000 draws, seed 0"
    assert found.interval.level == 0.95


def test_equal_weights_give_about_the_interval_of_students_t():
    values = np.random.default_rng(3).normal(10, 2, 60)
    found = with_interval(metric([[value, 1] for value in values]), Certainty(draws=10_000)).interval
    expected = stats.t.interval(0.95, 59, values.mean(), values.std(ddof=1) / math.sqrt(60))
    np.testing.assert_allclose((found.low, found.high), expected, atol=0.08)


def test_the_same_seed_gives_the_same_and_other_metrics_do_not_matter():
    first = with_interval(metric(losses()), OPTIONS)
    with_interval(metric(losses(), key="other"), OPTIONS)
    assert with_interval(metric(losses()), OPTIONS) == first
    assert with_interval(metric(losses()), Certainty(draws=1000, seed=1)).interval != first.interval
    assert with_interval(metric(losses(), key="other"), OPTIONS).interval != first.interval


@pytest.mark.parametrize("units", [0, 1, 4])
def test_few_units_have_no_interval_and_say_why(units):
    found = with_interval(metric(losses(8)[:units]), OPTIONS)
    assert found.interval is None
    if units:
        assert "too few for an interval" in found.why


def test_what_has_no_items_or_has_an_interval_stays_as_it_is():
    bare = Metric(key="cost.speed", title="Speed", value=3.0)
    mine = msgspec.structs.replace(metric(losses()), interval=Interval(low=1, high=2))
    assert with_interval(bare, OPTIONS) is bare
    assert with_interval(mine, OPTIONS) is mine


def test_no_loop_in_forty_replies_is_no_proof_that_there_are_none():
    found = with_interval(shares(0, 40), OPTIONS).interval
    assert found.low == 0
    assert 0.05 < found.high < 0.1
    assert with_interval(shares(40, 40), OPTIONS).interval.low == pytest.approx(1 - found.high)


def test_shares_in_the_middle_have_wilsons_interval():
    for yes, asked in ((7, 30), (15, 40), (100, 200), (190, 200)):
        expected = stats.binomtest(yes, asked).proportion_ci(0.95, method="wilson")
        assert wilson(yes, asked, 0.95) == pytest.approx((expected.low, expected.high))


def test_shares_at_the_edge_hold_the_truth_where_plain_wilson_misses():
    """Exactly: the chance of every count, and whether its interval holds the true share."""
    for asked, share in ((10, 0.0175), (20, 0.0088), (40, 0.0044), (200, 0.00085)):
        chances = stats.binom.pmf(np.arange(asked + 1), asked, share)
        held = [low <= share <= high for low, high in (wilson(yes, asked, 0.95) for yes in range(asked + 1))]
        plain = [stats.binomtest(yes, asked).proportion_ci(0.95, method="wilson") for yes in range(asked + 1)]
        assert chances[held].sum() > 0.93
        assert chances[[each.low <= share <= each.high for each in plain]].sum() < 0.9


def test_answers_that_resemble_each_other_count_for_less():
    alike = metric([[4, 4]] * 4 + [[0, 4]] * 16, unit="share")
    apart = metric([[1, 4]] * 16 + [[0, 4]] * 4, unit="share")
    wide, narrow = (with_interval(each, OPTIONS).interval for each in (alike, apart))
    assert alike.value == apart.value == 0.2
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_perplexity_has_the_interval_of_its_loss():
    loss, perplexity = (with_interval(metric(losses(), combine=combine), OPTIONS) for combine in ("ratio", "exp-ratio"))
    assert perplexity.interval.low == pytest.approx(math.exp(loss.interval.low))
    assert perplexity.interval.high == pytest.approx(math.exp(loss.interval.high))


def test_bounded_metrics_have_bounded_intervals():
    chance = np.random.default_rng(2)
    found = with_interval(metric(np.stack([chance.integers(5, 9, 12), chance.integers(0, 2, 12), chance.integers(0, 2, 12)], 1),
                                 combine="f1"), OPTIONS).interval  # fmt: skip
    assert 0 <= found.low < found.high <= 1


def test_a_metric_that_hangs_on_one_unit_has_no_interval_and_says_why():
    found = with_interval(metric([[0, 0]] * 9 + [[3, 2]]), OPTIONS)
    assert found.interval is None
    assert "hold anything to count" in found.why


def test_nothing_that_varies_has_an_interval_without_width():
    found = with_interval(metric([[2, 1]] * 10), OPTIONS).interval
    assert (found.low, found.high) == (2, 2)


def test_pairing_sees_what_two_separate_intervals_do_not():
    first = losses(40, seed=1)
    second = first.copy()
    second[:, 0] -= 0.05 * first[:, 1] * (1 + 0.5 * np.random.default_rng(9).standard_normal(40))
    a, b = (with_interval(metric(each), OPTIONS) for each in (first, second))
    assert a.interval.low < b.value < a.interval.high, "alone they cannot be told apart"
    found = compare(a, b, "plain", "adapter", OPTIONS)
    assert (found.a, found.b, found.winner) == ("plain", "adapter", "b")
    assert found.difference == pytest.approx(b.value - a.value)
    assert found.interval.low < found.difference < found.interval.high < 0
    assert found.p < 0.001
    assert found.interval.method.startswith("paired studentized bootstrap of 40 dialogues")


def test_comparing_the_other_way_round_says_the_opposite():
    a, b = metric(losses(30, 1)), metric(losses(30, 2, shift=-0.3))
    there, back = compare(a, b, "a", "b", OPTIONS), compare(b, a, "b", "a", OPTIONS)
    assert back.difference == -there.difference
    assert back.interval.low == pytest.approx(-there.interval.high, abs=0.05)
    assert back.p == pytest.approx(there.p, abs=0.02)


def test_p_is_below_five_per_cent_exactly_when_the_interval_leaves_zero_out():
    sides = set()
    for seed in range(30):
        a = losses(25, seed)
        b = a.copy()
        b[:, 0] += a[:, 1] * np.random.default_rng(100 + seed).normal(0.08, 0.2, 25)
        found = compare(metric(a), metric(b), "a", "b", Certainty(draws=2000))
        beyond = found.interval.low > 0 or found.interval.high < 0
        assert beyond == (found.p < 0.05) or abs(found.p - 0.05) < 0.002
        sides.add(beyond)
    assert sides == {True, False}


def test_large_differences_have_p_values_that_survive_many_comparisons():
    a = losses(40)
    b = a.copy()
    b[:, 0] -= a[:, 1] * np.random.default_rng(0).normal(0.5, 0.2, 40)
    assert compare(metric(a), metric(b), "a", "b", OPTIONS).p < 1e-6


def test_only_units_that_both_have_are_compared():
    vectors = losses(20)
    a = metric(vectors, names=[f"d{i}" for i in range(20)])
    b = metric(vectors[4:] * [1.1, 1], names=[f"d{i}" for i in range(4, 20)])
    found = compare(a, b, "a", "b", OPTIONS)
    assert found.a_value == pytest.approx(vectors[4:, 0].sum() / vectors[4:, 1].sum())
    assert found.difference == pytest.approx(0.1 * found.a_value)
    assert "16 dialogues" in found.interval.method
    few = metric(vectors[16:], names=[f"d{i}" for i in range(16, 20)])
    assert compare(a, few, "a", "b", OPTIONS) is None


def test_what_cannot_be_paired_is_not_compared():
    a = metric(losses(20))
    assert compare(a, msgspec.structs.replace(a, items=None), "a", "b", OPTIONS) is None
    assert compare(a, metric(losses(20), combine="exp-ratio"), "a", "b", OPTIONS) is None
    assert compare(a, metric([[0, 0]] * 20), "a", "b", OPTIONS) is None


@pytest.mark.parametrize("kind", ["losses", "shares"])
def test_a_subject_is_not_better_than_itself(kind):
    a = metric(losses(20)) if kind == "losses" else shares(0, 40)
    found = compare(a, a, "a", "b", OPTIONS)
    assert (found.difference, found.winner, found.p) == (0, "", 1)
    assert (found.interval.high > 0) == (kind == "shares"), "forty answers alike do not prove that all are"


def test_paired_yes_and_no_count_those_that_changed():
    a = metric([[0, 1]] * 12 + [[1, 1]] * 28, unit="share", better="higher")
    b = metric([[1, 1]] * 12 + [[1, 1]] * 28, unit="share", better="higher")
    found = compare(a, b, "a", "b", OPTIONS)
    assert found.winner == "b"
    assert found.p < stats.binomtest(12, 12).pvalue * 10
    assert found.interval.low > 0


def test_what_is_neither_better_nor_worse_has_no_winner():
    a, b = (metric(losses(30, 1, shift), better="") for shift in (0.0, 2.0))
    found = compare(a, b, "a", "b", OPTIONS)
    assert found.p < 0.001
    assert found.winner == ""


def test_holm_and_benjamini_hochberg_by_hand():
    p = [0.01, 0.04, 0.03, 0.005]
    holm = [each.corrected_p for each in corrected([comparison(value) for value in p], OPTIONS)]
    np.testing.assert_allclose(holm, [0.03, 0.06, 0.06, 0.02])
    rate = Certainty(correction="benjamini-hochberg")
    found = [each.corrected_p for each in corrected([comparison(value) for value in p], rate)]
    np.testing.assert_allclose(found, stats.false_discovery_control(p))
    assert [each.corrected_p for each in corrected([comparison(value) for value in p], Certainty(correction="none"))] == p


def test_the_correction_takes_back_winners_that_chance_explains():
    found = corrected([comparison(0.01), comparison(0.03), comparison(0.9, winner="")], OPTIONS)
    assert [each.winner for each in found] == ["b", "", ""]


def test_the_few_of_the_headline_are_corrected_among_themselves():
    found = corrected([comparison(0.02, headline=True), *(comparison(0.02) for _ in range(50))], OPTIONS)
    assert (found[0].corrected_p, found[0].winner) == (0.02, "b")
    assert (found[1].corrected_p, found[1].winner) == (1.0, "")
    assert corrected([], OPTIONS) == []


def test_a_bootstrap_of_anything_agrees_with_scipys():
    values = np.random.default_rng(5).exponential(2, 50)
    found = bootstrap(lambda chosen: float(np.median(values[chosen])), 50, Certainty(draws=4000))
    expected = stats.bootstrap((values,), np.median, n_resamples=9999, method="BCa", rng=1).confidence_interval
    assert found.low == pytest.approx(expected.low, abs=0.15)
    assert found.high == pytest.approx(expected.high, abs=0.15)
    assert bootstrap(lambda chosen: 1.0, 4, OPTIONS) is None
    assert bootstrap(lambda chosen: math.nan, 40, OPTIONS) is None


def test_other_functions_of_sums_have_intervals_too():
    vectors = losses(40)
    found = of_sums_interval(lambda sums: sums[:, 0] / sums[:, 1], vectors, OPTIONS, key="likelihood.loss", called="dialogues")
    assert found == with_interval(metric(vectors), OPTIONS).interval
    assert of_sums_interval(lambda sums: sums[:, 0], vectors[:4], OPTIONS, key="k") is None


def test_a_thousand_dialogues_take_less_than_a_second():
    import time

    began = time.perf_counter()
    with_interval(metric(losses(1000)), Certainty(draws=2000))
    assert time.perf_counter() - began < 1
