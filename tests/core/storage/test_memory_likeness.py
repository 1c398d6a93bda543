"""When two facts are one: careful, since a fact that another one swallowed is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.storage.memory_likeness import compare

WORDS = [
    "Sam",
    "Anna's",
    "has",
    "likes",
    "a",
    "the",
    "not",
    "cat",
    "tea",
    "and",
    "in",
    "Porto",
    "very",
    "猫が好き",
    "☕",
    "34",
    "-",
]
FACTS = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Sam's cat is called Miso.", "sam’s cat is called  MISO"),
        ("Sam lives in Köln", "Sam is living in Koln!"),
        ("Sam has a cat", "Sam has the cat."),
        ("Sam's cat is called Miso", "Sam's cat is named Miso"),
        ("サムは猫が好きです。", "サムは猫が好きです"),
        ("🌟", "🌟"),
    ],
)
def test_the_same_words_in_the_same_order_are_the_same_fact(old: str, new: str) -> None:
    assert compare(old, new) == compare(new, old) == "same"


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("Sam has a cat.", "Sam has a cat called Miso."),
        ("Sam works as a nurse", "Sam works as a nurse at a hospital in Porto"),
        ("Sam likes tea", "Sam likes tea and coffee"),
        ("Sam's cat is called Miso", "Sam's orange cat is called Miso"),
        ("Sam wohnt in Köln", "Sam wohnt in Köln mit zwei Katzen"),
    ],
)
def test_a_fact_that_goes_on_says_more(less: str, more: str) -> None:
    assert compare(less, more) == "more"
    assert compare(more, less) == "less"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Sam lives in Berlin", "Sam lives in Porto"),
        ("Sam is 34 years old", "Sam is 35 years old"),
        ("Sam has a cat", "Sam has a cat allergy"),
        ("Sam likes tea", "Sam's sister likes tea"),
        ("Sam likes tea", "Sam does not like tea"),
        ("Sam drinks tea", "Sam drinks tea without milk"),
        ("Sam loves Anna", "Anna loves Sam"),
        ("Sam was a nurse", "Sam is a nurse"),
        ("Sam is married to Maria", "Sam is married to Marie"),
        ("サムは猫が好き", "サムは猫が好きじゃない"),
        ("Sam", "Sam and Anna"),
        ("🌟", "🌙"),
        ("The", "A"),
    ],
)
def test_what_may_be_another_fact_stays_one(old: str, new: str) -> None:
    assert compare(old, new) is None
    assert compare(new, old) is None


@given(old=FACTS | st.text(max_size=40), new=FACTS | st.text(max_size=40))
def test_more_is_the_reverse_of_less(old: str, new: str) -> None:
    reverse = {"same": "same", "more": "less", "less": "more", None: None}
    assert compare(new, old) == reverse[compare(old, new)]


@given(text=FACTS | st.text(max_size=60), pad=st.sampled_from([" ", "\n", "\t "]))
def test_every_text_is_the_same_as_itself(text: str, pad: str) -> None:
    assert compare(text, text) == "same"
    assert compare(text, f"{pad}{text}{pad}") == "same"
