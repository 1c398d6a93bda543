"""The sentence at the top of a report: what it says in each case, and what it must not claim."""

from __future__ import annotations

import pytest

from companion.core.report import Failure, Section
from tests.workshop.reports.sample_reports import loss, one, report, rich_report, section, share

FAR = [3.0 + 0.1 * (n % 5) for n in range(40)]
NEAR = [value - 0.2 + 0.02 * (n % 3) for n, value in enumerate(FAR)]


def losses(name, values, **more):
    return one(name, section(loss(values, **more)))


def test_a_clear_gain_is_told_with_its_size_and_how_sure_it_is():
    text = report(losses("A", FAR), losses("B", NEAR)).verdict
    assert text.startswith("B is better than A on 1 of 1, worse on none; the gain in held-out loss is 0.18")
    assert "±" in text
    assert text.endswith("nats per token.")


def test_a_setback_is_told_as_plainly():
    text = report(losses("A", NEAR), losses("B", FAR)).verdict
    assert text.startswith("B is worse than A on 1 of 1, better on none; held-out loss is worse by 0.18")


def test_what_chance_could_explain_is_no_gain():
    noise = [value + (0.3 if n % 2 else -0.3) for n, value in enumerate(FAR)]
    text = report(losses("A", FAR), losses("B", noise)).verdict
    assert text.startswith("B and A cannot be told apart on the one measure: no difference is beyond chance")
    assert "better" not in text


def test_equal_subjects_cannot_be_told_apart():
    text = report(losses("A", FAR), losses("B", FAR)).verdict
    assert "cannot be told apart" in text
    assert "nan" not in text.lower()


def test_what_became_worse_beside_a_gain_is_named():
    a = one("A", section(loss(FAR), share(38, 40, key="talk.ended", title="Ends her turn")))
    b = one("B", section(loss(NEAR), share(8, 40, key="talk.ended", title="Ends her turn")))
    text = report(a, b).verdict
    assert "better than A on 1 of 2, worse on 1 (ends her turn); the gain in held-out loss" in text


def test_without_a_loss_the_clearest_difference_is_told_by_its_values():
    a = one("A", section(share(30, 40, key="talk.loops", title="Loops", better="lower")))
    b = one("B", section(share(2, 40, key="talk.loops", title="Loops", better="lower")))
    text = report(a, b).verdict
    assert "most clearly in loops: 5 % instead of 75 %, a difference of 70 ±" in text
    assert "percentage points" in text


def test_measures_that_have_no_better_side_are_not_counted():
    text = report(losses("A", FAR, better=""), losses("B", NEAR, better="")).verdict
    assert "could not be compared" in text


def test_few_dialogues_are_called_a_hint():
    text = report(losses("A", FAR[:7]), losses("B", [value - 0.5 for value in FAR[:7]])).verdict
    assert "rests on 7 dialogues only: take it as a hint" in text


def test_what_has_no_dialogue_in_common_is_not_compared():
    a, b = losses("A", FAR), losses("B", NEAR)
    metric = b.sections[0].metrics[0]
    strange = loss(NEAR)
    items = type(metric.items)(names=tuple(f"other {n}" for n in range(40)), vectors=metric.items.vectors)
    b = one("B", section(type(strange)(**{f: getattr(strange, f) for f in strange.__struct_fields__} | {"items": items})))
    assert "could not be compared with A" in report(a, b).verdict


def test_each_of_several_has_a_sentence():
    text = report(losses("A", FAR), losses("B", NEAR), losses("C", FAR)).verdict
    assert "B is better than A" in text
    assert "C and A cannot be told apart" in text


def test_one_alone_is_described_by_its_strongest_and_weakest_side():
    measured = one(
        "starter",
        section(
            loss(FAR),
            share(39, 40, key="talk.ended", title="Ends her turn"),
            share(30, 40, key="talk.loops", title="Loops", better="lower"),
        ),
        Section(key="talk", title="Talk", failures=(Failure(kind="loop", where="x", example="y"),)),
    )
    text = report(measured).verdict
    assert text.startswith("starter: held-out loss 3.2")
    assert "Best side: ends her turn 97.5 %" in text
    assert "weakest side: loops 75 %" in text
    assert "where less is better" in text
    assert "Seen to go wrong: she repeats herself in a loop." in text


def test_what_another_part_has_seen_to_go_wrong_is_no_praise():
    obeys = share(0, 20, key="robustness.obeys_injections", title="Obeys orders hidden in a message", better="lower")
    ends, remembers = share(30, 40, key="talk.ended", title="Ends her turn"), share(5, 40, key="recall.told", title="Remembers")
    attacks = Section(key="robustness", title="Robustness", failures=(Failure(kind="obeys-injection", where="x", example="y"),))
    assert (
        "Best side: obeys orders hidden in a message 0 %"
        in report(one("starter", section(loss(FAR), ends, remembers, obeys))).verdict
    )
    assert "Best side: ends her turn 75 %" in report(one("starter", section(loss(FAR), ends, remembers, obeys), attacks)).verdict


def test_what_failed_and_what_was_ended_early_is_said():
    assert "Not measured, because something failed: what she declines." in rich_report().verdict
    assert report(losses("A", FAR), finished=False).verdict.endswith("This is a part only: the evaluation was ended early.")


@pytest.mark.parametrize("measured", [one("A"), one("A", Section(key="x", title="X", state="skipped", why="No."))])
def test_nothing_measured_is_said_so(measured):
    assert report(measured).verdict == "A: nothing that counts could be measured."
