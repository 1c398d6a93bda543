"""Which examples make up which step, and how a step is cut into rows."""

from __future__ import annotations

from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from companion.core.recipes.parts import Training
from companion.workshop.training.order import DataOrder, micro_batches


class Lengths:
    """Examples of which only the lengths matter."""

    def __init__(self, lengths):
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.train = np.arange(len(lengths))
        self.held_out = np.zeros(0, dtype=np.int64)

    def order(self, epoch, seed):
        return np.random.default_rng([seed, epoch]).permutation(self.train)


some_lengths = st.lists(st.integers(1, 400), min_size=1, max_size=40)


@given(some_lengths, st.integers(0, 2000), st.integers(1, 60))
def test_every_epoch_holds_every_example_once_and_no_step_is_empty(lengths, tokens, dialogues):
    order = DataOrder(Lengths(lengths), Training(tokens_per_step=tokens, dialogues_per_step=dialogues), 2.0)
    for epoch in range(2):
        steps = [order.examples(epoch * order.steps_per_epoch + i) for i in range(order.steps_per_epoch)]
        assert all(steps)
        assert sorted(chain(*steps)) == list(range(len(lengths)))
    assert order.steps == 2 * order.steps_per_epoch


def test_steps_hold_about_as_many_tokens_as_asked_for():
    data = Lengths([50] * 200)
    order = DataOrder(data, Training(tokens_per_step=1000), 1.0)
    assert order.steps == 10
    assert {len(order.examples(step)) for step in range(10)} == {20}


def test_one_dialogue_per_step_and_all_of_them_at_once():
    data = Lengths([10, 20, 30])
    assert DataOrder(data, Training(tokens_per_step=0, dialogues_per_step=1), 1.0).steps == 3
    full = DataOrder(data, Training(tokens_per_step=0, dialogues_per_step=100), 4.0)
    assert full.steps == 4
    assert sorted(full.examples(3)) == [0, 1, 2]


def test_the_order_is_that_of_the_seed_and_of_the_epoch():
    data = Lengths([10] * 50)

    def steps(seed):
        order = DataOrder(data, Training(tokens_per_step=100, seed=seed), 2.0)
        return [order.examples(step) for step in range(order.steps)]

    assert steps(0) == steps(0)
    assert steps(0) != steps(1)
    assert steps(0)[:5] != steps(0)[5:]
    order = DataOrder(data, Training(tokens_per_step=100), 2.0)
    assert order.examples(7) == steps(0)[7], "a resumed run begins in the middle"


def test_steps_end_where_the_recipe_says():
    order = DataOrder(Lengths([10] * 4), Training(tokens_per_step=10, steps=7), 1.0)
    assert order.steps == 7
    assert order.epoch(7) == 1.75


@given(some_lengths, st.integers(1, 500))
def test_rows_hold_everything_once_and_no_more_than_they_may(lengths, most):
    rows = micro_batches(range(len(lengths)), np.asarray(lengths), most)
    assert sorted(chain(*rows)) == list(range(len(lengths)))
    assert all(len(row) == 1 or sum(lengths[i] for i in row) <= most for row in rows)
