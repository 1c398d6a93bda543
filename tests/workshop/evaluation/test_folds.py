"""Every way to divide keeps what belongs together on one side, and uses every dialogue as it should."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.errors import DatasetError
from companion.workshop.evaluation.folds import Scheme, splits


def talk(number, **labels):
    turns = (DialogueTurn("user", f"question {number}"), DialogueTurn("assistant", f"answer {number}"))
    return Dialogue(messages=turns, id=str(number), labels=labels)


TALKS = [talk(i, topic="rain" if i % 4 else "tea", author=str(i // 3)) for i in range(60)]


def test_folds_measure_every_dialogue_once():
    found = splits(TALKS, Scheme(folds=5))
    assert len(found) == 5
    assert sorted(np.concatenate([split.held_out for split in found])) == list(range(60))
    for split in found:
        assert not set(split.train) & set(split.held_out)
        assert len(split.held_out) == 12


def test_strata_are_mixed_alike_in_every_fold():
    for split in splits(TALKS, Scheme(folds=5, stratify_by="topic")):
        assert Counter(TALKS[i].labels["topic"] for i in split.held_out) == {"rain": 9, "tea": 3}


def test_groups_stay_on_one_side():
    for split in splits(TALKS, Scheme(folds=4, group_by="author")):
        assert not {TALKS[i].labels["author"] for i in split.train} & {TALKS[i].labels["author"] for i in split.held_out}


def test_leaving_one_out_leaves_out_one_group():
    talks = [*TALKS[:6], TALKS[0]]
    found = splits(talks, Scheme(kind="leave-one-out", repeats=3))
    assert sorted(map(len, (split.held_out for split in found))) == [1, 1, 1, 1, 1, 2], "copies count once, and stay together"
    assert len(splits(TALKS, Scheme(kind="leave-one-out", group_by="author"))) == 20


def test_repeats_divide_anew_and_the_same_seed_divides_in_the_same_way():
    scheme = Scheme(folds=3, repeats=2, seed=4)
    once, again = ([split.held_out.tolist() for split in splits(TALKS, scheme)] for _ in range(2))
    assert once == again
    assert len(once) == 6
    assert once[:3] != once[3:]


def test_a_holdout_keeps_back_its_share():
    (split,) = splits(TALKS, Scheme(kind="holdout", share=0.2))
    assert len(split.held_out) == 12


@pytest.mark.parametrize("scheme", [Scheme(folds=7), Scheme(folds=1), Scheme(kind="holdout", share=0.0)])
def test_what_cannot_be_divided_is_refused(scheme):
    with pytest.raises(DatasetError):
        splits(TALKS[:6], scheme)


def test_one_sentence_says_how_it_was_divided():
    said = Scheme(folds=5, repeats=2, stratify_by="Topic", seed=3).sentence
    assert said == (
        "The dialogues were divided into 5 folds, each held out once, 2 times over "
        "(grouped by equal text, balanced by Topic, seed 3)"
    )
