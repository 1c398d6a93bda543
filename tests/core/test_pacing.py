"""Her words at the pace of somebody typing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from companion.core.pacing import CATCH_UP_SECONDS, CHARACTERS_PER_SECOND, Pacer


@given(st.lists(st.tuples(st.text(max_size=40), st.floats(0, 0.5)), max_size=30))
def test_nothing_is_lost_added_or_turned_around(steps):
    pacer, shown = Pacer(), ""
    for text, seconds in steps:
        pacer.add(text)
        shown += pacer.take(seconds)
    assert shown + pacer.take_all() == "".join(text for text, _ in steps)
    assert pacer.is_empty


def test_slow_words_appear_as_they_come():
    pacer = Pacer()
    pacer.add("Tea?")
    assert pacer.take(1) == "Tea?"


def test_a_pause_follows_the_end_of_a_sentence():
    plain, ended = Pacer(), Pacer()
    plain.add("One two. " + "a" * 16)
    ended.add("One. Two " + "a" * 16)
    for pacer in (plain, ended):
        pacer.take(0.05)
    assert len(plain.take(0.12)) > len(ended.take(0.12))


def test_a_fast_model_is_caught_up_with():
    pacer = Pacer()
    pacer.add("x" * 4000)
    seconds = 0.0
    while not pacer.is_empty:
        pacer.take(0.03)
        seconds += 0.03
    assert seconds < CATCH_UP_SECONDS * 6
    assert seconds < 4000 / CHARACTERS_PER_SECOND / 10
