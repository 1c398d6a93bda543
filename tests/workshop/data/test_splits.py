"""Splits by dialogue: copies and groups stay together, strata keep their shares, and the seed decides."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.dataset import Dialogue, DialogueTurn
from companion.workshop.data.splits import members


def dialogue(text: str, **labels: str) -> Dialogue:
    return Dialogue(messages=(DialogueTurn("user", text), DialogueTurn("assistant", "Yes.")), labels=labels)


DIALOGUES = st.lists(
    st.builds(lambda text, group, topic: dialogue(f"Text {text}", group=group, topic=topic),
              st.integers(0, 30), st.sampled_from("abcdefgh"), st.sampled_from("xy")),
    max_size=60,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(dialogues=DIALOGUES, seed=st.integers(0, 2**31 - 1), share=st.floats(0, 0.5), grouped=st.booleans())
def test_no_dialogue_is_lost_and_no_copy_or_group_is_on_both_sides(dialogues, seed, share, grouped):
    split = members(dialogues, seed=seed, group_by="group" if grouped else "").hold_out(share, 20)
    assert sorted([*split.train, *split.held_out]) == list(range(len(dialogues)))
    assert len(split.held_out) <= 20 * 1.5
    assert len(split.train) > 0 or not dialogues
    keys = [lambda each: each.messages[0].content, *([lambda each: each.labels["group"]] if grouped else [])]
    for key in keys:
        learned = {key(dialogues[index]) for index in split.train}
        assert learned.isdisjoint(key(dialogues[index]) for index in split.held_out)


@settings(max_examples=60, deadline=None)
@given(dialogues=DIALOGUES, count=st.integers(2, 6))
def test_folds_hold_out_everything_once(dialogues, count):
    folds = members(dialogues, seed=0, group_by="group").folds(count)
    assert sorted(index for fold in folds for index in fold.held_out) == list(range(len(dialogues)))
    for fold in folds:
        learned = {dialogues[index].labels["group"] for index in fold.train}
        assert learned.isdisjoint(dialogues[index].labels["group"] for index in fold.held_out)


def test_the_seed_decides():
    dialogues = [dialogue(f"Text {n}") for n in range(100)]
    first, again, other = (list(members(dialogues, seed=seed).hold_out(0.1, 200).held_out) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 10


def test_strata_keep_their_shares():
    dialogues = [dialogue(f"Text {n}", topic="rare" if n % 5 == 0 else "common") for n in range(200)]
    split = members(dialogues, seed=3, stratify_by="topic").hold_out(0.1, 200)
    topics = [dialogues[index].labels["topic"] for index in split.held_out]
    assert (topics.count("rare"), topics.count("common")) == (4, 16)


def test_branches_of_one_conversation_stay_together():
    dialogues = [dialogue(f"Text {n}", conversation=str(n // 4)) for n in range(40)]
    split = members(dialogues, seed=0).hold_out(0.2, 200)
    assert {index // 4 for index in split.held_out}.isdisjoint(index // 4 for index in split.train)
    assert len(split.held_out) == 8


def test_more_dialogues_leave_the_others_where_they_were():
    dialogues = [dialogue(f"Text {n}") for n in range(200)]
    before = set(members(dialogues[:100], seed=0).hold_out(0.1, 200).held_out.tolist())
    after = set(members(dialogues, seed=0).hold_out(0.1, 200).held_out.tolist())
    assert len(before & after) >= 5


def test_copies_that_differ_only_in_spaces_and_case_are_copies():
    dialogues = [dialogue(text) for text in ("Hello there", "hello  there", "HELLO THERE", *(f"Text {n}" for n in range(9)))]
    for seed in range(8):
        held = set(members(dialogues, seed=seed).hold_out(0.4, 200).held_out.tolist())
        assert held >= {0, 1, 2} or held.isdisjoint({0, 1, 2})


def test_strata_too_small_to_give_a_group_are_sampled_together():
    dialogues = [dialogue(f"Text {n} {side}", group=str(n), topic=str(n)) for n in range(50) for side in "ab"]
    for seed in range(5):
        held = members(dialogues, seed=seed, group_by="group", stratify_by="topic").hold_out(0.1, 200).held_out
        assert len(held) == 10
        assert all(number ^ 1 in held for number in held), "whole groups"


def test_what_has_no_field_to_group_or_balance_by_is_counted():
    dialogues = [dialogue("One", group="a"), dialogue("Two"), dialogue("Three", group="b", topic="tea")]
    found = members(dialogues, seed=0, group_by="group", stratify_by="topic")
    assert found.unlabelled == {"group": 1, "topic": 2}
