"""Loops are found wherever they stand, and talk is not taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.loops import find_loop
from companion.core.paths import models_folder

WORD = st.text("abcdefghij", min_size=1, max_size=6)
DISTINCT = st.lists(WORD, min_size=1, max_size=60, unique=True)


@given(DISTINCT)
def test_words_that_are_all_different_are_no_loop(words):
    assert find_loop(" ".join(words)) == ""


@given(st.lists(WORD, max_size=20, unique=True), st.lists(WORD, min_size=3, max_size=12), st.integers(3, 6))
def test_a_phrase_repeated_three_times_is_found_after_anything(before, phrase, times):
    assert find_loop(" ".join([*before, *phrase * times])) != ""


@given(st.text(max_size=300))
def test_any_text_is_looked_through(text):
    found = find_loop(text)
    assert isinstance(found, str)


@given(st.lists(WORD, min_size=3, max_size=8, unique=True))
def test_said_twice_is_no_loop(phrase):
    assert find_loop(" ".join([*phrase, *phrase])) == ""


@pytest.mark.parametrize(
    "text",
    [
        "I love you. I love you. I love you. I love you.",
        "It's fine, really. It's fine, really! It’s fine, really.",
        "I think it is a good idea to rest. First eat. I think it is a good idea to rest. Then "
        "sleep. And I think it is a good idea to rest.",
        "and and and and and and and and and and and and",
        "星を見る星を見る星を見る星を見る星を見る星を見る星を見る星を見る",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Yes 😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀 no",
    ],
)
def test_loops_that_models_fall_into(text):
    assert find_loop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No, no, no!",
        "Ha ha ha ha, very funny.",
        "------------------------------------------------",
        "Wait............................................",
        "It was a long, long, long day, and I am very, very tired.",
        "Tea for you, tea for me, tea for the telescope.",
        "Round and round it goes, and where it stops nobody knows.",
    ],
)
def test_how_people_talk_is_no_loop(text):
    assert find_loop(text) == ""


def test_none_of_the_written_replies_is_a_loop():
    for path in sorted((models_folder() / "hoshi" / "dialogues").glob("*.jsonl")):
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            for message in json.loads(line)["messages"]:
                assert find_loop(message["content"]) == "", message["content"]
