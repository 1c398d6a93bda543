"""What a cross-validation comes to: an interval that knows the folds are alike, a verdict, and losses measured in llama.cpp."""

from __future__ import annotations

import math

import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats

from companion.core.job import JobOrder
from companion.core.job_folder import create_job
from companion.workshop.evaluation.cross_validation import FoldResult, corrected_interval, held_out_losses, section, verdict
from companion.workshop.evaluation.folds import Scheme
from tests.workshop.small_jobs import small_recipe, work_here, write_dialogues


def results(gains, learned=40, held_out=10):
    return [
        FoldResult(number=number, learned=learned, held_out=held_out, tokens=100, before=3.0, after=3.0 - gain)
        for number, gain in enumerate(gains, 1)
    ]


def test_the_interval_is_wider_than_if_folds_were_independent():
    gains = np.array([0.3, 0.25, 0.4, 0.35, 0.2])
    found = corrected_interval(gains, 10 / 40, 0.95)
    half = stats.t.ppf(0.975, 4) * math.sqrt((1 / 5 + 1 / 4) * gains.var(ddof=1))
    assert (found.low, found.high) == pytest.approx((gains.mean() - half, gains.mean() + half))
    naive = stats.t.interval(0.95, 4, gains.mean(), gains.std(ddof=1) / math.sqrt(5))
    assert found.high - found.low > 1.4 * (naive[1] - naive[0])


def test_a_section_holds_mean_spread_and_every_fold():
    found = section(results([0.3, 0.25, 0.4, 0.35, 0.2]), Scheme(folds=5))
    told = {metric.key: metric for metric in found.metrics}
    assert told["cross_validation.gain"].value == pytest.approx(0.3)
    assert told["cross_validation.gain"].interval.low > 0
    assert told["cross_validation.spread"].value == pytest.approx(np.std([0.3, 0.25, 0.4, 0.35, 0.2], ddof=1))
    assert [row[0] for row in found.tables[0].rows] == ["1", "2", "3", "4", "5"]
    assert any("Nadeau" in note for note in found.notes)


def test_one_fold_alone_has_no_interval():
    found = section(results([0.3]), Scheme())
    told = {metric.key: metric for metric in found.metrics}
    assert told["cross_validation.gain"].interval is None
    assert told["cross_validation.gain"].why
    assert told["cross_validation.spread"].value is None
    assert verdict(found, 5) == (
        "One fold alone cannot say whether this recipe helps: over 1 of 5 folds the held-out loss falls from 3.000 to 2.700."
    )


@pytest.mark.parametrize(
    ("gains", "sentence"),
    [
        ([0.3, 0.25, 0.4, 0.35, 0.2], "This recipe helps with dialogues that it did not learn from: over 5 folds"),
        ([-0.3, -0.25, -0.4, -0.35, -0.2], "This recipe does harm with dialogues that it did not learn from: over 5 folds"),
        ([0.3, -0.25, 0.4, -0.35, 0.2], "It cannot be told whether this recipe helps"),
    ],
)
def test_the_verdict_says_whether_the_recipe_helps(gains, sentence):
    assert verdict(section(results(gains), Scheme(folds=5)), 5).startswith(sentence)


def test_dialogues_are_measured_without_and_with_what_was_learned(tiny_model, dialogues, tmp_path):
    recipe = small_recipe(tiny_model, dialogues, "watch.samples=0")
    job = create_job(recipe, JobOrder())
    work_here(job)
    (adapter,) = job.output.glob("*.gguf")
    unseen = write_dialogues(tmp_path / "unseen.jsonl", count=6, seed=2)
    found = held_out_losses(recipe, unseen, adapter, tmp_path / "prepared")
    assert found.after < found.before, "simple words are soon learned"
    assert found.before == pytest.approx(job.summary().first_held_out, rel=0.1), "other dialogues of the same kind, in torch"
    gone_on_with = held_out_losses(replace(recipe, start_adapter=str(adapter)), unseen, adapter, tmp_path / "prepared")
    assert gone_on_with.before == pytest.approx(found.after), "what it began with is no gain"
