"""The gate: a new adapter is adopted only when something speaks for it and nothing against it."""

from __future__ import annotations

import random

import pytest

from companion.core.recipes.evaluate import Gate
from companion.core.report import adopts
from companion.workshop.evaluation import forgetting
from companion.workshop.evaluation.gate import gated
from tests.workshop.reports.sample_reports import loss, one, report, section, share

GATE = Gate(enabled=True)


def around(mean, spread=0.02, count=40, seed=0):
    """Losses of dialogues; the same seed is as hard for both subjects."""
    chance = random.Random(seed)
    return [
        mean + chance.uniform(-0.5, 0.5) + random.Random(seed + 1 + n + int(1000 * mean)).gauss(0, spread) for n in range(count)
    ]


def subject(name, own=2.0, general=3.0, hits=35, earlier=None, **more):
    sections = [
        section(loss(around(own, **more))),
        section(
            loss(around(general, **more), key=forgetting.GENERAL, title="Loss on general dialogue", headline=False),
            key="forgetting",
        ),
        section(share(hits, 40, key="persona.facts", title="Facts"), key="persona"),
    ]
    if earlier is not None:
        metric = loss(around(earlier), key=f"{forgetting.EARLIER}voice", title="Loss on voice", headline=False)
        sections[1] = section(*sections[1].metrics, metric, key="forgetting")
    return one(name, *sections)


def decided(new, old=None, **about):
    return gated(report(old or subject("starter + old"), new, **about), GATE)


def test_what_is_better_and_costs_nothing_is_adopted():
    found = decided(subject("starter + new", own=1.6))
    assert found.verdict.startswith("Adopt: the loss on your dialogues fell by 0.3")
    assert "general dialogue changed by" in found.verdict
    assert "0.05 is accepted" in found.verdict
    assert "no measure of the character is worse (1 compared, none better)" in found.verdict
    assert adopts(found)
    (table,) = found.measured[1].sections[0].tables
    assert [row[1] for row in table.rows] == ["yes", "yes", "yes"]


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ({"own": 2.0}, "it is not beyond chance better at your dialogues"),
        ({"own": 2.4}, "the loss on your dialogues rose by 0.4"),
        ({"own": 1.6, "general": 3.3}, "general dialogue got worse: +0.3"),
        ({"own": 1.6, "hits": 10}, "the character got worse in facts (25 % instead of 87.5 %)"),
    ],
)
def test_the_old_one_is_kept_with_the_reason(new, why):
    found = decided(subject("starter + new", **new))
    assert found.verdict.startswith("Keep the old one: ")
    assert why in found.verdict
    assert not adopts(found)


def test_too_little_to_tell_speaks_against_a_change():
    """The same losses, with so much chance in few dialogues that general dialogue may have got worse."""
    noisy = {"spread": 0.4, "count": 8}
    found = decided(subject("starter + new", own=1.0, general=3.002, **noisy), subject("starter + old", **noisy))
    assert found.verdict.startswith("Keep the old one: general dialogue may have got worse")
    few = decided(subject("starter + new", own=1.0, count=4), subject("starter + old", count=4))
    assert "too few of your dialogues" in few.verdict


def test_without_an_old_adapter_it_is_the_model_that_stays():
    assert decided(subject("starter + new"), subject("starter")).verdict.startswith("Keep the model as it is: ")


def test_what_was_learned_earlier_must_not_be_lost_and_is_told_as_backward_transfer():
    old = subject("starter + old", earlier=1.5)
    kept = decided(subject("starter + new", own=1.6, earlier=1.45), old)
    assert adopts(kept)
    assert kept.measured[1].metrics()[forgetting.TRANSFER].value == pytest.approx(0.05, abs=0.03)
    lost = decided(subject("starter + new", own=1.6, earlier=2.2), old)
    assert "what it learned earlier (voice) got worse: +0.7" in lost.verdict
    assert lost.measured[1].metrics()[forgetting.TRANSFER].value == pytest.approx(-0.7, abs=0.03)


def test_dialogues_that_it_learned_from_prove_nothing():
    caution = "starter + new learned from “a.jsonl”: what is measured there says little about new dialogues."
    found = decided(subject("starter + new", own=1.0), cautions=(caution,))
    assert found.verdict.startswith("Keep the old one: it was measured on dialogues that it learned from")
    assert found.verdict.endswith(caution)


def test_an_unfinished_measurement_decides_nothing():
    found = gated(report(subject("starter + old"), subject("starter + new", own=1.0), finished=False), GATE)
    assert found.verdict.startswith("Keep the old one: it was not measured to the end")
