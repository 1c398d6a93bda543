"""Plain text and titles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.conversation import plain_text, title_from

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Lone surrogates included, which typed and pasted text can hold."""


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("a\x00b", "ab"),
        ("a\ud800b", "a\ufffdb"),
        ("\udc00", "\ufffd"),
        ("\ud83d\ude00 joined", "😀 joined"),
        ("héllo 東京 🌟 \u2028 \u202eעברית", "héllo 東京 🌟 \u2028 \u202eעברית"),
    ],
)
def test_text_becomes_plain(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@given(ANY_TEXT)
def test_plain_text_can_be_stored_and_stays_as_it_is(text: str) -> None:
    plain = plain_text(text)
    plain.encode("utf-8")
    assert "\x00" not in plain
    assert "\r" not in plain
    assert plain_text(plain) == plain


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hello there", "Hello there"),
        ("Tell me a story. Make it long.", "Tell me a story"),
        ("Why is the sky blue? I always wondered", "Why is the sky blue?"),
        ("What a day! Really. Yes", "What a day!"),
        ("Hi. Can you help me?", "Hi. Can you help me?"),
        ("  many \n\n lines\tof text ", "many lines of text"),
        ("", "New conversation"),
        (" \n ", "New conversation"),
        ("...", "New conversation"),
        ("word " * 30, "word word word word word word word word…"),
        ("ends exactly at the forty-fourth characters!", "ends exactly at the forty-fourth characters!"),
        ("x" * 100, "x" * 43 + "…"),
        ("one two three four five six seven eight ten eleven", "one two three four five six seven eight ten…"),
        ("今日は東京へ行きました。楽しかったです。", "今日は東京へ行きました"),
    ],
)
def test_a_title_is_the_first_thing_said(text: str, title: str) -> None:
    assert title_from(text) == title


@given(ANY_TEXT, st.integers(8, 60))
def test_a_title_is_short_and_never_empty(text: str, limit: int) -> None:
    title = title_from(text, limit)
    assert 0 < len(title) <= max(limit, len("New conversation"))
    assert title == " ".join(title.split())
