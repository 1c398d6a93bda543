"""Trouble is named when it comes, once, and not when all is well."""

from __future__ import annotations

import math

import pytest

from companion.workshop.training.trouble import TroubleFinder


def kinds(losses, norms=None, shares=None, factor=1.0):
    finder, found = TroubleFinder(), []
    norms = norms or [1.0] * len(losses)
    shares = shares or [0.01] * len(losses)
    for step, (loss, norm, share) in enumerate(zip(losses, norms, shares, strict=True), start=1):
        found += finder.step(step, loss, norm, factor, share)
    return [trouble.kind for trouble in found]


def falling(steps=150):
    return [1.2 + 2 * math.exp(-step / 40) + 0.05 * (step % 3) for step in range(steps)]


def test_a_training_that_goes_well_is_left_in_peace():
    assert kinds(falling(), norms=[1 + 0.5 * (step % 4) for step in range(150)]) == []


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("divergence", {"losses": falling(60) + [1.6 + 0.05 * step for step in range(60)]}),
        ("plateau", {"losses": [2.0 + 0.001 * (step % 2) for step in range(100)]}),
        ("exploding", {"losses": falling(60), "norms": [1.0] * 50 + [50.0] * 10}),
        ("vanishing", {"losses": falling(60), "norms": [10 ** (-step / 5) for step in range(60)]}),
        ("divergence", {"losses": [2.0] + [80.0] * 80, "norms": [1.0, 30.0] + [0.0] * 79}),
        ("divergence", {"losses": [6.4, 7.1, 5.1] + [5.95] * 80, "norms": [3.0, 100.0, 38.0] + [0.0] * 80}),
        ("vanishing", {"losses": [2.0 + 0.01 * (step % 3) for step in range(30)], "norms": [0.0] * 30}),
        ("starvation", {"losses": falling(60), "shares": [0.5] * 60}),
    ],
)
def test_each_trouble_is_told_once(kind, facts):
    assert kinds(**facts) == [kind]


def test_single_dialogues_of_different_difficulty_are_no_divergence():
    finder = TroubleFinder()
    finder.evaluated(0, 2.4)
    losses = [0.8, 2.5, 2.6, 2.4, 2.7, 2.5, 0.9, 2.2, 2.6, 2.3, 2.5, 2.0]
    assert [finder.step(step, loss, 1.0, 1.0, 0.0) for step, loss in enumerate(losses, start=1)] == [[]] * len(losses)


def test_what_a_version_before_did_not_remember_is_no_fault():
    state = TroubleFinder().state_dict()
    del state["start"], state["far"]
    finder = TroubleFinder()
    finder.load_state_dict(state | {"losses": [2.0] * 20})
    assert finder.step(21, 2.0, 1.0, 1.0, 0.0) == []


def test_a_standstill_at_the_end_of_the_schedule_is_no_trouble():
    assert kinds([2.0 + 0.001 * (step % 2) for step in range(100)], factor=0.1) == []


def test_learning_by_heart_is_seen_when_held_out_loss_rises_while_the_other_falls():
    finder, found = TroubleFinder(), []
    for step in range(1, 101):
        finder.step(step, 2.0 - step * 0.015, 1.0, 1.0, 0.0)
        if step % 20 == 0:
            held_out = {20: 1.9, 40: 1.7, 60: 1.8, 80: 1.9, 100: 2.0}[step]
            found += [finder.evaluated(step, held_out)]
    assert [trouble.kind for trouble in found if trouble] == ["overfitting"]


def test_what_it_remembers_survives_a_checkpoint():
    losses = falling(60) + [1.6 + 0.05 * step for step in range(60)]
    finder, found = TroubleFinder(), []
    for step, loss in enumerate(losses, start=1):
        state = finder.state_dict()
        finder = TroubleFinder()
        finder.load_state_dict(state)
        found += finder.step(step, loss, 1.0, 1.0, 0.0)
    assert [trouble.kind for trouble in found] == ["divergence"]
    assert found[0].remedy
