"""What is said aloud, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.speech_text import speakable


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("*smiles* Come in.", "smiles Come in."),
        ("Look at **this**: `tea`!", "Look at this: tea!"),
        ("See [the map](https://example.org/x) 🌟 now", "See the map now"),
        ("https://example.org/very/long", ""),
        ("```python\nprint(1)\n```", ""),
        ("…", ""),
        ("お茶をどうぞ。", "お茶をどうぞ。"),
    ],
)
def test_formatting_addresses_and_emoji_stay_silent(written: str, said: str):
    assert speakable(written) == said


@given(st.text())
def test_any_text_can_be_made_speakable(text: str):
    assert speakable(speakable(text)) == speakable(text)
