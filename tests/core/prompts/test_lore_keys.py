"""Which keys of a lorebook occur in a text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.prompts.lore_keys import KeyIndex, key_of


def found(
    key: str, text: str, *, is_regex: bool = False, case_sensitive: bool = False, whole_words: bool = True, looks: int = 1
) -> bool:
    index = KeyIndex()
    ready = key_of(key, is_regex=is_regex, case_sensitive=case_sensitive, whole_words=whole_words)
    if ready is None:
        return False
    number = index.add(ready)
    for _ in range(looks):
        index.begin()
        result = number in index.found_in(text)
    return result


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("ash", "The ash falls.", True),
        ("ash", "She was washing.", False),
        ("ash", "Ashley", False),
        ("Ash", "ASH!", True),
        ("dragon", "Two dragons", True),
        ("box", "the boxes.", True),
        ("as", "ass", False),
        ("dragon", "the dragon's egg", True),
        ("star maps", "old star  maps\nhere", True),
        ("star map", "old star maps", True),
        ("star map", "a superstar map", False),
        ("O'Brien", "it is O’Brien's", True),
        ("C++", "I write C++ code", True),
        (":)", "hello :)", True),
        ("@home", "he is @home now", True),
        ("café", "cafe\u0301 de nuit", True),
        ("İstanbul", "in İSTANBUL today", True),
        ("猫", "うちの猫は白い", True),
        ("東京タワー", "昨日東京タワーへ行った", True),
        ("고양이", "고양이가 잔다", True),
        ("แมว", "ฉันรักแมวมาก", True),
        ("Miso", "猫のMisoです", True),
        ("", "anything", False),
        ("   ", "any thing", False),
    ],
)
def test_a_plain_key_is_found_as_whole_words_where_words_have_spaces(key: str, text: str, expected: bool) -> None:
    assert found(key, text) is expected


@pytest.mark.parametrize(("key", "text", "expected"), [("Ash", "ash", False), ("Ash", "Ash.", True), ("İz", "İz", True)])
def test_case_counts_where_the_entry_says_so(key: str, text: str, expected: bool) -> None:
    assert found(key, text, case_sensitive=True) is expected


def test_parts_of_words_count_where_the_entry_says_so() -> None:
    assert found("ash", "washing", whole_words=False)


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        (r"drag(on|oness)\b", "A Dragoness!", True),
        (r"/st.r/", "star", True),
        (r"/st.r/", "STAR", False),
        (r"/st.r/i", "STAR", True),
        (r"/a.b/s", "a\nb", True),
        (r"/^b/m", "a\nb", True),
        ("cat", "concatenate", True),
        ("(", "(", False),
        ("[z-a]", "z", False),
        ("/(/", "(", False),
        (r"\p{Nope}", "x", False),
        ("(" * 390, "x", False),
        ("x" * 401 + "?", "x" * 401, False),
    ],
)
def test_regular_expressions(key: str, text: str, expected: bool) -> None:
    assert found(key, text, is_regex=True) is expected


def test_a_key_in_slashes_is_a_regular_expression_in_any_entry() -> None:
    assert found("/st[ao]r/", "a stor")
    assert not found("st[ao]r", "a stor")


HOSTILE = [
    *(r"(a+)+$", r"(?:a|a)*b", r"(?R)", r"(?:(?R)|a)*", r"(a*)*b", r"(?:(?:(?:a|b)?c?)*d?)*$", "|".join(["a.*b"] * 60)),
    *("((((a{9999}){9999}){9999}){9999})", "(?:a{1000}){1000}", "a{99999999999999999999}", "a" * 390, r"(?e)(?:a+b){e<=9}"),
]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_a_hostile_pattern_costs_next_to_nothing(pattern: str) -> None:
    began = time.process_time()
    found(pattern, ("a" * 40 + "!") * 3000, is_regex=True, looks=20)
    assert time.process_time() - began < 0.7


def test_a_thousand_hostile_patterns_leave_a_look_short() -> None:
    index = KeyIndex()
    for i in range(1000):
        key = key_of(f"(a+)+{i}$", is_regex=True, case_sensitive=False, whole_words=True)
        assert key is not None
        index.add(key)
    index.begin()
    index.found_in("a" * 5000)
    began = time.process_time()
    for i in range(5):
        index.begin()
        for j in range(4):
            index.found_in("a" * 5000 + f"{i} {j}")
    assert time.process_time() - began < 1.5


def test_a_pattern_that_took_too_long_once_is_given_up() -> None:
    assert found("(a+)+$", "aaa", is_regex=True)
    index = KeyIndex()
    key = key_of("(a+)+$", is_regex=True, case_sensitive=False, whole_words=True)
    assert key is not None
    index.add(key)
    for text in ("a" * 5000 + "!", "aaa"):
        index.begin()
        assert index.found_in(text) == frozenset()


def test_patterns_that_had_no_time_are_tried_at_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    index = KeyIndex()
    keys = [key_of(rf"x{i}\b", is_regex=True, case_sensitive=False, whole_words=True) for i in range(3)]
    numbers = [index.add(key) for key in keys if key]
    assert index.found_in("x0 x1 x2") == frozenset(), "no look has begun: there is no time"
    index.begin()
    assert index.found_in("x0 x1 x2") == set(numbers)


@settings(max_examples=200, deadline=None)
@given(key=st.text(min_size=1, max_size=12), text=st.text(max_size=60), is_regex=st.booleans(), whole=st.booleans())
def test_no_key_raises(key: str, text: str, is_regex: bool, whole: bool) -> None:
    found(key, text, is_regex=is_regex, whole_words=whole)


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(st.sampled_from(["star", "Über", "tea house", "猫", "c++", "naïve", "7up", "x_y"]), min_size=1, max_size=4),
    key=st.sampled_from(["star", "über", "tea house", "猫", "C++", "NAÏVE", "7up", "x_y"]),
)
def test_a_key_is_found_exactly_where_it_was_said(words: list[str], key: str) -> None:
    assert found(key, " and ".join(words)) is (key.lower() in [word.lower() for word in words])
